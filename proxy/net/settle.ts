import { BOUNDS } from "../base/bounds.ts";
import { Area } from "../session/diagnostics-area.ts";
import { KeptWarnings } from "../session/kept-warnings.ts";
import { addCollations } from "../session/login-charset.ts";
import { addVariablesToRead, readBackResult, readBackStatement } from "../session/read-back.ts";
import {
  CHARSET_VARIABLES,
  type SessionState,
  type StateChange,
  sameValues,
} from "../session/session-state.ts";

import { Fact } from "../sql/verdict.ts";
import { Capability } from "../wire/capabilities.ts";
import { Command } from "../wire/command.ts";
import type { ResponseWalker } from "../wire/response-walker.ts";
import { Status } from "../wire/status.ts";
import { decodeTextRows, type TextRow } from "../wire/text-result.ts";
import type { Backend } from "./backend.ts";
import type { ClientSession } from "./client-session.ts";
import { CLEAR_DIAGNOSTICS, noteDiagnostics } from "./diagnostics.ts";
import { type OwnCommand, ownReset } from "./housekeeping.ts";
import { ASK_INSERT_ID, doubtInsertId, noteInsertId, settleInsertId } from "./insert-id.ts";
import { charsetAfterLogin, stateAfterLogin } from "./login-state.ts";
import { Phase } from "./phase.ts";
import { spelling } from "./server-facts.ts";
import type { Service } from "./service.ts";

/** Statements that, with autocommit off, take no locks, snapshot or savepoint. */
const OPENS_NOTHING = Fact.SET | Fact.USE | Fact.TOUCHES_NO_TABLE | Fact.EMPTY;

/** Learns what a response says of its session, and gives the backend back unless something holds it. */
export function afterResponse(session: ClientSession, backend: Backend, now: number): void {
  const { walker } = backend;
  const { verdict } = session;
  const failed = walker.errorCode !== 0;
  session.ledger.status =
    (walker.status & SESSION_STATUS) | (session.ledger.status & ~SESSION_STATUS);
  note(session, walker, failed);
  noteDiagnostics(session, backend, failed);
  noteInsertId(session, backend, failed);
  if (verdict.flags & NOTEWORTHY) noteStatement(session, backend, failed);
  if (session.command !== Command.QUERY) noteCommand(session, backend, failed);
  countTransaction(session, backend);
  if (isHeld(session)) return;
  letGo(session, backend, now);
}

/** Status flags that outlive the statement. */
const SESSION_STATUS =
  Status.IN_TRANS |
  Status.AUTOCOMMIT |
  Status.IN_TRANS_READONLY |
  Status.NO_BACKSLASH_ESCAPES |
  Status.ANSI_QUOTES;

const NOTEWORTHY =
  Fact.SET |
  Fact.USE |
  Fact.DROPS_SCHEMA |
  Fact.XA_OPENS |
  Fact.XA_CLOSES |
  Fact.OPAQUE |
  Fact.SETS_INSERT_ID;

function note(session: ClientSession, walker: ResponseWalker, failed: boolean): void {
  session.ledger.affectedRows = walker.affectedRows;
  if (walker.hadResultSet && !failed) session.ledger.foundRows = walker.rows;
}

function noteStatement(session: ClientSession, backend: Backend, failed: boolean): void {
  const { verdict } = session;
  const { flags } = verdict;
  if (flags & Fact.OPAQUE) backend.tainted = true;
  if (flags & (Fact.OPAQUE | Fact.SETS_INSERT_ID)) doubtInsertId(session, backend);
  if (flags & Fact.XA_OPENS && !failed) session.ledger.xaOpen = true;
  if (flags & Fact.XA_CLOSES && !failed) session.ledger.xaOpen = false;
  if (flags & (Fact.USE | Fact.DROPS_SCHEMA)) session.ledger.dirtySchema = true;
  if (flags & Fact.SET) noteAssignments(session, backend, failed);
}

function noteAssignments(session: ClientSession, backend: Backend, failed: boolean): void {
  const { assignments } = session.verdict;
  for (const { scope } of assignments) {
    // Only the pinning filter lets these happen without a pin; they must not outlive the lease.
    if (scope === "user" || scope === "next") backend.tainted = true;
  }
  if (assignments.length === 0) backend.tainted = true;
  const names = session.ledger.dirtyVariables ?? new Map<string, number>();
  addVariablesToRead(names, assignments, spelling(session.service.facts), failed);
  if (names.size > 0) session.ledger.dirtyVariables = names;
}

/** Commands other than statements that change the session. */
function noteCommand(session: ClientSession, backend: Backend, failed: boolean): void {
  if (failed) return;
  if (session.command === Command.INIT_DB) session.ledger.dirtySchema = true;
  if (session.command === Command.SET_OPTION) {
    const multiStatements = backend.sentByte(5) === 0;
    // It stays for what logs in anew on this connection, as on a server.
    const others = session.capabilities & ~Capability.MULTI_STATEMENTS;
    session.capabilities = others | (multiStatements ? Capability.MULTI_STATEMENTS : 0);
    session.ledger.state = session.states.change(session.ledger.state, { multiStatements });
    backend.multiStatements = multiStatements;
  }
}

function countTransaction(session: ClientSession, backend: Backend): void {
  const open = session.ledger.inTransaction;
  if (open === session.countedTransaction) return;
  session.countedTransaction = open;
  backend.counters.databaseConnectionsCurrentlyInTransaction += open ? 1 : -1;
}

function isHeld(session: ClientSession): boolean {
  if (session.ledger.pinRule !== null || session.ledger.inTransaction) return true;
  if ((session.ledger.status & Status.AUTOCOMMIT) !== 0) return false;
  if (session.is(Fact.ENDS_TRANSACTION)) session.ledger.hasOpenWork = false;
  else if (!session.is(OPENS_NOTHING)) session.ledger.hasOpenWork = true;
  return session.ledger.hasOpenWork;
}

/** Nothing holds the backend: ask it what has changed, if need be, and give it back. */
function letGo(session: ClientSession, backend: Backend, now: number): void {
  if (!wantsToAsk(session)) return giveBack(session, backend, now);
  const text = transitionKey(session, backend);
  const from = session.ledger.state;
  if (text !== null) {
    const known = session.states.transition(from, text);
    if (known !== undefined && backend.walker.errorCode === 0) {
      session.ledger.state = known;
      session.ledger.dirtySchema = false;
      session.ledger.dirtyVariables = null;
      if (!wantsToAsk(session)) return giveBack(session, backend, now);
    }
  }
  settle(session, backend, text);
}

function wantsToAsk(session: ClientSession): boolean {
  const { ledger } = session;
  return (
    ledger.area === Area.ON_BACKEND ||
    ledger.dirtySchema ||
    ledger.dirtyVariables !== null ||
    ledger.insertIdDoubtful ||
    session.ledger.recounted
  );
}

/** The statement, if the session's next state follows from it and the present one alone. */
function transitionKey(session: ClientSession, backend: Backend): string | null {
  if (session.leaseUses !== 1 || session.ledger.insertIdDoubtful) return null;
  if (session.command === Command.INIT_DB) return backend.sentText(4);
  const { flags, assignments } = session.verdict;
  if (session.command !== Command.QUERY || flags & (Fact.MULTI | Fact.DROPS_SCHEMA | Fact.OPAQUE))
    return null;
  for (const { scope, constant } of assignments) {
    if (!constant || (scope !== "session" && scope !== "local")) return null;
  }
  return backend.sentText(session.textOffset);
}

const NOTHING_SET: ReadonlyMap<string, number> = new Map();

function settle(session: ClientSession, backend: Backend, text: string | null): void {
  const { service } = session;
  const from = session.ledger.state;
  const failed = backend.walker.errorCode !== 0;
  const sources = session.ledger.dirtyVariables ?? NOTHING_SET;
  const names = [...sources.keys()];
  const commands: OwnCommand[] = [];
  const keeps = session.ledger.area === Area.ON_BACKEND;
  if (keeps) commands.push(backend.query("SHOW WARNINGS"));
  const asks = session.ledger.dirtySchema || names.length > 0;
  if (asks) commands.push(backend.query(readBackStatement(names)));
  if (session.ledger.insertIdDoubtful) commands.push(backend.query(ASK_INSERT_ID));
  // Nobody else may meet it.
  if (keeps || session.ledger.recounted) commands.push(backend.query(CLEAR_DIAGNOSTICS));
  session.phase = Phase.SETTLING;
  backend.run(commands, (failure, answers) => {
    if (session.backend !== backend) return recycle(service, backend);
    const rows = (position: number): TextRow =>
      decodeTextRows(answers[position] as Buffer, backend.walker.deprecateEof)?.[0] ?? [];
    let next = 0;
    if (keeps) keepWarnings(session, backend, answers[next++] as Buffer, failed);
    if (failure === null && asks) session.ledger.state = stateAfter(session, sources, rows(next++));
    const wasDoubtful = session.ledger.insertIdDoubtful;
    if (failure === null && wasDoubtful) settleInsertId(session, backend, answers[next] as Buffer);
    // A ledger that is full may have left something out: then only a reset takes it away from others.
    const full = session.ledger.state.variables.size >= BOUNDS.trackedVariablesMax;
    if (failure !== null || full) backend.tainted = true;
    else if (text !== null && !failed && !wasDoubtful) {
      session.states.remember(from, text, session.ledger.state);
    }
    session.ledger.dirtySchema = false;
    session.ledger.dirtyVariables = null;
    session.ledger.insertIdDoubtful = false;
    session.ledger.recounted = false;
    session.phase = Phase.IDLE;
    giveBack(session, backend, service.monotonicMs());
    session.consumePending();
  });
}

function stateAfter(
  session: ClientSession,
  sources: ReadonlyMap<string, number>,
  row: TextRow,
): SessionState {
  const { ledger, service, states } = session;
  const read = readBackResult([...sources.keys()], row);
  const variables = new Map(read.variables);
  const known = { before: ledger.state.variables, collations: service.facts.collations };
  addCollations(variables, sources, known);
  const change: StateChange = { schema: read.schema, variables };
  return states.change(ledger.state, change);
}

function keepWarnings(
  session: ClientSession,
  backend: Backend,
  answer: Buffer,
  failed: boolean,
): void {
  const { ledger } = session;
  const kept = KeptWarnings.from(answer, backend.walker.deprecateEof);
  const isEmpty = kept === null || kept.count === 0;
  ledger.area = isEmpty ? Area.EMPTY : Area.KEPT;
  ledger.keptWarnings = isEmpty ? null : kept;
  // An ERR packet does not tell how many there are.
  if (failed) ledger.conditions = kept?.count ?? 0;
}

function giveBack(session: ClientSession, backend: Backend, now: number): void {
  const { state } = session.ledger;
  backend.sessionState = backend.schemaStale ? null : state;
  backend.stateToken = state.token;
  backend.schema = state.schema;
  backend.variables = state.variables;
  backend.usedBy = session.ledger.trace;
  session.release();
  // A KILL that is still under way must not hit the next session's statement.
  if (backend.killsPending > 0) session.service.pool.discard(backend, "broken", now);
  else session.service.pool.giveBack(backend, now);
}

/** Wipes a backend off after a session that is gone, then gives it back; closes it where that fails. */
export function recycle(service: Service, backend: Backend): void {
  if (backend.dead) return;
  service.pool.beginReset(backend);
  backend.run(resetCommands(service, backend), (failure, answers) => {
    const now = service.monotonicMs();
    if (failure !== null) return service.pool.discard(backend, "reset-failed", now);
    wiped(service, backend, answers.at(-1) as Buffer);
    service.events.emit({
      kind: "backend-reset",
      at: service.epochMs(),
      target: backend.target.id,
      backend: backend.id,
    });
    service.pool.giveBack(backend, now);
  });
}

/** The last command reads what is not known of a session that was reset. */
function resetCommands(service: Service, backend: Backend): OwnCommand[] {
  const { afterReset } = service.classOf(backend.key);
  const queries = [...afterReset, readBackStatement(CHARSET_VARIABLES)];
  return [ownReset(), ...queries.map((sql) => backend.query(sql))];
}

/** The backend is as after COM_RESET_CONNECTION and the initialization query. */
function wiped(service: Service, backend: Backend, answer: Buffer): void {
  const { facts } = service;
  const { afterReset, baselineId } = service.classOf(backend.key);
  const row = decodeTextRows(answer, backend.walker.deprecateEof)?.[0] ?? [];
  const { schema, variables } = readBackResult(CHARSET_VARIABLES, row);
  const login =
    facts.resetKeepsLogin && afterReset.length === 0
      ? charsetAfterLogin(facts, backend.loginCollation)
      : null;
  backend.schema = schema;
  backend.fresh(login ?? new Map(variables), baselineId);
  backend.sessionState = null;
  backend.stateToken = 0;
  backend.usedBy = 0;
  backend.schemaStale = true;
}

/** COM_RESET_CONNECTION: the session begins anew, what its backend held for it is undone, and a pin stays. */
export function resetSession(session: ClientSession): void {
  const { service, backend } = session;
  session.lastActiveMs = service.monotonicMs();
  session.lastBackend = null;
  if (backend === null) {
    const { defaultCharset } = service.facts;
    beginAfterReset(session, session.ledger.state.schema, new Map(defaultCharset));
    return session.sendOk();
  }
  session.phase = Phase.SETTLING;
  backend.run(resetCommands(service, backend), (failure, answers) => {
    if (session.backend !== backend) return recycle(service, backend);
    if (failure !== null) return session.closeAfterError("backend-lost");
    wiped(service, backend, answers.at(-1) as Buffer);
    beginAfterReset(session, backend.schema, backend.variables as ReadonlyMap<string, string>);
    if (sameValues(session.ledger.state.variables, backend.variables))
      return wasReset(session, backend);
    // The backend is as after the login of another session.
    session.onPrepared = (error) => {
      // Another one where this one was lost meanwhile.
      if (error === null) wasReset(session, session.backend as Backend);
      else session.closeAfterError("backend-lost");
    };
    session.prepareLease(backend);
  });
}

/** `variables`: the character sets, unless the server keeps those of the login. */
function beginAfterReset(
  session: ClientSession,
  schema: string | null,
  variables: ReadonlyMap<string, string>,
): void {
  const { service, ledger, states } = session;
  const { multiStatements } = ledger.state;
  const state = service.facts.resetKeepsLogin
    ? stateAfterLogin(session, schema)
    : states.state(schema, multiStatements, variables);
  ledger.begin(state, service.newId());
}

function wasReset(session: ClientSession, backend: Backend): void {
  countTransaction(session, backend);
  session.phase = Phase.IDLE;
  session.sendOk();
  if (session.ledger.pinRule === null) giveBack(session, backend, session.service.monotonicMs());
  session.consumePending();
}
