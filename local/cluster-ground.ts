import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { awaitFormerServers, type ClusterState, readClusterState } from "./cluster-state.ts";
import type { Engine } from "./engine.ts";
import { type ReleaseLock, tryFileLock } from "./file-lock.ts";
import { makeRunFolder } from "./run-folder.ts";
import { makeTlsFiles, type TlsFiles } from "./tls-files.ts";
import { Watchdog } from "./watchdog.ts";

/** Milliseconds that servers with data to keep have to shut down when we are gone. */
const SHUTDOWN_MS = 10_000;

/** What a cluster stands on, made before its first server. */
export interface Ground {
  readonly watchdog: Watchdog;
  readonly runDir: string;
  /** Absolute, null for a temporary cluster. */
  readonly dataDir: string | null;
  readonly unlock: ReleaseLock;
  readonly former: ClusterState | null;
  readonly tls: TlsFiles;
}

export async function prepareGround(options: {
  readonly engine: Engine;
  readonly dataDir?: string | undefined;
  readonly names?: readonly string[];
}): Promise<Ground> {
  const dataDir = options.dataDir === undefined ? null : resolve(options.dataDir);
  const unlock = dataDir === null ? async () => {} : await lockDataDir(dataDir);
  const watchdog = new Watchdog(dataDir === null ? 0 : SHUTDOWN_MS);
  try {
    const former = dataDir === null ? null : await readClusterState(dataDir);
    if (former !== null && former.engine !== options.engine) {
      throw new Error(
        `${dataDir} holds a ${former.engine} cluster, but ${options.engine} was asked for`,
      );
    }
    if (former !== null) await awaitFormerServers(former);
    const runDir = await makeRunFolder();
    watchdog.removeAtEnd(runDir);
    return {
      watchdog,
      runDir,
      dataDir,
      unlock,
      former,
      tls: await makeTlsFiles(join(runDir, "tls"), options.names),
    };
  } catch (error) {
    await watchdog.dismiss();
    await unlock();
    throw error;
  }
}

async function lockDataDir(dataDir: string): Promise<ReleaseLock> {
  await mkdir(dataDir, { recursive: true });
  const held = await tryFileLock(join(dataDir, "cluster.lock"));
  if (typeof held !== "function") throw new Error(`${dataDir} is in use by process ${held.holder}`);
  return held;
}

/** Gives up waiting at once; a fetch goes on and serves the next start, or ends with the process. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
