import { BOUNDS } from "../base/bounds.ts";
import { classify } from "./classify.ts";
import { digest } from "./digest.ts";
import { fixFor, RULES, reasonFor } from "./rules.ts";
import { isTrackedVariable } from "./variables.ts";
import { type PinRuleId, Reading, type Verdict } from "./verdict.ts";

export interface ExplainOptions {
  readonly engine?: "mysql" | "mariadb";
  /** The session pinning filter is on. */
  readonly excludeVariableSets?: boolean;
  /** Value of sql_mode in the session. */
  readonly sqlMode?: string;
}

/** Would RDS Proxy pin on this statement, why, by which rule, and how to avoid it. */
export interface Explanation {
  readonly statement: string;
  readonly pins: boolean;
  readonly rule: PinRuleId | null;
  readonly reason: string | null;
  readonly fix: string | null;
  /** Tracked variables and statements in it. */
  readonly tracked: readonly string[];
  /** `id: text` of each warning. */
  readonly warnings: readonly string[];
}

/** Modes that include ANSI_QUOTES, besides itself. */
const QUOTING_MODES = ["ANSI", "ANSI_QUOTES", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];

/** Bits of `Reading` that a value of sql_mode sets. */
export function readingOfSqlMode(sqlMode: string): number {
  let reading = 0;
  for (const mode of sqlMode.toUpperCase().split(",")) {
    const name = mode.trim();
    if (QUOTING_MODES.includes(name)) reading |= Reading.ANSI_QUOTES;
    if (name === "NO_BACKSLASH_ESCAPES") reading |= Reading.NO_BACKSLASH_ESCAPES;
  }
  return reading;
}

export function explain(sql: string, options: ExplainOptions = {}): Explanation {
  const bytes = new TextEncoder().encode(sql);
  const reading =
    readingOfSqlMode(options.sqlMode ?? "") |
    (options.engine === "mariadb" ? Reading.MARIADB : 0) |
    (options.excludeVariableSets === true ? Reading.EXCLUDE_VARIABLE_SETS : 0);
  const verdict = classify(bytes, 0, bytes.length, reading);
  const { pin: rule } = verdict;
  return {
    statement: sql,
    pins: rule !== null,
    rule,
    reason:
      rule === null
        ? null
        : reasonFor(rule, digest(bytes, 0, bytes.length, reading, BOUNDS.digestChars)),
    fix: rule === null ? null : fixFor(rule, untrackedVariable(verdict)),
    tracked: verdict.tracked,
    warnings: verdict.warnings.map((id) => `${id}: ${RULES[id].reason} ${RULES[id].fix}`),
  };
}

/** The first variable that makes the statement pin, if a system variable does. */
export function untrackedVariable({ assignments }: Verdict): string | null {
  for (const { scope, name } of assignments) {
    if (scope !== "user" && scope !== "local" && !isTrackedVariable(name)) return name;
  }
  return null;
}
