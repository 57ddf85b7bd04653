import { addVariablesToRead, readBackResult, readBackStatement } from "../session/read-back.ts";
import type { SessionState, StateChange } from "../session/session-state.ts";

import { Fact } from "../sql/verdict.ts";
import { Command } from "../wire/command.ts";
import type { ResponseWalker } from "../wire/response-walker.ts";
import { Status } from "../wire/status.ts";
import { decodeTextRows, type TextRow } from "../wire/text-result.ts";
import type { Backend } from "./backend.ts";
import { type ClientSession, Phase } from "./client-session.ts";
import { type OwnCommand, ownReset } from "./housekeeping.ts";
import { spelling } from "./server-facts.ts";
import type { Service } from "./service.ts";

/** Statements after which a backend with autocommit off holds no locks or snapshot for its session. */
const LEAVES_NOTHING_OPEN =
  Fact.ENDS_TRANSACTION | Fact.SET | Fact.USE | Fact.TOUCHES_NO_TABLE | Fact.EMPTY;

/** Learns what a response says of its session, and gives the backend back unless something holds it. */
export function afterResponse(session: ClientSession, backend: Backend, now: number): void {
  const { walker } = backend;
  const { verdict } = session;
  const failed = walker.errorCode !== 0;
  session.status = (walker.status & SESSION_STATUS) | (session.status & ~SESSION_STATUS);
  note(session, walker, failed);
  noteInsertId(session, backend, walker, failed);
  if (verdict.flags & NOTEWORTHY) noteStatement(session, backend, failed);
  if (session.command !== Command.QUERY) noteCommand(session, backend, failed);
  countTransaction(session, backend);
  if (isHeld(session)) return;
  letGo(session, backend, now);
}

/** Status flags that outlive the statement. */
const SESSION_STATUS =
  Status.IN_TRANS | Status.AUTOCOMMIT | Status.IN_TRANS_READONLY | Status.NO_BACKSLASH_ESCAPES;

const NOTEWORTHY =
  Fact.SET |
  Fact.USE |
  Fact.DROPS_SCHEMA |
  Fact.XA_OPENS |
  Fact.XA_CLOSES |
  Fact.OPAQUE |
  Fact.SETS_INSERT_ID;

function note(session: ClientSession, walker: ResponseWalker, failed: boolean): void {
  session.affectedRows = walker.affectedRows;
  if (walker.hadResultSet) session.foundRows = walker.rows;
  else if (!failed) session.foundRows = Math.max(0, walker.affectedRows);
  session.warnings = walker.warnings;
  session.keptDiagnostics = null;
}

function noteInsertId(
  session: ClientSession,
  backend: Backend,
  walker: ResponseWalker,
  failed: boolean,
): void {
  const { flags } = session.verdict;
  const given = walker.insertIdLow !== 0 || walker.insertIdHigh !== 0;
  if (!given) {
    // A failed insert may have drawn a number before it failed.
    if ((flags & Fact.INSERT) !== 0 && (failed || (flags & Fact.INSERT_ID_AMBIGUOUS) !== 0))
      doubt(session, backend);
    return;
  }
  session.insertIdVersion += 1;
  backend.insertIdOf = session.id;
  backend.insertIdVersion = session.insertIdVersion;
  session.insertIdLow = walker.insertIdLow;
  session.insertIdHigh = walker.insertIdHigh;
  const certain =
    (flags & (Fact.INSERT | Fact.INSERT_ID_AMBIGUOUS)) === Fact.INSERT &&
    walker.insertIdHigh === 0 &&
    !backend.sentNumber(String(walker.insertIdLow));
  session.insertIdDoubtful = !certain;
}

/** LAST_INSERT_ID() has to be asked for before the backend is given back. */
function doubt(session: ClientSession, backend: Backend): void {
  session.insertIdVersion += 1;
  session.insertIdDoubtful = true;
  backend.insertIdOf = session.id;
  backend.insertIdVersion = session.insertIdVersion;
}

function noteStatement(session: ClientSession, backend: Backend, failed: boolean): void {
  const { verdict } = session;
  const { flags } = verdict;
  if (flags & Fact.OPAQUE) backend.tainted = true;
  if (flags & (Fact.OPAQUE | Fact.SETS_INSERT_ID)) doubt(session, backend);
  if (flags & Fact.XA_OPENS && !failed) session.xaOpen = true;
  if (flags & Fact.XA_CLOSES && !failed) session.xaOpen = false;
  if (flags & (Fact.USE | Fact.DROPS_SCHEMA)) session.dirtySchema = true;
  if (flags & Fact.SET) noteAssignments(session, backend);
}

function noteAssignments(session: ClientSession, backend: Backend): void {
  const { assignments } = session.verdict;
  for (const { scope } of assignments) {
    // Only the pinning filter lets these happen without a pin; they must not outlive the lease.
    if (scope === "user" || scope === "next") backend.tainted = true;
  }
  if (assignments.length === 0) backend.tainted = true;
  session.dirtyVariables ??= new Set();
  addVariablesToRead(session.dirtyVariables, assignments, spelling(session.service.facts));
}

/** Commands other than statements that change the session. */
function noteCommand(session: ClientSession, backend: Backend, failed: boolean): void {
  if (failed) return;
  if (session.command === Command.INIT_DB) session.dirtySchema = true;
  if (session.command === Command.SET_OPTION) {
    const multiStatements = backend.sentByte(5) === 0;
    session.state = session.service.states.change(session.state, { multiStatements });
    backend.multiStatements = multiStatements;
  }
}

function countTransaction(session: ClientSession, backend: Backend): void {
  const open = session.holdsTransaction;
  if (open === session.countedTransaction) return;
  session.countedTransaction = open;
  backend.counters.databaseConnectionsCurrentlyInTransaction += open ? 1 : -1;
}

function isHeld(session: ClientSession): boolean {
  if (session.pinRule !== null || session.holdsTransaction) return true;
  if ((session.status & Status.AUTOCOMMIT) !== 0) return false;
  return !session.is(LEAVES_NOTHING_OPEN);
}

/** Nothing holds the backend: ask it what has changed, if need be, and give it back. */
function letGo(session: ClientSession, backend: Backend, now: number): void {
  const wants = session.dirtySchema || session.dirtyVariables !== null || session.insertIdDoubtful;
  if (!wants) return giveBack(session, backend, now);
  const text = transitionKey(session, backend);
  const from = session.state;
  if (text !== null) {
    const known = session.service.states.transition(from, text);
    if (known !== undefined && backend.walker.errorCode === 0) {
      session.state = known;
      session.dirtySchema = false;
      session.dirtyVariables = null;
      return giveBack(session, backend, now);
    }
  }
  settle(session, backend, text);
}

/** The statement, if the session's next state follows from it and the present one alone. */
function transitionKey(session: ClientSession, backend: Backend): string | null {
  if (session.leaseUses !== 1 || session.insertIdDoubtful) return null;
  if (session.command === Command.INIT_DB) return backend.sentText(4);
  const { flags, assignments } = session.verdict;
  if (session.command !== Command.QUERY || flags & (Fact.MULTI | Fact.DROPS_SCHEMA | Fact.OPAQUE))
    return null;
  for (const { scope, constant } of assignments) {
    if (!constant || (scope !== "session" && scope !== "local")) return null;
  }
  return backend.sentText(session.textOffset);
}

function settle(session: ClientSession, backend: Backend, text: string | null): void {
  const { service } = session;
  const from = session.state;
  const failed = backend.walker.errorCode !== 0;
  const names = [...(session.dirtyVariables ?? [])];
  const commands: OwnCommand[] = [];
  const saves = session.warnings > 0;
  if (saves) commands.push(backend.query("SHOW WARNINGS"));
  const asks = session.dirtySchema || names.length > 0;
  if (asks) commands.push(backend.query(readBackStatement(names)));
  if (session.insertIdDoubtful) commands.push(backend.query("SELECT LAST_INSERT_ID()"));
  session.phase = Phase.SETTLING;
  backend.run(commands, (failure, answers) => {
    if (session.backend !== backend) return recycle(service, backend);
    const rows = (position: number): TextRow =>
      decodeTextRows(answers[position] as Buffer, backend.walker.deprecateEof)?.[0] ?? [];
    let next = 0;
    if (saves) session.keepDiagnostics(answers[next++] ?? null);
    if (failure === null && asks) session.state = stateAfter(session, names, rows(next++));
    if (failure === null && session.insertIdDoubtful) keepInsertId(session, rows(next)[0] ?? "0");
    if (failure !== null) backend.tainted = true;
    else if (text !== null && !failed && !session.insertIdDoubtful) {
      service.states.remember(from, text, session.state);
    }
    session.dirtySchema = false;
    session.dirtyVariables = null;
    session.insertIdDoubtful = false;
    session.phase = Phase.IDLE;
    giveBack(session, backend, service.monotonicMs());
    session.consumePending();
  });
}

function stateAfter(session: ClientSession, names: string[], row: TextRow): SessionState {
  const read = readBackResult(names, row);
  const change: StateChange = { schema: read.schema, variables: read.variables };
  return session.service.states.change(session.state, change);
}

function keepInsertId(session: ClientSession, text: string): void {
  const id = BigInt.asUintN(64, BigInt(text));
  session.insertIdLow = Number(id & 0xffff_ffffn);
  session.insertIdHigh = Number(id >> 32n);
}

function giveBack(session: ClientSession, backend: Backend, now: number): void {
  const { state } = session;
  backend.sessionState = state;
  backend.stateToken = state.token;
  backend.schema = state.schema;
  backend.variables = state.variables;
  backend.usedBy = session.id;
  session.diagnosticsUse = backend.uses;
  backend.diagnosticsOf = session.warnings > 0 && session.keptDiagnostics === null ? session : null;
  session.release();
  session.service.pool.giveBack(backend, now);
}

/** Wipes a backend off after a session that is gone, then gives it back; closes it where that fails. */
export function recycle(service: Service, backend: Backend): void {
  if (backend.dead) return;
  service.pool.beginReset(backend);
  const commands = resetCommands(service, backend);
  backend.run(commands, (failure) => {
    const now = service.monotonicMs();
    if (failure !== null) return service.pool.discard(backend, "reset-failed", now);
    wiped(service, backend);
    service.events.emit({
      kind: "backend-reset",
      at: service.epochMs(),
      target: backend.target.id,
      backend: backend.id,
    });
    service.pool.giveBack(backend, now);
  });
}

function resetCommands(service: Service, backend: Backend): OwnCommand[] {
  return [ownReset(), ...service.initStatements.map((sql) => backend.query(sql))];
}

/** The backend is as after COM_RESET_CONNECTION. */
function wiped(service: Service, backend: Backend): void {
  backend.fresh(new Map(service.facts.resetCharset), service.baselineId);
  backend.sessionState = null;
  backend.stateToken = 0;
  backend.usedBy = 0;
  backend.diagnosticsOf = null;
}

/** COM_RESET_CONNECTION: the session begins anew, what its backend held for it is undone, and a pin stays. */
export function resetSession(session: ClientSession): void {
  const { service, backend } = session;
  session.lastActiveMs = service.monotonicMs();
  session.status = Status.AUTOCOMMIT;
  session.xaOpen = false;
  session.insertIdVersion = 0;
  session.insertIdLow = 0;
  session.insertIdHigh = 0;
  session.insertIdDoubtful = false;
  session.affectedRows = 0;
  session.foundRows = 0;
  session.warnings = 0;
  session.keptDiagnostics = null;
  session.dirtyVariables = null;
  session.lastBackend = null;
  const variables = new Map(service.facts.resetCharset);
  if (backend === null) {
    session.state = service.states.state(
      session.state.schema,
      session.state.multiStatements,
      variables,
    );
    return session.sendOk();
  }
  session.phase = Phase.SETTLING;
  const commands = resetCommands(service, backend);
  if (session.dirtySchema) commands.push(backend.query(readBackStatement([])));
  backend.run(commands, (failure, answers) => {
    if (session.backend !== backend) return recycle(service, backend);
    if (failure !== null) return session.closeAfterError("backend-lost");
    let { schema } = session.state;
    if (session.dirtySchema) {
      const rows = decodeTextRows(answers.at(-1) as Buffer, backend.walker.deprecateEof);
      schema = rows?.[0]?.[0] ?? null;
    }
    session.dirtySchema = false;
    session.state = service.states.state(schema, session.state.multiStatements, variables);
    wiped(service, backend);
    countTransaction(session, backend);
    session.phase = Phase.IDLE;
    session.sendOk();
    if (session.pinRule === null) giveBack(session, backend, service.monotonicMs());
    session.consumePending();
  });
}
