import { Fact } from "../sql/verdict.ts";
import { decodeTextRows } from "../wire/text-result.ts";
import type { Backend } from "./backend.ts";
import type { ClientSession } from "./client-session.ts";
import type { OwnCommand } from "./housekeeping.ts";

/** Statements that name LAST_INSERT_ID(), or may read it unseen. */
const MAY_ASK = Fact.READS_INSERT_ID | Fact.SETS_INSERT_ID | Fact.OPAQUE;

export const ASK_INSERT_ID = "SELECT LAST_INSERT_ID() LIMIT 1";

/** Learns from a response what LAST_INSERT_ID() is, or that it has to be asked for. */
export function noteInsertId(session: ClientSession, backend: Backend, failed: boolean): void {
  const { flags } = session.verdict;
  const { ledger } = session;
  const { insertIdLow, insertIdHigh } = backend.walker;
  if (insertIdLow === 0 && insertIdHigh === 0) {
    // A failed insert may have drawn a number before it failed.
    const isUnclear = failed || (flags & Fact.INSERT_ID_AMBIGUOUS) !== 0;
    if ((flags & Fact.INSERT) !== 0 && isUnclear) doubtInsertId(session, backend);
    return;
  }
  const certain =
    (flags & (Fact.INSERT | Fact.INSERT_ID_AMBIGUOUS)) === Fact.INSERT &&
    insertIdHigh === 0 &&
    !backend.sentNumber(String(insertIdLow));
  if (!certain) {
    doubtInsertId(session, backend);
    ledger.insertIdToldLow = insertIdLow;
    ledger.insertIdToldHigh = insertIdHigh;
    return;
  }
  ledger.insertIdDoubtful = false;
  ledger.insertIdLow = backend.insertIdLow = insertIdLow;
  ledger.insertIdHigh = backend.insertIdHigh = insertIdHigh;
}

/** LAST_INSERT_ID() may have changed: it has to be asked for before the backend is given back. */
export function doubtInsertId({ ledger }: ClientSession, backend: Backend): void {
  if (ledger.insertIdDoubtful) return;
  ledger.insertIdDoubtful = true;
  ledger.insertIdForeign =
    backend.insertIdLow !== ledger.insertIdLow || backend.insertIdHigh !== ledger.insertIdHigh;
  ledger.insertIdToldLow = 0;
  ledger.insertIdToldHigh = 0;
}

/** The answer to {@link ASK_INSERT_ID}. What was there before, from another session, is not this session's. */
export function settleInsertId({ ledger }: ClientSession, backend: Backend, answer: Buffer): void {
  const row = decodeTextRows(answer, backend.walker.deprecateEof)?.[0];
  const id = BigInt.asUintN(64, BigInt(row?.[0] ?? "0"));
  const low = Number(id & 0xffff_ffffn);
  const high = Number(id >> 32n);
  const isOld = low === backend.insertIdLow && high === backend.insertIdHigh;
  const isTold = id !== 0n && low === ledger.insertIdToldLow && high === ledger.insertIdToldHigh;
  if (!ledger.insertIdForeign || !isOld || isTold) {
    ledger.insertIdLow = low;
    ledger.insertIdHigh = high;
  }
  backend.insertIdLow = low;
  backend.insertIdHigh = high;
  ledger.insertIdDoubtful = false;
}

/**
 * The statement may ask for LAST_INSERT_ID(), and the backend would tell another session's, or an older one. Once pinned, prepared
 * statements and procedures may ask for it without a word of it in what the client sends.
 */
export function lacksInsertId({ ledger, verdict }: ClientSession, backend: Backend): boolean {
  if ((verdict.flags & MAY_ASK) === 0 && ledger.pendingPin === null) return false;
  if (ledger.insertIdDoubtful) return ledger.insertIdForeign;
  return backend.insertIdLow !== ledger.insertIdLow || backend.insertIdHigh !== ledger.insertIdHigh;
}

/** Makes the backend's LAST_INSERT_ID() the session's. */
export function bringInsertId({ ledger }: ClientSession, backend: Backend): OwnCommand {
  const id = (BigInt(ledger.insertIdHigh) << 32n) | BigInt(ledger.insertIdLow);
  backend.insertIdLow = ledger.insertIdLow;
  backend.insertIdHigh = ledger.insertIdHigh;
  return backend.query(`DO LAST_INSERT_ID(${id})`);
}
