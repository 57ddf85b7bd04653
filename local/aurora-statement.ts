import { quoteText } from "./sql-text.ts";

/** One row of `information_schema.replica_host_status`. */
export interface HostStatus {
  readonly serverId: string;
  /** `MASTER_SESSION_ID` marks the writer. */
  readonly sessionId: string;
  /** Milliseconds since the instance last reported; below zero for a clock that is ahead. */
  readonly ageMs: number;
  readonly lagMs: number;
  readonly cpu: number;
  readonly isCurrent: boolean;
}

/** What one instance says of itself and of its cluster when it is asked as an Aurora instance. */
export interface AuroraFacts {
  readonly serverId: string;
  readonly auroraVersion: string;
  readonly hosts: readonly HostStatus[];
  /** What `@@innodb_read_only` shows; null: what the server's own `read_only` says. */
  readonly innodbReadOnly: boolean | null;
}

/** Session id of the writer. */
export const MASTER_SESSION_ID = "MASTER_SESSION_ID";

/** Names of which at least one is in every statement that concerns Aurora. */
const CANDIDATE = /replica_host_status|aurora|innodb_read_only/i;
const TOKEN =
  /(?<space>\s+|--[ \t\r\n][^\n]*|#[^\n]*|\/\*(?![!M])[\s\S]*?\*\/)|(?<text>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")|(?<name>`(?:[^`]|``)*`|@@(?:global\s*\.\s*|session\s*\.\s*|local\s*\.\s*)?`?[\w$]+`?|[\w$\u0080-\uffff]+)|(?<other>[\s\S])/giy;
const SHOW =
  /^\s*SHOW\s+(?:GLOBAL\s+|SESSION\s+|LOCAL\s+)?VARIABLES\s+(?:(?<like>LIKE\s+(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"))|WHERE\s+(?<where>[\s\S]+?))\s*;?\s*$/i;
const VARIABLES = ["aurora_server_id", "aurora_version", "innodb_read_only"] as const;

type Variable = (typeof VARIABLES)[number];

interface Token {
  readonly kind: "text" | "name" | "other";
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** Whether a statement may need rewriting; cheap, as every statement of a client is asked. */
export function mayConcernAurora(sql: string): boolean {
  return CANDIDATE.test(sql);
}

/**
 * Turns a statement about what only Aurora has into one that the server itself can run: the status of the hosts becomes a common
 * table expression, variables become values. Everything else of the statement stays: the real server selects, joins and sorts.
 * Null where there is nothing to do.
 */
export function rewriteForAurora(sql: string, facts: AuroraFacts): string | null {
  return rewriteShow(sql, facts) ?? rewriteNames(sql, facts);
}

function rewriteShow(sql: string, facts: AuroraFacts): string | null {
  const { like, where } = SHOW.exec(sql)?.groups ?? {};
  if (!CANDIDATE.test(like ?? where ?? "")) return null;
  const rows = VARIABLES.map((name) => {
    const value =
      name === "innodb_read_only" ? `IF(${sqlOf(name, facts)}, 'ON', 'OFF')` : sqlOf(name, facts);
    return `SELECT CAST('${name}' AS CHAR(64)) AS Variable_name, CAST(${value} AS CHAR(1024)) AS Value`;
  });
  const condition = where ?? `Variable_name ${like}`;
  return `SELECT * FROM (${rows.join(" UNION ALL ")}) AS variables WHERE ${condition}`;
}

function rewriteNames(sql: string, facts: AuroraFacts): string | null {
  const tokens = tokensOf(sql);
  const edits: { start: number; end: number; by: string }[] = [];
  let depth = 0;
  let inList = false;
  /** The table as the statement first spells it: names of tables may differ by case alone. */
  let table: string | null = null;
  let first = -1;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === "text") continue;
    const word = token.word.toLowerCase();
    if (first < 0 && /^(?:select|with|\()$/.test(word)) first = i;
    if (word === "(") depth += 1;
    if (word === ")") depth -= 1;
    if (depth === 0 && word === "select") inList = true;
    if (depth === 0 && word === "from") inList = false;
    const after = hostStatusAt(tokens, i);
    if (after > 0) {
      const { word, end } = tokens[after]!;
      table ??= word.replaceAll("`", "");
      edits.push({ start: token.start, end, by: table });
      i = after;
      continue;
    }
    const last = variableAt(tokens, i);
    if (last === null) continue;
    const end = tokens[last.at]!.end;
    const named = inList && depth === 0 && isWholeColumn(tokens, i, last.at);
    const alias = named ? ` AS \`${sql.slice(token.start, end).replaceAll("`", "")}\`` : "";
    edits.push({ start: token.start, end, by: `${sqlOf(last.name, facts)}${alias}` });
    i = last.at;
  }
  if (edits.length === 0) return null;
  if (table !== null) edits.push(tableExpression(table, facts.hosts, tokens, first));
  let text = sql;
  for (const { start, end, by } of edits.sort((a, b) => b.start - a.start)) {
    text = `${text.slice(0, start)}${by}${text.slice(end)}`;
  }
  return text;
}

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    const { space, text, name } = match.groups!;
    if (space !== undefined) continue;
    const kind = text !== undefined ? "text" : name !== undefined ? "name" : "other";
    tokens.push({ kind, word: match[0], start: match.index, end: TOKEN.lastIndex });
  }
  return tokens;
}

/** Where the schema's name stands at `i` and the table's follows: the position of the latter, else -1. */
function hostStatusAt(tokens: readonly Token[], i: number): number {
  if (bare(tokens[i]) !== "information_schema" || tokens[i + 1]?.word !== ".") return -1;
  return bare(tokens[i + 2]) === "replica_host_status" ? i + 2 : -1;
}

function variableAt(tokens: readonly Token[], i: number): { name: Variable; at: number } | null {
  const word = tokens[i]!.word.toLowerCase();
  if (word === "aurora_version" && tokens[i + 1]?.word === "(" && tokens[i + 2]?.word === ")") {
    return { name: "aurora_version", at: i + 2 };
  }
  if (!word.startsWith("@@")) return null;
  const name = /`?([\w$]+)`?$/.exec(word)?.[1];
  const found = VARIABLES.find((each) => each === name);
  return found === undefined ? null : { name: found, at: i };
}

/** Whether the tokens from `start` to `end` are a column without a name of its own, which gets the one that Aurora would give. */
function isWholeColumn(tokens: readonly Token[], start: number, end: number): boolean {
  const before = tokens[start - 1]?.word.toLowerCase();
  const after = tokens[end + 1]?.word.toLowerCase();
  return (
    (before === "select" || before === ",") &&
    (after === undefined || /^(?:,|;|from|limit|union)$/.test(after))
  );
}

function bare(token: Token | undefined): string {
  return token === undefined ? "" : token.word.replaceAll("`", "").toLowerCase();
}

function sqlOf(name: Variable, facts: AuroraFacts): string {
  if (name === "aurora_server_id") return quoteText(facts.serverId);
  if (name === "aurora_version") return quoteText(facts.auroraVersion);
  if (facts.innodbReadOnly !== null) return facts.innodbReadOnly ? "1" : "0";
  return "@@GLOBAL.read_only";
}

/** The rows, before the statement's first SELECT, or at the head of the WITH that it has. */
function tableExpression(
  table: string,
  hosts: readonly HostStatus[],
  tokens: readonly Token[],
  first: number,
): { start: number; end: number; by: string } {
  const rows = hosts.map(hostRow).join(" UNION ALL ");
  const expression = `${table} AS (${rows === "" ? `${hostRow(NOBODY)} LIMIT 0` : rows})`;
  const token = tokens[Math.max(first, 0)]!;
  if (token.word.toLowerCase() !== "with") {
    return { start: token.start, end: token.start, by: `WITH ${expression} ` };
  }
  const recursive = tokens[first + 1]?.word.toLowerCase() === "recursive";
  const at = recursive ? tokens[first + 1]!.end : token.end;
  return { start: at, end: at, by: ` ${expression},` };
}

const NOBODY: HostStatus = {
  serverId: "",
  sessionId: "",
  ageMs: 0,
  lagMs: 0,
  cpu: 0,
  isCurrent: false,
};

/** The time is the server's, in the session's zone, so that it compares with NOW() as on Aurora. */
function hostRow(host: HostStatus): string {
  const age = Math.round(host.ageMs * 1_000);
  return [
    `SELECT CAST(${quoteText(host.serverId)} AS CHAR(100)) AS SERVER_ID`,
    `CAST(${quoteText(host.sessionId)} AS CHAR(100)) AS SESSION_ID`,
    `NOW(6) - INTERVAL ${age} MICROSECOND AS LAST_UPDATE_TIMESTAMP`,
    `CAST(${host.lagMs} AS DOUBLE) AS REPLICA_LAG_IN_MILLISECONDS`,
    `CAST(${host.cpu} AS DOUBLE) AS CPU`,
    `${host.isCurrent ? 1 : 0} AS IS_CURRENT`,
  ].join(", ");
}
