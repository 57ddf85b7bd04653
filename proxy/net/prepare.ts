import { Area } from "../session/diagnostics-area.ts";
import { type BackendSession, planSync } from "../session/state-sync.ts";
import { Fact } from "../sql/verdict.ts";
import type { ErrFields } from "../wire/err.ts";
import type { Backend } from "./backend.ts";
import { failCommand, waitForBackend } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { CLEAR_DIAGNOSTICS, rewriteCounts, serveKeptWarnings } from "./diagnostics.ts";
import { type OwnCommand, ownPing, syncCommand } from "./housekeeping.ts";
import { ASK_INSERT_ID, bringInsertId, lacksInsertId, settleInsertId } from "./insert-id.ts";
import { Phase } from "./phase.ts";
import { relogin } from "./relogin.ts";
import { recycle } from "./settle.ts";

const READS_COUNTS = Fact.READS_ROW_COUNT | Fact.READS_FOUND_ROWS;
/** Facts of a statement whose answer may depend on what this session did before, wherever that was. */
const LOOKS_BACK =
  Fact.READS_INSERT_ID | Fact.SETS_INSERT_ID | Fact.READS_DIAGNOSTICS | READS_COUNTS | Fact.OPAQUE;

/** A backend that has idled for longer is asked whether it still lives before a client's statement depends on it. */
const STALE_MS = 30_000;

/** Whether a backend just lent must be changed before the session's command may run on it. */
export function needsPreparation(session: ClientSession, backend: Backend): boolean {
  if (backend.sessionState !== session.ledger.state || session.onPrepared !== null) return true;
  if (session.commandStartedMs - backend.idleSince > STALE_MS) return true;
  if (lacksPast(session, backend)) return true;
  // What only this session could have left behind is its own to meet again; others never do.
  return backend.usedBy !== session.ledger.trace && backend.tainted;
}

/** Whether the backend would answer a statement that looks back from somebody else's past. */
export function lacksPast(session: ClientSession, backend: Backend): boolean {
  const { flags } = session.verdict;
  const { ledger } = session;
  if ((flags & LOOKS_BACK) === 0 && ledger.pendingPin === null) return false;
  if (lacksInsertId(session, backend)) return true;
  if ((flags & READS_COUNTS) !== 0 && session.leaseUses === 0) return true;
  return (flags & Fact.READS_DIAGNOSTICS) !== 0 && ledger.area === Area.KEPT;
}

/** Does it: what others left is wiped off, what the session had is put back. */
export function prepare(session: ClientSession, backend: Backend): void {
  const { service } = session;
  const kind = service.classOf(backend.key);
  const commands: OwnCommand[] = [];
  const foreign = backend.usedBy !== session.ledger.trace;
  const doubtful =
    (foreign && backend.tainted) ||
    backend.variables === null ||
    backend.baselineId !== kind.baselineId;
  const known = doubtful ? { ...sessionOf(backend), variables: null } : sessionOf(backend);
  const plan = planSync(known, session.ledger.state, kind);
  if (plan === null) return leaveSchema(session, backend);
  if (session.is(Fact.READS_DIAGNOSTICS) && serveKeptWarnings(session)) return;
  for (const step of plan) {
    commands.push(syncCommand(step, (sql) => backend.query(sql)));
    if (step.kind === "reset") backend.insertIdLow = backend.insertIdHigh = 0;
  }
  const recount = addPast(session, backend, commands);
  const idleMs = session.commandStartedMs - backend.idleSince;
  if (commands.length === 0 && idleMs > STALE_MS) commands.push(ownPing());
  if (commands.length === 0) return ready(session, backend);
  backend.run(commands, (failure) => {
    if (session.backend !== backend) return recycle(service, backend);
    if (failure !== null && failure.index !== recount)
      return refused(session, backend, failure.error);
    backend.tainted = foreign ? false : backend.tainted;
    backend.baselineId = kind.baselineId;
    ready(session, backend);
  });
}

function sessionOf(backend: Backend): BackendSession {
  const { schema, schemaStale, multiStatements, variables } = backend;
  return { schema, schemaStale, multiStatements, variables };
}

/** The backend is as the session left its last one. */
function ready(session: ClientSession, backend: Backend): void {
  const { state } = session.ledger;
  backend.sessionState = state;
  backend.schema = state.schema;
  backend.schemaStale = false;
  backend.multiStatements = state.multiStatements;
  backend.variables = state.variables;
  backend.usedBy = session.ledger.trace;
  session.sendKept();
}

/** No command leads from a schema to none: a new session has to, on this connection or on another. */
function leaveSchema(session: ClientSession, backend: Backend): void {
  relogin(session.service, backend, (succeeded) => {
    if (succeeded) {
      backend.schema = null;
      backend.schemaStale = false;
      backend.variables = null;
    }
    if (session.backend !== backend) recycle(session.service, backend);
    else if (succeeded) prepare(session, backend);
    else replaceBackend(session);
  });
}

function replaceBackend(session: ClientSession): void {
  const { service } = session;
  const backend = session.release();
  session.lastBackend = null;
  service.pool.discard(backend, "surplus", service.monotonicMs());
  waitForBackend(session, service.monotonicMs());
}

/** The server refused a value or schema that it had accepted before: the client's command cannot run as it should. */
function refused(session: ClientSession, backend: Backend, error: ErrFields): void {
  backend.sessionState = null;
  backend.variables = null;
  const released = session.release();
  session.service.pool.giveBack(released, session.service.monotonicMs());
  failCommand(session, error);
}

/** The same for a backend that the session has borrowed already, and that is in its state. */
export function restorePast(session: ClientSession, backend: Backend): void {
  session.phase = Phase.PREPARING;
  if (session.is(Fact.READS_DIAGNOSTICS) && serveKeptWarnings(session)) return;
  if (session.ledger.insertIdDoubtful && lacksInsertId(session, backend))
    return askInsertId(session, backend);
  const commands: OwnCommand[] = [];
  addPast(session, backend, commands);
  if (commands.length === 0) return session.sendKept();
  // Should the server refuse, as amid an XA transaction, the client's statement will fare no better.
  backend.run(commands, () => {
    if (session.backend !== backend) return recycle(session.service, backend);
    session.sendKept();
  });
}

/** Statements of this lease may have changed what another session had left: only the server can tell. */
function askInsertId(session: ClientSession, backend: Backend): void {
  backend.run([backend.query(ASK_INSERT_ID)], (failure, answers) => {
    if (session.backend !== backend) return recycle(session.service, backend);
    if (failure !== null) return session.sendKept();
    settleInsertId(session, backend, answers[0] as Buffer);
    restorePast(session, backend);
  });
}

/**
 * Puts back what LAST_INSERT_ID() and its like would have said where the session was before. Returns the position of a command that
 * may fail, or -1.
 */
function addPast(session: ClientSession, backend: Backend, commands: OwnCommand[]): number {
  const { ledger, verdict } = session;
  const { flags } = verdict;
  const counts = (flags & READS_COUNTS) !== 0 && session.leaseUses === 0;
  if (counts && (flags & Fact.MULTI) === 0) rewriteCounts(session);
  if (lacksInsertId(session, backend)) commands.push(bringInsertId(session, backend));
  if ((flags & Fact.READS_DIAGNOSTICS) === 0) return -1;
  if (ledger.area === Area.KEPT && ledger.keptWarnings !== null) {
    ledger.recounted = true;
    commands.push(backend.query(ledger.keptWarnings.recount()));
    return commands.length - 1;
  }
  if (commands.length > 0) commands.push(backend.query(CLEAR_DIAGNOSTICS));
  return -1;
}
