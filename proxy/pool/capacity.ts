import type { PoolTarget } from "./backend.ts";

/** The settings of a pool that can change while it works. */
export interface PoolLimits {
  /** 1–100, of the target's max_connections. */
  readonly maxConnectionsPercent: number;
  /** An absolute cap for each target instead. */
  readonly maxConnections: number | null;
  /** 0–100, of the target's max_connections, or of the absolute cap where that is given. */
  readonly maxIdleConnectionsPercent: number;
  /** Longest wait in the queue; 0 fails at once when no idle backend is there. */
  readonly borrowTimeoutMs: number;
  /** Sessions that may wait at once. */
  readonly waitersMax: number;
}

/** Backends of a target whose max_connections is not known yet: enough to begin, too few to crowd a server out. */
export const PROVISIONAL_CAPACITY = 4;

/** Derives a target's numbers from the limits and from what its server allows. */
export function measure(target: PoolTarget, limits: PoolLimits): void {
  const known = target.maxConnections;
  const capacity = limits.maxConnections ?? share(known, limits.maxConnectionsPercent);
  // A cap above what the server allows would only earn refusals.
  target.capacity = Math.max(1, known === null ? capacity : Math.min(capacity, known));
  // "Half may be idle" is meant of the pool: with an absolute cap the percentage is of that.
  target.idleCap = share(limits.maxConnections ?? known, limits.maxIdleConnectionsPercent);
  target.weight = known ?? target.capacity;
}

function share(whole: number | null, percent: number): number {
  if (whole === null) return PROVISIONAL_CAPACITY;
  return Math.floor((whole * percent) / 100);
}
