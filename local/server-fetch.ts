import { join } from "node:path";
import type { Say } from "./apt-fetch.ts";
import { type Engine, tooOld } from "./engine.ts";
import { withFileLock } from "./file-lock.ts";
import {
  findCached,
  findServer,
  inspectServer,
  type ServerBinary,
  sluiceCacheDir,
} from "./server-binary.ts";
import { type FetchContext, type Way, waysToGet } from "./server-ways.ts";

export interface GetServerOptions {
  /** The program to run; nothing else is looked for then. */
  readonly binary?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Told what is being done when it may take a while. */
  readonly say?: Say;
}

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

/** Gets a server in the first way that works. To be called by one process at a time. */
export async function fetchServer(
  engine: Engine,
  context: FetchContext,
  ways: readonly Way[] = waysToGet(engine, context),
): Promise<ServerBinary> {
  const { cacheDir, say } = context;
  const fetchedMeanwhile = await findCached(engine, cacheDir);
  if (fetchedMeanwhile !== null) return fetchedMeanwhile;
  say(`no ${engine} server on this machine: fetching one, once`);
  const tried: string[] = [];
  for (const way of ways) {
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
  throw new Error(
    `no ${engine} server found and none could be fetched. Install one, or name one with --binary PATH or SLUICE_MYSQLD. Tried:\n${tried.join("\n")}`,
  );
}
