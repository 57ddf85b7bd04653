import { answerKept } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { commandPacket } from "./housekeeping.ts";

/**
 * Leaves an empty diagnostics area on every server: MariaDB clears it only for statements that use a table.
 */
export const CLEAR_DIAGNOSTICS = "SELECT 1 FROM information_schema.ENGINES LIMIT 0";

const SHOW_WARNINGS = /^\s*SHOW\s+WARNINGS\s*;?\s*$/i;
const ROW_COUNT = /\bROW_COUNT\s*\(\s*\)/gi;
const FOUND_ROWS = /\bFOUND_ROWS\s*\(\s*\)/gi;
const ALONE = /^\s*SELECT\s+((?:ROW_COUNT|FOUND_ROWS)\s*\(\s*\))\s*;?\s*$/i;

/** Answers SHOW WARNINGS from what was saved when somebody else got the backend. False if there is nothing to answer from. */
export function serveKeptDiagnostics(session: ClientSession): boolean {
  const kept = session.ledger.keptDiagnostics;
  if (kept === null || !SHOW_WARNINGS.test(keptText(session))) return false;
  answerKept(session, kept);
  return true;
}

/**
 * ROW_COUNT() and FOUND_ROWS() count what another backend did: the numbers, which the proxy knows, take the calls' place. From here on
 * the session is pinned, and the server counts by itself.
 */
export function rewriteCounts(session: ClientSession): void {
  const text = keptText(session);
  const alone = ALONE.exec(text);
  const name = alone === null ? "" : ` AS \`${alone[1]}\``;
  const replaced = text
    .replace(ROW_COUNT, `CAST(${session.ledger.affectedRows} AS SIGNED)${name}`)
    .replace(FOUND_ROWS, `CAST(${session.ledger.foundRows} AS SIGNED)${name}`);
  const command = session.input.command();
  const prefix = command.subarray(5, session.textOffset);
  const body = Buffer.concat([prefix, Buffer.from(replaced, "latin1")]);
  session.input.replaceCommand(commandPacket(command[4] as number, body));
}

function keptText(session: ClientSession): string {
  return session.input.command().subarray(session.textOffset).toString("latin1");
}
