import { Area, Fate, fateOfArea } from "../session/diagnostics-area.ts";
import { collationOfResults } from "../session/login-charset.ts";
import { Fact } from "../sql/verdict.ts";
import { Command } from "../wire/command.ts";
import type { Backend } from "./backend.ts";
import { answerKept } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { commandPacket } from "./housekeeping.ts";

/**
 * Leaves an empty diagnostics area on every server: MariaDB clears it only for statements that use a table.
 */
export const CLEAR_DIAGNOSTICS = "SELECT 1 FROM information_schema.ENGINES LIMIT 0";

/** Follows the diagnostics area through a response. */
export function noteDiagnostics(session: ClientSession, backend: Backend, failed: boolean): void {
  const { ledger, verdict } = session;
  const { warnings, warnedBefore } = backend.walker;
  ledger.conditions = warnings;
  if (failed || warnings > 0 || warnedBefore) {
    ledger.area = Area.ON_BACKEND;
    ledger.keptWarnings = null;
  } else if (ledger.area !== Area.EMPTY) outlive(session, backend);
  else if (verdict.flags & (Fact.OPAQUE | Fact.MULTI)) {
    // The last statement's warnings are counted in the response, but what is in the area may be an earlier one's.
    const isTold = (verdict.flags & Fact.OPAQUE) === 0 && !session.service.facts.mariadb;
    if (!isTold) ledger.area = Area.ON_BACKEND;
  }
}

/** A statement without warnings of its own: are those from before still there? */
function outlive(session: ClientSession, backend: Backend): void {
  const { ledger, verdict, service } = session;
  if (session.command !== Command.QUERY) return;
  const text = backend.sentText(session.textOffset) ?? "";
  const fate = fateOfArea(text, verdict.flags, service.facts.mariadb);
  if (fate === Fate.STAYS || fate === Fate.UNSURE) return;
  ledger.area = fate === Fate.CLEARED ? Area.EMPTY : Area.ON_BACKEND;
  ledger.keptWarnings = null;
}

/** Answers from the diagnostics that were kept when the backend was given back. False if they do not tell. */
export function serveKeptWarnings(session: ClientSession): boolean {
  const { ledger, service } = session;
  const results = ledger.state.variables.get("character_set_results");
  const collation = collationOfResults(results, service.facts.collations);
  if (collation !== undefined) ledger.keptWarnings?.recode(collation[0], collation[1].maxLength);
  const answer = ledger.keptWarnings?.answerTo(keptText(session), ledger.status) ?? null;
  if (answer === null) return false;
  ledger.affectedRows = -1;
  ledger.conditions = 0;
  answerKept(session, answer);
  return true;
}

/** Strings, quoted names and comments, which are passed over, or a call of one of the two functions. */
const COUNTS =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|\/\*.*?\*\/|\b(ROW_COUNT|FOUND_ROWS)\s*\(\s*\)/gis;
const PLAIN_SELECT = /^(\s*SELECT\s+)([^;]*?)(\s*;?\s*)$/i;
const SECOND_CLAUSE = /\b(?:FROM|WHERE|UNION|LIMIT|INTO|HAVING|ORDER|GROUP|DISTINCT|ALL)\b/i;
/** An expression that ends without a name of its own. */
const UNNAMED = /\)\s*$|[-+*/%<>=]\s*[\d.]+\s*$/;

/**
 * ROW_COUNT() and FOUND_ROWS() count what another backend did: the numbers, which the proxy knows, take the calls' place. From here on
 * the session is pinned, and the server counts by itself.
 */
export function rewriteCounts(session: ClientSession): void {
  const { affectedRows, foundRows } = session.ledger;
  const command = session.input.command();
  const prefix = command.subarray(5, session.textOffset);
  const text = rewrittenCounts(keptText(session), affectedRows, foundRows);
  const body = Buffer.concat([prefix, Buffer.from(text, "latin1")]);
  session.input.replaceCommand(commandPacket(command[4] as number, body));
}

/** The text with numbers for the calls. Columns keep their types and, in plain cases, their names. */
export function rewrittenCounts(text: string, affectedRows: number, foundRows: number): string {
  const put = (part: string): string =>
    part.replace(COUNTS, (call: string, name: string | undefined) => {
      if (name === undefined) return call;
      const number = name.toUpperCase() === "ROW_COUNT" ? affectedRows : foundRows;
      return `IF(TRUE,${number},${call})`;
    });
  const select = PLAIN_SELECT.exec(text);
  if (select === null || SECOND_CLAUSE.test(text)) return put(text);
  const [, head, list, tail] = select as unknown as [string, string, string, string];
  const items = splitList(list).map((item) => {
    const changed = put(item);
    if (changed === item || !UNNAMED.test(item)) return changed;
    return `${changed} AS \`${item.trim().replaceAll("`", "``")}\``;
  });
  return `${head}${items.join(",")}${tail}`;
}

/** At the commas outside of parentheses and strings. */
function splitList(list: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  let quote = "";
  for (let i = 0; i < list.length; i++) {
    const char = list[i] as string;
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === "'" || char === '"' || char === "`") quote = char;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    else if (char === "," && depth === 0) {
      items.push(list.slice(from, i));
      from = i + 1;
    }
  }
  items.push(list.slice(from));
  return items;
}

function keptText(session: ClientSession): string {
  return session.input.command().subarray(session.textOffset).toString("latin1");
}
