import { join } from "node:path";
import { fetchWithApt, type Say } from "./apt-fetch.ts";
import { type Engine, tooOld } from "./engine.ts";
import { withFileLock } from "./file-lock.ts";
import { runOrThrow, runProgram } from "./program.ts";
import {
  findCached,
  findServer,
  inspectServer,
  inspectUnpacked,
  type ServerBinary,
  sluiceCacheDir,
} from "./server-binary.ts";

export interface GetServerOptions {
  /** The program to run; nothing else is looked for then. */
  readonly binary?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Told what is being done when it may take a while. */
  readonly say?: Say;
}

interface Way {
  readonly name: string;
  get(): Promise<ServerBinary | null>;
}

/** Images run when nothing else works, one of each engine's long-term versions. */
const IMAGES: Record<Engine, string> = { mysql: "mysql:8.4", mariadb: "mariadb:11" };

/** A server for this engine: the one asked for, one on this machine, or one fetched for the purpose. */
export async function getServer(
  engine: Engine,
  options: GetServerOptions = {},
): Promise<ServerBinary> {
  const env = options.env ?? process.env;
  const say = options.say ?? (() => {});
  if (options.binary !== undefined) return givenServer(engine, options.binary);
  const found = await findServer(engine, env);
  if (found !== null) return found;
  const cacheDir = sluiceCacheDir(env);
  const lock = join(cacheDir, `fetch-${engine}.lock`);
  const onWait = (holder: string) =>
    say(`waiting for process ${holder}, which is fetching ${engine} already`);
  return withFileLock(lock, () => fetchServer(engine, { env, cacheDir, say }), { onWait });
}

async function givenServer(engine: Engine, path: string): Promise<ServerBinary> {
  const given = await inspectServer(path);
  if (given.engine !== engine)
    throw new Error(`${path} is ${given.engine} ${given.version}, but ${engine} was asked for`);
  const old = tooOld(given);
  if (old !== null) throw new Error(`${path}: ${old}`);
  return given;
}

async function fetchServer(
  engine: Engine,
  context: { env: NodeJS.ProcessEnv; cacheDir: string; say: Say },
): Promise<ServerBinary> {
  const { env, cacheDir, say } = context;
  const fetchedMeanwhile = await findCached(engine, cacheDir);
  if (fetchedMeanwhile !== null) return fetchedMeanwhile;
  say(`no ${engine} server on this machine: fetching one, once`);
  const tried: string[] = [];
  for (const way of ways(engine, context)) {
    try {
      const server = await way.get();
      if (server !== null) {
        say(`${engine} ${server.version}: ${server.path}`);
        return server;
      }
      tried.push(`  ${way.name}: not available here`);
    } catch (error) {
      tried.push(`  ${way.name}: ${(error as Error).message}`);
    }
  }
  const advice = env["SLUICE_MYSQLD"] ? "" : " or set SLUICE_MYSQLD";
  throw new Error(
    `no ${engine} server found and none could be fetched. Install one, name it with --binary PATH${advice}. Tried:\n${tried.join("\n")}`,
  );
}

function ways(
  engine: Engine,
  context: { env: NodeJS.ProcessEnv; cacheDir: string; say: Say },
): Way[] {
  const { env, cacheDir, say } = context;
  return [
    {
      name: "packages without root",
      get: async () => inspectUnpacked(engine, await fetchWithApt(engine, cacheDir, say)),
    },
    { name: "apt-get install", get: () => installWithApt(engine, env, say) },
    { name: "Homebrew", get: () => installWithBrew(engine, env, say) },
    { name: "Docker", get: () => pullImage(engine, say) },
  ];
}

async function installWithApt(
  engine: Engine,
  env: NodeJS.ProcessEnv,
  say: Say,
): Promise<ServerBinary | null> {
  const rights = await rootPrefix();
  if (rights === null || !(await answers(["apt-get", "--version"]))) return null;
  const name = engine === "mysql" ? "mysql-server-core" : "mariadb-server-core";
  const found = await runOrThrow(["apt-cache", "search", "--names-only", `^${name}(-[0-9.]+)?$`]);
  const packages = found
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((word) => word !== "")
    .sort();
  const last = packages.at(-1);
  if (last === undefined) throw new Error(`this machine's releases have no ${name}`);
  say(`apt-get install ${last}`);
  await runOrThrow([...rights, "apt-get", "install", "-y", "--no-install-recommends", last], {
    env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 900_000,
  });
  return findServer(engine, env);
}

/** Nothing as root, sudo where it asks no question, null otherwise. */
async function rootPrefix(): Promise<readonly string[] | null> {
  if (process.getuid?.() === 0) return [];
  return (await answers(["sudo", "-n", "true"])) ? ["sudo", "-n"] : null;
}

async function installWithBrew(
  engine: Engine,
  env: NodeJS.ProcessEnv,
  say: Say,
): Promise<ServerBinary | null> {
  if (!(await answers(["brew", "--version"]))) return null;
  say(`brew install ${engine}`);
  await runOrThrow(["brew", "install", engine], { timeoutMs: 1_800_000 });
  return findServer(engine, env);
}

async function pullImage(engine: Engine, say: Say): Promise<ServerBinary | null> {
  if (!(await answers(["docker", "version", "--format", "{{.Server.Version}}"]))) return null;
  const image = IMAGES[engine];
  say(`docker pull ${image}`);
  await runOrThrow(["docker", "pull", image], { timeoutMs: 1_800_000 });
  const name = engine === "mysql" ? "mysqld" : "mariadbd";
  const said = await runOrThrow([
    "docker",
    "run",
    "--rm",
    "--entrypoint",
    name,
    image,
    "--version",
  ]);
  const version = /\bVer\s+(\d+\.\d+\.\d+)/.exec(said)?.[1] ?? "0.0.0";
  return {
    engine,
    version,
    command: [name],
    path: `docker ${image}`,
    homeOptions: [],
    shareDir: null,
    pluginDir: null,
    image,
    tool: () => null,
  };
}

async function answers(command: readonly string[]): Promise<boolean> {
  return (await runProgram(command, { timeoutMs: 20_000 })).code === 0;
}
