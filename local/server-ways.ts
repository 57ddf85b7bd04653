import { fetchWithApt, type Say } from "./apt-fetch.ts";
import type { Engine } from "./engine.ts";
import { runOrThrow, runProgram } from "./program.ts";
import { findServer, inspectUnpacked, type ServerBinary } from "./server-binary.ts";

export interface FetchContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cacheDir: string;
  readonly say: Say;
}

/** One way of getting a server. */
export interface Way {
  readonly name: string;
  /** Null where this way does not exist on this machine. */
  get(): Promise<ServerBinary | null>;
}

/** Images run when nothing else works, one of each engine's long-term versions. */
const IMAGES: Record<Engine, string> = { mysql: "mysql:8.4", mariadb: "mariadb:11" };

/** The ways there are, the one that asks least of the machine first. */
export function waysToGet(engine: Engine, context: FetchContext): Way[] {
  const { env, cacheDir, say } = context;
  return [
    {
      name: "packages without root",
      get: async () => inspectUnpacked(await fetchWithApt(engine, cacheDir, say)),
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
  if (!(await answers(["docker", "image", "inspect", image]))) {
    say(`docker pull ${image}`);
    await runOrThrow(["docker", "pull", image], { timeoutMs: 1_800_000 });
  }
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
    image,
    tool: () => null,
  };
}

async function answers(command: readonly string[]): Promise<boolean> {
  return (await runProgram(command, { timeoutMs: 20_000 })).code === 0;
}
