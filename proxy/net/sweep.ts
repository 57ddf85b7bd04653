import { BOUNDS } from "../base/bounds.ts";
import { Phase } from "./phase.ts";
import type { Service } from "./service.ts";

/** Milliseconds of a client connection's life, as RDS Proxy's: 24 hours. */
const CLIENT_LIFE_MS = 24 * 3_600_000;

/** Ends whatever has taken too long. One pass over everything costs less than a timer for each. */
export function sweep(service: Service, now: number, epochMs: number): void {
  const idleMs = service.spec.idleClientTimeout * 1000;
  for (const session of service.sessions.values()) {
    if (session.login !== null || !session.setUp) {
      // One that waits for a backend to check its schema on has said all that it can say.
      const isAsked = session.phase === Phase.LOGIN;
      if (isAsked && now - session.lastActiveMs > BOUNDS.loginMs) session.loginTimedOut();
      continue;
    }
    if (session.halfClosedAtMs !== 0 && now - session.halfClosedAtMs > BOUNDS.halfClosedGraceMs) {
      session.close("tcp-closed");
    } else if (session.phase === Phase.IDLE) {
      if (now - session.lastActiveMs > idleMs) session.close("idle-timeout");
      else if (epochMs - session.connectedAt > CLIENT_LIFE_MS) session.close("lifetime");
    }
  }
  for (const backend of service.backends) {
    if (backend.deadlineMs >= now) continue;
    if (backend.wasOpen) backend.timedOut();
    else service.openingTimedOut(backend);
  }
  for (const backend of service.watched) {
    if (backend.dead) service.watched.delete(backend);
    else if (backend.deadlineMs < now) backend.timedOut();
  }
}
