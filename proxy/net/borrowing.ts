import { makeFault } from "../base/faults.ts";
import type { TargetSpec } from "../spec/proxy-spec.ts";
import type { ErrFields } from "../wire/err.ts";
import type { ClientSession } from "./client-session.ts";
import type { OpeningFailure } from "./opening.ts";
import { Phase } from "./phase.ts";

/** Puts a session into the pool's queue; what it wants to send is kept. */
export function waitForBackend(session: ClientSession, now: number): void {
  const fault = session.service.trouble.faultOf(session.role);
  if (fault !== null) return failCommand(session, makeFault(fault as "noReadOnlyInstance"));
  session.phase = Phase.WAITING;
  if (session.endpoint.targetRole === "READ_ONLY" && hasNoReaders(session.service.spec.target))
    return failCommand(session, makeFault("noReadOnlyInstance"));
  session.counters.sessionsWaiting += 1;
  const outcome = session.service.pool.enqueue(session, now);
  if (outcome === "waiting") return;
  session.counters.sessionsWaiting -= 1;
  failCommand(session, makeFault("borrowTimeout"));
}

/** With a list of one there never will be any. */
function hasNoReaders({ topology, hosts }: TargetSpec): boolean {
  return topology === "static" && hosts.length < 2;
}

/** The borrow timeout has passed. */
export function borrowTimedOut(session: ClientSession): void {
  const { service, counters } = session;
  counters.sessionsWaiting -= 1;
  counters.borrowTimeouts += 1;
  if (!Number.isFinite(service.trouble.servedSinceMs(session.role)))
    counters.failoverRequestsFailed += 1;
  service.events.emit({
    kind: "borrow-timed-out",
    at: service.epochMs(),
    endpoint: session.endpoint.name,
    session: session.id,
    user: session.account?.username ?? "",
    role: session.endpoint.targetRole,
    waitedMs: service.monotonicMs() - session.commandStartedMs,
  });
  failCommand(session, makeFault("borrowTimeout"));
}

/** No backend can be had for this user. */
export function backendRefused(session: ClientSession, failure: OpeningFailure): void {
  session.counters.sessionsWaiting -= 1;
  const user = session.account?.username ?? "";
  const denied = makeFault("accessDenied", { user, host: "%", usingPassword: "YES" });
  const { error } = failure;
  const isDenied = failure.failure === "access-denied" && (error === null || error.errno === 1045);
  failCommand(session, isDenied ? denied : (error ?? makeFault("unknownError")));
}

/** Answers the command that waits with an error, and drops it. */
export function failCommand(session: ClientSession, error: ErrFields): void {
  if (session.onPrepared !== null) {
    const told = session.onPrepared;
    session.onPrepared = null;
    return told(error);
  }
  session.ledger.pendingPin = null;
  session.isRetry = false;
  session.phase = Phase.IDLE;
  session.sendError(error);
  if (session.input.dropCommand()) session.consumePending();
  else session.closeAfterError("borrow-timeout");
}

/** Answers the command that waits with what another backend said before. One borrowed for nothing else is given back. */
export function answerKept(session: ClientSession, answer: Buffer): void {
  if (session.leaseUses === 0) {
    const backend = session.release();
    session.service.pool.giveBack(backend, session.service.monotonicMs());
  }
  session.phase = Phase.IDLE;
  session.sendRaw(answer);
  session.input.dropCommand();
  session.consumePending();
}
