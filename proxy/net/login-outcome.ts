import type { PoolKey } from "../pool/key.ts";
import { Capability, hasCapability } from "../wire/capabilities.ts";
import type { ErrFields } from "../wire/err.ts";
import { encodeOk, plainOk } from "../wire/ok.ts";
import { SessionTrackWriter } from "../wire/session-track.ts";
import { Status } from "../wire/status.ts";
import type { Backend } from "./backend.ts";
import { waitForBackend } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { NO_VERDICT, Phase } from "./phase.ts";

/** Has a backend go to the session's schema, and tells the server's error if it refuses. */
export function checkSchema(session: ClientSession, done: (error: ErrFields | null) => void): void {
  const { service } = session;
  const now = service.monotonicMs();
  session.verdict = NO_VERDICT;
  session.commandStartedMs = now;
  session.stateToken = session.ledger.state.token;
  session.onPrepared = (error) => {
    if (error === null) {
      const backend = session.release();
      backend.stateToken = session.ledger.state.token;
      service.pool.giveBack(backend, service.monotonicMs());
    }
    session.phase = Phase.LOGIN;
    done(error);
  };
  const backend = service.pool.take(
    session.key as PoolKey,
    session.role,
    session.stateToken,
    session.id,
    null,
    now,
  ) as Backend | null;
  if (backend === null) return waitForBackend(session, now);
  session.lease(backend, now);
  session.prepareLease(backend);
}

/** The OK that ends a login. Servers tell the schema in it, as they track it for everybody by default. */
export function welcome(capabilities: number, schema: string): Buffer {
  const ok = plainOk(Status.AUTOCOMMIT);
  if (schema === "" || !hasCapability(capabilities, Capability.SESSION_TRACK))
    return encodeOk(ok, capabilities);
  const state = new SessionTrackWriter();
  state.schema(Buffer.from(schema, "utf8"));
  const status = ok.status | Status.SESSION_STATE_CHANGED;
  return encodeOk({ ...ok, status, sessionTrack: state.bytes() }, capabilities);
}

/** The client is told that it is in. */
export function loggedIn(session: ClientSession): void {
  const { service, counters } = session;
  session.lastActiveMs = service.monotonicMs();
  if (!session.setUp) {
    session.setUp = true;
    counters.clientConnectionsInSetup -= 1;
    counters.clientConnectionsSetupSucceeded += 1;
  }
  service.events.emit({
    kind: "client-logged-in",
    at: service.epochMs(),
    endpoint: session.endpoint.name,
    session: session.id,
    user: session.account?.username ?? "",
    tls: session.tls,
    schema: session.ledger.state.schema,
  });
}
