/** What the admin API shows of a running proxy. Plain data made on request; no secrets and no literal values. */
import type { EndpointRole } from "../spec/proxy-spec.ts";
import type { TargetReason, TargetRole, TargetState } from "./events.ts";

export interface EndpointView {
  readonly name: string;
  readonly targetRole: EndpointRole;
  readonly host: string;
  /** The real one where the configuration says 0. */
  readonly port: number;
  readonly clientConnections: number;
}

export interface TargetView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly role: TargetRole;
  readonly state: TargetState;
  readonly reason: TargetReason | null;
  readonly description: string | null;
  /** The server's own `max_connections`; null until it is known. */
  readonly serverMaxConnections: number | null;
  /** Backends that the pool may open on it. */
  readonly maxConnections: number;
  readonly lagMs: number | null;
}

/** Backends of one user on one target. */
export interface PoolView {
  readonly target: string;
  readonly role: TargetRole;
  readonly user: string;
  readonly open: number;
  readonly opening: number;
  readonly idle: number;
  /** Lent, pinned ones included. */
  readonly lent: number;
  readonly pinned: number;
  readonly inTransaction: number;
}

export type SessionState =
  | "logging-in"
  | "idle"
  | "waiting"
  | "running"
  | "in-transaction"
  | "pinned";

export interface SessionView {
  readonly id: number;
  readonly user: string | null;
  readonly clientAddress: string;
  readonly endpoint: string;
  readonly tls: boolean;
  readonly state: SessionState;
  readonly schema: string | null;
  /** Milliseconds since 1970: when the client connected. */
  readonly connectedAt: number;
  /** Milliseconds since 1970: when it came into this state. */
  readonly since: number;
  readonly backend: number | null;
  readonly target: string | null;
}

export interface WaitersView {
  readonly role: EndpointRole;
  readonly count: number;
  /** Milliseconds that the one who waits longest has waited; 0 without waiters. */
  readonly oldestWaitMs: number;
}

export interface StateView {
  readonly proxyName: string;
  readonly version: string;
  readonly pinning: "rds" | "adaptive";
  readonly startedAt: number;
  readonly draining: boolean;
  readonly endpoints: readonly EndpointView[];
  readonly targets: readonly TargetView[];
  readonly pools: readonly PoolView[];
  readonly waiters: readonly WaitersView[];
  readonly sessions: readonly SessionView[];
  /** All of them; `sessions` may be cut. */
  readonly sessionsTotal: number;
}

/** One pin, live or ended. */
export interface PinView {
  readonly session: number;
  readonly user: string;
  readonly clientAddress: string;
  readonly endpoint: string;
  readonly target: string;
  readonly backend: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** null while it lasts. */
  readonly endedAt: number | null;
  readonly rule: string;
  readonly reason: string;
  readonly digest: string | null;
  readonly fix: string;
}

export interface Readiness {
  readonly ready: boolean;
  /** For people. */
  readonly reason: string;
}

/** What the admin server asks of a running proxy. */
export interface AdminView {
  /** Whether new clients would be served now. */
  ready(): Readiness;
  /** At most `sessionsMax` sessions; everything else whole. */
  state(sessionsMax: number): StateView;
  pins(): readonly PinView[];
}
