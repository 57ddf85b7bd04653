import { BOUNDS } from "../base/bounds.ts";
import type { BackendCloseReason } from "../observe/events.ts";
import type { CloseReason } from "../pool/backend.ts";
import type { ProxySpec } from "../spec/proxy-spec.ts";

/** The pool's reasons in the words of events. */
export const CLOSE_REASONS: Record<CloseReason, BackendCloseReason> = {
  idle: "idle",
  lifetime: "lifetime",
  surplus: "surplus",
  evicted: "surplus",
  retired: "target-gone",
  "aged-out": "surplus",
  broken: "lost",
  "reset-failed": "reset-failed",
  "client-gone": "client-gone",
  shutdown: "stopped",
};

export function poolLimits(spec: ProxySpec): {
  maxConnectionsPercent: number;
  maxConnections: number | null;
  maxIdleConnectionsPercent: number;
  borrowTimeoutMs: number;
  waitersMax: number;
} {
  const { pool } = spec;
  return {
    maxConnectionsPercent: pool.maxConnectionsPercent,
    maxConnections: pool.maxConnections,
    maxIdleConnectionsPercent: pool.maxIdleConnectionsPercent,
    borrowTimeoutMs: pool.connectionBorrowTimeout * 1000,
    waitersMax: BOUNDS.waitersMax,
  };
}
