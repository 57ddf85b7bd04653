import { BackendState, type CloseReason, type PooledBackend, type PoolTarget } from "./backend.ts";

/** RDS Proxy counts a backend as idle after five minutes without activity. */
export const IDLE_AFTER_MS = 300_000;
/** RDS Proxy closes a backend "some time after 24 hours". */
export const LIFE_MS = 86_400_000;
/** The end of life is spread over this much more, so that backends opened together do not end together. */
export const LIFE_JITTER_MS = 8_640_000;
/** How often `tick` looks for backends to retire. */
export const RETIRE_EVERY_MS = 1_000;

export function endOfLife(openedAt: number, random: number): number {
  return openedAt + LIFE_MS + LIFE_JITTER_MS * random;
}

/** The idle backends of a target whose life is over. */
export function findExpired(target: PoolTarget, now: number): PooledBackend[] {
  const found: PooledBackend[] = [];
  for (let b = target.first; b !== null; b = b.nextOfTarget) {
    if (b.state === BackendState.IDLE && b.retireAt <= now) found.push(b);
  }
  return found;
}

/** The backends idle for long that are beyond the target's idle cap, the least recently used first. */
export function findBeyondIdleCap(target: PoolTarget, now: number): PooledBackend[] {
  if (target.counts[BackendState.IDLE]! <= target.idleCap) return [];
  const quiet: PooledBackend[] = [];
  for (const shelf of target.shelves) {
    let b = shelf.oldest;
    for (; b !== null && b.idleSince <= now - IDLE_AFTER_MS; b = b.newer) quiet.push(b);
  }
  if (quiet.length <= target.idleCap) return [];
  quiet.sort((a, b) => a.idleSince - b.idleSince);
  return quiet.slice(0, quiet.length - target.idleCap);
}

/** Why a backend that becomes free is closed instead; null if it is not. */
export function reasonToRetire(backend: PooledBackend, now: number): CloseReason | null {
  const { target, shelf } = backend;
  if (backend.generation !== shelf!.generation) return "retired";
  if (target.live > target.capacity) return "surplus";
  return backend.retireAt <= now ? "lifetime" : null;
}
