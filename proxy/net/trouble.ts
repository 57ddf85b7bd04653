import type { FaultName } from "../base/faults.ts";
import type { Role } from "../pool/role.ts";
import type { Backend } from "./backend.ts";

/** Who wants to hear of signs that a server is in trouble, and decides what becomes of those whom it concerns. */
export interface TroubleWatch {
  /** A connection was lost, or could not be made. */
  suspect(): void;
  /**
   * `bytes[0, end)` end a response with an error. Returns true if the client shall not see it: its session is taken care of, and the
   * backend with it.
   */
  isRefusal(backend: Backend, bytes: Uint8Array, end: number): boolean;
  /** What to say to those who ask for a role that nobody will have, however long they wait; null: they may wait. */
  faultOf(role: Role): FaultName | null;
  /** Since when somebody has the role; infinity while nobody has, 0 where that is not watched. */
  servedSinceMs(role: Role): number;
}

/** Roles that never change: errors are the client's to see, and waiting is all that helps. */
export const NO_TROUBLE_WATCH: TroubleWatch = {
  suspect: () => {},
  isRefusal: () => false,
  faultOf: () => null,
  servedSinceMs: () => 0,
};
