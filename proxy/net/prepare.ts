import { type BackendSession, planSync } from "../session/state-sync.ts";
import { Fact } from "../sql/verdict.ts";
import type { ErrFields } from "../wire/err.ts";
import type { Backend } from "./backend.ts";
import { failCommand, waitForBackend } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { CLEAR_DIAGNOSTICS, rewriteCounts, serveKeptDiagnostics } from "./diagnostics.ts";
import { type OwnCommand, ownPing, syncCommand } from "./housekeeping.ts";
import { recycle } from "./settle.ts";

/** Facts of a statement whose answer depends on what this session did before, wherever that was. */
const LOOKS_BACK =
  Fact.READS_INSERT_ID | Fact.READS_DIAGNOSTICS | Fact.READS_ROW_COUNT | Fact.READS_FOUND_ROWS;

/** A backend that has idled for longer is asked whether it still lives before a client's statement depends on it. */
const STALE_MS = 30_000;

/** Whether a backend just lent must be changed before the session's command may run on it. */
export function needsPreparation(session: ClientSession, backend: Backend): boolean {
  if (backend.sessionState !== session.ledger.state || session.onPrepared !== null) return true;
  if (session.commandStartedMs - backend.idleSince > STALE_MS) return true;
  if ((session.verdict.flags & LOOKS_BACK) !== 0) return true;
  // What only this session could have left behind is its own to meet again; others never do.
  if (backend.usedBy === session.id) return false;
  return backend.tainted || backend.diagnosticsOf !== null || backend.diagnosticsLeft;
}

/** Does it: what others left is saved for them or wiped off, what the session had is put back. */
export function prepare(session: ClientSession, backend: Backend): void {
  const { service } = session;
  const kind = service.classOf(backend.key);
  const commands: OwnCommand[] = [];
  const foreign = backend.usedBy !== session.id;
  const owner = foreign ? backend.diagnosticsOf : null;
  const saves = owner !== null && owner.diagnosticsUse === backend.uses;
  if (saves) commands.push(backend.query("SHOW WARNINGS"));
  if (foreign && backend.diagnosticsLeft) commands.push(backend.query(CLEAR_DIAGNOSTICS));
  const doubtful =
    (foreign && backend.tainted) ||
    backend.variables === null ||
    backend.baselineId !== kind.baselineId;
  const known = doubtful ? { ...sessionOf(backend), variables: null } : sessionOf(backend);
  const plan = planSync(known, session.ledger.state, kind);
  if (plan === null) return replaceBackend(session);
  const untouched =
    !foreign &&
    !wantsInsertId(session, backend) &&
    plan.length === 0 &&
    session.lastBackend === backend &&
    session.diagnosticsUse === backend.uses;
  const first = commands.length;
  for (const step of plan) {
    commands.push(syncCommand(step, (sql) => backend.query(sql)));
    if (step.kind === "reset") backend.insertIdOf = 0;
  }
  if (!untouched && serveKeptDiagnostics(session)) return;
  if (!untouched) addLookBack(session, backend, commands);
  const idleMs = session.commandStartedMs - backend.idleSince;
  if (commands.length === 0 && idleMs > STALE_MS) commands.push(ownPing());
  if (commands.length === 0) return ready(session, backend);
  backend.run(commands, (failure, answers) => {
    if (saves) owner.keepDiagnostics(answers[0] ?? null);
    backend.diagnosticsOf = null;
    if (foreign) backend.diagnosticsLeft = false;
    if (session.backend !== backend) return recycle(service, backend);
    if (failure !== null && failure.index >= first) return refused(session, backend, failure.error);
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
  backend.usedBy = session.id;
  session.sendKept();
}

/** No command leads from this backend's session to ours: another connection has to. */
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

/** Puts back what LAST_INSERT_ID() and its like would have said where the session was before. */
function addLookBack(session: ClientSession, backend: Backend, commands: OwnCommand[]): void {
  const { flags } = session.verdict;
  if (flags & (Fact.READS_ROW_COUNT | Fact.READS_FOUND_ROWS)) rewriteCounts(session);
  if (wantsInsertId(session, backend)) {
    const id = (BigInt(session.ledger.insertIdHigh) << 32n) | BigInt(session.ledger.insertIdLow);
    commands.push(backend.query(`SELECT LAST_INSERT_ID(${id})`));
    backend.insertIdOf = session.id;
    backend.insertIdVersion = session.ledger.insertIdVersion;
  }
  if (flags & Fact.READS_DIAGNOSTICS) {
    commands.push(backend.query(CLEAR_DIAGNOSTICS));
  }
}

/** The statement reads LAST_INSERT_ID(), and the backend would tell another session's, or an older one. */
function wantsInsertId(session: ClientSession, backend: Backend): boolean {
  if ((session.verdict.flags & Fact.READS_INSERT_ID) === 0) return false;
  const { insertIdVersion } = session.ledger;
  if (insertIdVersion === 0) return backend.insertIdOf !== 0;
  return backend.insertIdOf !== session.id || backend.insertIdVersion !== insertIdVersion;
}
