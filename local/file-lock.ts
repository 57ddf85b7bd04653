import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface LockOptions {
  /** Said once, with the holder's process id, when the lock is taken and we wait. */
  readonly onWait?: (holder: string) => void;
  /** Milliseconds of silence after which a holder counts as gone. */
  readonly staleMs?: number;
}

const HEARTBEAT_MS = 1_000;
const POLL_MS = 100;
const STALE_MS = 20_000;

/** Ends the hold on a lock. */
export type ReleaseLock = () => Promise<void>;

/**
 * Runs `work` while no other process on this machine (or sharing the folder) runs work under the same lock file.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  let said = false;
  for (;;) {
    const held = await tryFileLock(path, options);
    if (typeof held === "function") {
      try {
        return await work();
      } finally {
        await held();
      }
    }
    if (!said) options.onWait?.(held.holder);
    said = true;
    await pause(POLL_MS);
  }
}

/**
 * Takes the lock, or says which process has it. The holder touches the file every second: a lock whose holder died, even
 * in another container, ends by itself.
 */
export async function tryFileLock(
  path: string,
  options: LockOptions = {},
): Promise<ReleaseLock | { readonly holder: string }> {
  await mkdir(dirname(path), { recursive: true });
  const token = `${process.pid} ${hostname()} ${process.hrtime.bigint()}`;
  while (!(await take(path, token))) {
    const holder = await readFile(path, "utf8").catch(() => "");
    if (holder === "") continue; // Given back between our two looks.
    if (!(await isStale(path, holder, options.staleMs ?? STALE_MS)))
      return { holder: holder.split(" ")[0]! };
    await breakLock(path, holder);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await readFile(path, "utf8").catch(() => "")) === token) await rm(path, { force: true });
  };
}

async function take(path: string, token: string): Promise<boolean> {
  // Written aside and linked: nobody ever reads a lock file without its holder's name in it.
  const aside = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  const file = await open(aside, "wx");
  await file.writeFile(token);
  await file.close();
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function isStale(path: string, holder: string, staleMs: number): Promise<boolean> {
  const [pid, host] = holder.split(" ");
  if (host === hostname() && !isAlive(Number(pid))) return true;
  const seen = await stat(path).catch(() => null);
  return seen !== null && Date.now() - seen.mtimeMs > staleMs;
}

/** Two waiters may both find the lock stale: only the file with the dead holder's name goes, a new one is put back. */
async function breakLock(path: string, holder: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${process.hrtime.bigint()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await readFile(aside, "utf8").catch(() => holder);
  if (moved !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
