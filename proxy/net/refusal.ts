import { Role } from "../pool/role.ts";
import { Area } from "../session/diagnostics-area.ts";
import { Fact } from "../sql/verdict.ts";
import { Command } from "../wire/command.ts";
import { Status } from "../wire/status.ts";
import type { Backend } from "./backend.ts";
import { waitForBackend } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { Phase } from "./phase.ts";

const OPTION_PREVENTS_STATEMENT = 1290;
const READ_ONLY_TRANSACTION = 1792;
const READ_ONLY_MODE = 1836;
const SERVER_SHUTDOWN = 1053;

/** What an error says of the server that sent it. */
export type ErrorSign = "none" | "doubt" | "read-only";

/** Error texts are short, and the last thing of a response. */
const ERROR_BYTES = 600;

/** A writer's error: does it mean that the server is none any more? */
export function signIn(errno: number, bytes: Uint8Array, end: number): ErrorSign {
  if (errno === READ_ONLY_MODE) return "read-only";
  if (errno === SERVER_SHUTDOWN || errno === READ_ONLY_TRANSACTION) return "doubt";
  if (errno !== OPTION_PREVENTS_STATEMENT) return "none";
  // The same number speaks of other options, such as --secure-file-priv.
  const tail = Buffer.from(bytes.subarray(Math.max(0, end - ERROR_BYTES), end)).toString("latin1");
  return /read.?only/i.test(tail) ? "read-only" : "none";
}

/** Statements that may have done something before the part of them that was refused, or that were changed on their way. */
const NOT_AGAIN =
  Fact.MULTI |
  Fact.OPAQUE |
  Fact.READS_INSERT_ID |
  Fact.READS_DIAGNOSTICS |
  Fact.READS_ROW_COUNT |
  Fact.READS_FOUND_ROWS;

/**
 * The server has refused a session's statement because it is no writer any more. Where that is all that happened, the statement
 * waits and is sent to the next writer. Else what the session had there is lost, and the session ends.
 */
export function outliveRefusal(
  session: ClientSession,
  backend: Backend,
  bytes: Uint8Array,
  end: number,
): void {
  const { service } = session;
  const now = service.monotonicMs();
  const command = isAllThatHappened(session, bytes, end) ? backend.sentCommand() : null;
  const isInTime = now - session.commandStartedMs < service.pool.limits.borrowTimeoutMs;
  service.pool.discard(session.release(), "retired", now);
  session.lastBackend = null;
  if (command === null || !isInTime) {
    session.counters.failoverRequestsFailed += 1;
    return session.closeAfterError("target-changed");
  }
  session.input.putBack(command);
  session.isRetry = true;
  waitForBackend(session, now);
  session.input.drained();
}

/**
 * A session's backend is gone. A command that had not been sent yet waits for another one, unless there was something on this one that
 * it belongs to: a transaction, or what pinned the session. Nobody knows what became of any other.
 */
export function outliveLoss(session: ClientSession): void {
  const neverSent = session.phase === Phase.PREPARING && session.leaseUses === 0;
  session.release();
  session.lastBackend = null;
  if (neverSent) {
    session.isRetry = true;
    return waitForBackend(session, session.service.monotonicMs());
  }
  if (hasLostWarningsOnly(session)) {
    session.ledger.area = Area.EMPTY;
    session.ledger.recounted = false;
    session.phase = Phase.IDLE;
    return session.consumePending();
  }
  session.counters.failoverRequestsFailed += 1;
  session.close("backend-lost");
}

/** The client has its answer; all that was still to be fetched are the warnings that it may ask for. */
function hasLostWarningsOnly({ phase, command, ledger }: ClientSession): boolean {
  if (phase !== Phase.SETTLING || command !== Command.QUERY) return false;
  return !ledger.dirtySchema && ledger.dirtyVariables === null && !ledger.insertIdDoubtful;
}

/** A command that waited is about to be served: was it a failover that it waited for? */
export function countWait(session: ClientSession): void {
  const { counters, service, isRetry } = session;
  session.isRetry = false;
  if (session.onPrepared !== null) return;
  if (isRetry) counters.failoverRequestsRetried += 1;
  else if (session.commandStartedMs < service.trouble.servedSinceMs(session.role))
    counters.failoverRequestsWaited += 1;
}

function isAllThatHappened(session: ClientSession, bytes: Uint8Array, end: number): boolean {
  const { ledger, verdict, input } = session;
  if (session.command !== Command.QUERY || input.hasRequest) return false;
  if (ledger.pinRule !== null || ledger.inTransaction) return false;
  if ((ledger.status & Status.AUTOCOMMIT) === 0 || (verdict.flags & NOT_AGAIN) !== 0) return false;
  const length = (bytes[0] as number) | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16);
  // One packet, the first of the response, an error: nothing has gone to the client before it.
  return end === 4 + length && bytes[3] === 1 && bytes[4] === 0xff;
}

/** Whether a session asks for writers. */
export function wantsWriter(session: ClientSession): boolean {
  return session.role === Role.READ_WRITE;
}
