import type { Assignment } from "../sql/verdict.ts";
import type { TextRow } from "../wire/text-result.ts";
import { COLLATED, Source } from "./login-charset.ts";
import { CHARSET_VARIABLES } from "./session-state.ts";

/** Variables of a session that follow from one assignment to `name`. */
function affected(name: string): readonly string[] {
  switch (name) {
    case "names":
    case "character set":
      return CHARSET_VARIABLES;
    case "character_set_connection":
      return ["collation_connection"];
    case "character_set_database":
      return ["collation_database"];
    case "character_set_server":
      return ["collation_server"];
    default:
      return [name];
  }
}

/**
 * Adds the session variables whose values must be asked for after these assignments, in the server's spelling, each with what may have
 * changed it.
 */
export function addVariablesToRead(
  names: Map<string, number>,
  assignments: readonly Assignment[],
  spell: (name: string) => string,
  failed: boolean,
): void {
  for (const { scope, name } of assignments) {
    if (scope !== "session" && scope !== "local") continue;
    for (const variable of affected(name)) {
      const spelled = spell(variable);
      if (!failed) names.set(spelled, name === "names" ? Source.NAMES : Source.VALUE);
      else if (!names.has(spelled)) names.set(spelled, Source.FAILED);
    }
    if (names.get("collation_connection") === Source.VALUE) forgetNames(names);
  }
}

/** The connection's collation is the one that SET NAMES has brought until it is set by itself. */
function forgetNames(names: Map<string, number>): void {
  for (const variable of COLLATED) {
    if (names.get(variable) === Source.NAMES) names.set(variable, Source.VALUE);
  }
}

/** A statement that reads the schema and these variables, whatever the session's result character set is. */
export function readBackStatement(variables: readonly string[]): string {
  const columns = variables.map((name) => `CAST(@@session.\`${name}\` AS BINARY)`);
  // The limit of its own outdoes the session's sql_select_limit.
  return `SELECT ${["CAST(DATABASE() AS BINARY)", ...columns].join(",")} LIMIT 1`;
}

/** The answer to {@link readBackStatement}: the schema, and each variable's value as SQL text. */
export function readBackResult(
  variables: readonly string[],
  row: TextRow,
): { schema: string | null; variables: [string, string][] } {
  const values = variables.map((name, i): [string, string] => [name, toSql(row[i + 1] ?? null)]);
  return { schema: row[0] ?? null, variables: values };
}

const NUMBER = /^-?\d+(\.\d+)?$/;
const PLAIN = /^[\w ,:+./@-]*$/;

/** A value as SQL text that reads the same in every sql_mode and character set. */
export function toSql(value: string | null): string {
  if (value === null) return "NULL";
  if (NUMBER.test(value)) return value;
  if (PLAIN.test(value)) return `'${value}'`;
  return `_utf8mb4 x'${Buffer.from(value, "utf8").toString("hex")}'`;
}
