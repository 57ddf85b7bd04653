import type { TargetReason, TargetRole, TargetState } from "../observe/events.ts";
import type { PoolTarget } from "../pool/backend.ts";

/** A target and what is known of it, for the state view. */
export interface WatchedTarget {
  readonly target: PoolTarget;
  readonly role: TargetRole;
  readonly state: TargetState;
  readonly reason: TargetReason | null;
  readonly description: string | null;
  /** How far a reader is behind; null where that is not known, or means nothing. */
  readonly lagMs: number | null;
}
