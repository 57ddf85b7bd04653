import { classify } from "../../../proxy/sql/classify.ts";
import { Fact, Reading, type Verdict } from "../../../proxy/sql/verdict.ts";

const encoder = new TextEncoder();

/** Verdict of a statement text, cut out of the middle of a larger buffer of quotes. */
export function judge(sql: string | Uint8Array, reading = 0): Verdict {
  const text = typeof sql === "string" ? encoder.encode(sql) : sql;
  const bytes = new Uint8Array(text.length + 16).fill(0x27);
  bytes.set(text, 8);
  return classify(bytes, 8, 8 + text.length, reading);
}

/** Names of the facts in a verdict, in the order of their bits. */
export function factsOf({ flags }: Verdict): string[] {
  return Object.entries(Fact)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}

/** Assignments as `scope name` with `= const` where constant. */
export function assignmentsOf({ assignments }: Verdict): string[] {
  return assignments.map(
    ({ scope, name, constant }) => `${scope} ${name}${constant ? "" : " (computed)"}`,
  );
}

export const { ANSI_QUOTES, NO_BACKSLASH_ESCAPES, MARIADB, EXCLUDE_VARIABLE_SETS } = Reading;
