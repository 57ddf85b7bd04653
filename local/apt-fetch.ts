import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { debianKeyring, debianMirrors, readAptSources } from "./apt-sources.ts";
import type { Engine } from "./engine.ts";
import { runOrThrow, runProgram } from "./program.ts";
import { makeAside } from "./run-folder.ts";
import { PACKAGE_LIST } from "./server-binary.ts";

/** Said on the way, for people who wait. */
export type Say = (line: string) => void;

/** One archive to look in: the machine's own releases, or Debian unstable on some mirror. */
interface Archive {
  readonly label: string;
  readonly sourceList: string;
  readonly sourceParts: string;
}

/** What to fetch for an engine. The server's package name carries the version in some releases (Ubuntu). */
const PACKAGES: Record<Engine, { server: RegExp; wanted: RegExp }> = {
  mysql: { server: /^mysql-server-core(-[\d.]+)?$/, wanted: /^mysql-client-core(-[\d.]+)?$/ },
  mariadb: { server: /^mariadb-server-core$/, wanted: /^mariadb-client-core$/ },
};

/** Packages that only carry programs' plug-ins: unpacked, their dependencies are not. */
const ALONE: Record<Engine, readonly string[]> = { mysql: [], mariadb: ["mariadb-server"] };

/** Of the closure we need what a program loads: libraries, not Perl, not configuration. */
const UNUSED =
  /^(perl|libperl|debconf|mysql-common|mariadb-common|init-system|openssl-provider|gcc-)/;

/**
 * Gets a server's packages with the machine's apt, without being root and without touching the machine: a private
 * state with its own lists and cache. Signatures and checksums are checked by apt as ever. The packages are unpacked
 * aside and renamed: a folder that exists is complete.
 */
export async function fetchWithApt(engine: Engine, cacheDir: string, say: Say): Promise<string> {
  for (const program of ["apt-get", "apt-cache", "dpkg-deb"]) {
    if ((await runProgram([program, "--version"])).code !== 0)
      throw new Error(`no ${program} on this machine`);
  }
  const tried: string[] = [];
  for (const archive of await archives(engine)) {
    const stateDir = join(cacheDir, "apt", engine, String(tried.length));
    try {
      const folder = await fetchFrom({ engine, archive, stateDir, cacheDir, say });
      await rm(join(cacheDir, "apt", engine), { recursive: true, force: true });
      return folder;
    } catch (error) {
      tried.push(`${archive.label}: ${(error as Error).message}`);
    }
  }
  throw new Error(tried.join("; "));
}

async function archives(engine: Engine): Promise<Archive[]> {
  const sources = readAptSources();
  const own = {
    label: "this machine's releases",
    sourceList: "/etc/apt/sources.list",
    sourceParts: "/etc/apt/sources.list.d",
  };
  if (engine === "mariadb") return [own]; // Every release of Debian and Ubuntu has MariaDB.
  const keyring = debianKeyring(sources);
  // Unstable's Release file may be past its date on a mirror; its signature is checked all the same.
  const options = [
    "check-valid-until=no",
    ...(keyring === null ? [] : [`signed-by=${keyring}`]),
  ].join(" ");
  const unstable = debianMirrors(sources).map((mirror) => ({
    label: `Debian unstable at ${mirror}`,
    sourceList: `deb [${options}] ${mirror} sid main\n`,
    sourceParts: "-",
  }));
  return [own, ...unstable];
}

interface Fetch {
  readonly engine: Engine;
  readonly archive: Archive;
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly say: Say;
}

async function fetchFrom(fetch: Fetch): Promise<string> {
  const { engine, archive, stateDir, say } = fetch;
  const apt = await privateState(stateDir, archive);
  say(`reading the package index of ${archive.label}`);
  const update = await runProgram(["apt-get", ...apt, "update", "-q"], { timeoutMs: 180_000 });
  const names = (await runOrThrow(["apt-cache", ...apt, "pkgnames"])).split("\n");
  const server = names
    .filter((name) => PACKAGES[engine].server.test(name))
    .sort()
    .at(-1);
  if (server === undefined) {
    const why = update.code === 0 ? "" : ` (${update.stderr.trim().split("\n").at(-1)})`;
    throw new Error(`no package of a ${engine} server${why}`);
  }
  const suffix = /core(.*)$/.exec(server)![1]!;
  const clients = names.filter(
    (name) => PACKAGES[engine].wanted.test(name) && name.endsWith(suffix),
  );
  const closure = await packageClosure(apt, [server, ...clients, "libstdc++6"]);
  const packages = [...closure, ...ALONE[engine]];
  say(`fetching ${server} and ${packages.length - 1} packages it needs`);
  const debs = join(stateDir, "debs");
  await mkdir(debs, { recursive: true });
  // apt goes on with what an interrupted run has left in the folder, after checking it.
  await runOrThrow(["apt-get", ...apt, "download", "-q", ...packages], {
    cwd: debs,
    timeoutMs: 900_000,
  });
  const uris = await runOrThrow(["apt-get", ...apt, "download", "-q", "--print-uris", ...packages]);
  const files = uris.split("\n").flatMap((line) => /^'\S+' (\S+\.deb) /.exec(line)?.[1] ?? []);
  return unpack(
    fetch,
    server,
    files.map((file) => join(debs, file)),
  );
}

/** apt's options for a state of its own. */
async function privateState(dir: string, archive: Archive): Promise<string[]> {
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    await mkdir(join(dir, part), { recursive: true });
  }
  await writeFile(join(dir, "state/status"), ""); // Nothing is installed: the closure is whole.
  let list = archive.sourceList;
  if (!list.startsWith("/")) {
    list = join(dir, "sources.list");
    await writeFile(list, archive.sourceList);
  }
  const settings = {
    "Dir::State": join(dir, "state"),
    "Dir::State::status": join(dir, "state/status"),
    "Dir::Cache": join(dir, "cache"),
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": archive.sourceParts,
    "Dir::Etc::preferences": "-",
    "Dir::Etc::preferencesparts": "-",
    "APT::Sandbox::User": "",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
  };
  // The machine's hooks after an update (they clear its caches) are not for us.
  const hooks = ["Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"].map(
    (hook) => `#clear APT::Update::${hook};`,
  );
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  const file = join(dir, "apt.conf");
  await writeFile(file, [...hooks, ...lines, ""].join("\n"));
  return ["-c", file];
}

/** Names of all packages that an installation on an empty machine would take. */
async function packageClosure(
  apt: readonly string[],
  wanted: readonly string[],
): Promise<string[]> {
  const plan = await runOrThrow([
    "apt-get",
    ...apt,
    "install",
    "--simulate",
    "-y",
    "--no-install-recommends",
    ...wanted,
  ]);
  const names = plan.split("\n").flatMap((line) => /^Inst (\S+)/.exec(line)?.[1] ?? []);
  return names.filter((name) => !UNUSED.test(name));
}

async function unpack(fetch: Fetch, server: string, debs: readonly string[]): Promise<string> {
  const servers = join(fetch.cacheDir, "servers");
  await mkdir(servers, { recursive: true });
  const aside = await makeAside(join(servers, `.unpacking-${fetch.engine}-`));
  try {
    const names = debs.map((deb) => basename(deb));
    const version = names.find((name) => name.startsWith(`${server}_`))?.split("_")[1];
    if (version === undefined) throw new Error(`${server} is not among the fetched packages`);
    fetch.say(`unpacking ${debs.length} packages`);
    for (const deb of debs) await runOrThrow(["dpkg-deb", "-x", deb, aside]);
    await writeFile(join(aside, PACKAGE_LIST), `${names.join("\n")}\n`);
    const folder = join(
      servers,
      `${fetch.engine}-${decodeURIComponent(version).replace(/[^\w.+~-]/g, "_")}`,
    );
    await rm(folder, { recursive: true, force: true });
    await rename(aside, folder);
    return folder;
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}
