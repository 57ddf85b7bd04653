import { Area } from "../session/diagnostics-area.ts";
import { Fact, Reading, type Verdict } from "../sql/verdict.ts";
import { Capability } from "../wire/capabilities.ts";
import { Command } from "../wire/command.ts";
import { queryTextStart } from "../wire/query-text.ts";
import { ResponseShape } from "../wire/response-walker.ts";
import { changeUser } from "./change-user.ts";
import type { ClientSession } from "./client-session.ts";
import { killAndGoOn, killOther } from "./kill.ts";
import { NO_VERDICT } from "./phase.ts";
import { resetSession } from "./settle.ts";

/** A text that is longer than what is classified: it pins, so nothing more need be known of it. */
const OVERSIZED: Verdict = { ...NO_VERDICT, flags: Fact.OPAQUE, pin: "text-over-16k" };

/**
 * Begins the command in `bytes[at, stop)`, header included, `length` its first packet's payload. Returns false if the bytes were kept
 * or dropped by the session itself, true if the command is done with up to `stop`.
 */
export function dispatchCommand(
  session: ClientSession,
  bytes: Uint8Array,
  at: number,
  stop: number,
  length: number,
): boolean {
  const command = bytes[at + 4] as number;
  session.command = command;
  session.verdict = NO_VERDICT;
  session.shape = ResponseShape.RESULT;
  switch (command) {
    case Command.QUERY:
      return query(session, bytes, at, stop, length);
    case Command.QUIT:
      session.close("client-quit");
      return true;
    case Command.PING:
      return ping(session, bytes, at, stop, length);
    case Command.STMT_PREPARE:
      session.shape = ResponseShape.PREPARE;
      if (session.ledger.pinRule === null) session.ledger.pendingPin = "prepare-binary";
      return session.serve(bytes, at, stop, length);
    case Command.STMT_FETCH:
      session.shape = ResponseShape.ROWS;
      return session.serve(bytes, at, stop, length);
    case Command.FIELD_LIST:
      session.shape = ResponseShape.FIELD_LIST;
      return session.serve(bytes, at, stop, length);
    case Command.STATISTICS:
      session.shape = ResponseShape.TEXT;
      return session.serve(bytes, at, stop, length);
    case Command.STMT_EXECUTE:
    case Command.STMT_BULK_EXECUTE:
      countRequest(session);
      return session.serve(bytes, at, stop, length);
    case Command.STMT_RESET:
    case Command.INIT_DB:
    case Command.SET_OPTION:
    case Command.PROCESS_INFO:
    case Command.DEBUG:
    case Command.REFRESH:
    case Command.SHUTDOWN:
      return session.serve(bytes, at, stop, length);
    case Command.STMT_SEND_LONG_DATA:
    case Command.STMT_CLOSE:
      // Without a backend of its own the session has no statement that these could mean.
      if (session.backend !== null) session.sendUnanswered(bytes, at, stop, length);
      else if (stop - at < 4 + length)
        session.refuseAndClose("malformedPacket", "malformed-packet");
      return true;
    default:
      return rare(session, bytes, at, stop);
  }
}

function rare(session: ClientSession, bytes: Uint8Array, at: number, stop: number): boolean {
  switch (session.command) {
    case Command.RESET_CONNECTION:
      resetSession(session);
      return true;
    case Command.CHANGE_USER:
      changeUser(session, bytes.slice(at + 4, stop));
      return true;
    case Command.PROCESS_KILL:
      if (stop - at < 9) session.refuse("malformedPacket");
      else killOther(session, Buffer.from(bytes.subarray(at + 5, at + 9)).readUInt32LE(0), false);
      return true;
    case Command.BINLOG_DUMP:
    case Command.BINLOG_DUMP_GTID:
    case Command.REGISTER_SLAVE:
    case Command.TABLE_DUMP:
    case Command.CONNECT_OUT:
    case Command.CLONE:
    case Command.SUBSCRIBE_GROUP_REPLICATION_STREAM:
      session.refuse("replicationUnsupported");
      return true;
    default:
      session.refuse("unknownCommand");
      return true;
  }
}

/** Without a backend of its own a session is as alive as its proxy. */
function ping(
  session: ClientSession,
  bytes: Uint8Array,
  at: number,
  stop: number,
  length: number,
): boolean {
  if (session.backend !== null) return session.serve(bytes, at, stop, length);
  const { ledger, service } = session;
  session.lastActiveMs = service.monotonicMs();
  ledger.affectedRows = 0;
  // MySQL counts what is in the diagnostics area, MariaDB what the command itself has put there.
  session.sendOk(ledger.area === Area.EMPTY || service.facts.mariadb ? 0 : ledger.conditions);
  return true;
}

/** A text, or a prepared statement that is run: both are requests. */
function countRequest({ counters, tls }: ClientSession): void {
  counters.queryRequests += 1;
  if (tls) counters.queryRequestsTLS += 1;
  else counters.queryRequestsNoTLS += 1;
}

function query(
  session: ClientSession,
  bytes: Uint8Array,
  at: number,
  stop: number,
  length: number,
): boolean {
  countRequest(session);
  const verdict = judge(session, bytes, at, stop, length);
  session.verdict = verdict;
  if (verdict.kill !== null) {
    const { id, queryOnly, end } = verdict.kill;
    if ((verdict.flags & Fact.MULTI) !== 0) {
      const textStart = at + session.textOffset;
      const text = { textStart, textEnd: textStart + end };
      const served = killAndGoOn(session, { id, queryOnly, bytes, at, stop, ...text });
      if (served !== null) return served;
    } else if (killOther(session, id, queryOnly)) return true;
  }
  if (session.ledger.pinRule === null && verdict.pin !== null) {
    session.ledger.pendingPin = verdict.pin;
  }
  return session.serve(bytes, at, stop, length);
}

function judge(
  session: ClientSession,
  bytes: Uint8Array,
  at: number,
  stop: number,
  length: number,
): Verdict {
  session.textOffset = 5;
  if (stop - at < 4 + length) return OVERSIZED;
  if ((session.capabilities & Capability.QUERY_ATTRIBUTES) !== 0) {
    const text = queryTextStart(bytes, at + 5, stop);
    if (text < 0) return NO_VERDICT;
    session.textOffset = text - at;
  }
  const { service } = session;
  const filtered = service.spec.pool.sessionPinningFilters.length > 0;
  const reading =
    session.ledger.state.reading |
    (service.facts.mariadb ? Reading.MARIADB : 0) |
    (filtered ? Reading.EXCLUDE_VARIABLE_SETS : 0);
  return service.verdicts.classify(bytes, at + session.textOffset, stop, reading);
}
