import { BOUNDS } from "../base/bounds.ts";
import { Reading } from "../sql/verdict.ts";
import { charsetOf } from "./login-charset.ts";

/** Variables that the handshake sets; every session names them, so that no two can be mixed up. */
export const CHARSET_VARIABLES = [
  "character_set_client",
  "character_set_results",
  "collation_connection",
] as const;

const KATAKANA_CHARSETS = new Set(["cp932", "sjis"]);
const ASCII_TRAIL_CHARSETS = new Set(["big5", "cp932", "gb18030", "gbk", "sjis"]);

/**
 * What a session has changed that its next backend must have too. Immutable and interned: two sessions in the same state share
 * one object, so "does this backend fit" is one comparison.
 */
export interface SessionState {
  /** Never 0, never reused. */
  readonly token: number;
  readonly schema: string | null;
  /** Canonical variable name to the value's SQL text, ready for SET. Values equal to the baseline are left out. */
  readonly variables: ReadonlyMap<string, string>;
  readonly multiStatements: boolean;
  /** Bits of `Reading` that follow from sql_mode and the client's character set. */
  readonly reading: number;
}

export interface StateChange {
  readonly schema?: string | null;
  readonly multiStatements?: boolean;
  /** Values as SQL text. */
  readonly variables?: Iterable<readonly [string, string]>;
}

/** All states in use, and the ways from one to another that are known to be certain. */
export class StateTable {
  readonly #states = new Map<string, SessionState>();
  readonly #transitions = new Map<string, SessionState>();
  #baseline: ReadonlyMap<string, string> = new Map();
  #nextToken = 1;

  /** Values of the tracked variables on a fresh backend, as SQL text. */
  get baseline(): ReadonlyMap<string, string> {
    return this.#baseline;
  }

  /** States made before keep their meaning relative to the old baseline; callers retire the backends that hold them. */
  setBaseline(baseline: ReadonlyMap<string, string>): void {
    this.#baseline = baseline;
    this.#states.clear();
    this.#transitions.clear();
  }

  state(
    schema: string | null,
    multiStatements: boolean,
    variables: ReadonlyMap<string, string>,
  ): SessionState {
    const names = [...variables.keys()].sort();
    let key = `${multiStatements ? 1 : 0}\0${schema === null ? "" : `=${schema}`}`;
    for (const name of names) key += `\0${name}\0${variables.get(name)}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= BOUNDS.sessionStatesMax) {
      this.#states.clear();
      this.#transitions.clear();
    }
    const made: SessionState = {
      token: this.#nextToken++,
      schema,
      variables,
      multiStatements,
      reading: this.#reading(variables),
    };
    this.#states.set(key, made);
    return made;
  }

  /** The state after `change`. */
  change(from: SessionState, change: StateChange): SessionState {
    const variables = new Map(from.variables);
    for (const [name, value] of change.variables ?? []) {
      if (this.#baseline.get(name) === value) variables.delete(name);
      else if (variables.size < BOUNDS.trackedVariablesMax) variables.set(name, value);
    }
    const schema = change.schema === undefined ? from.schema : change.schema;
    // USE changes the schema's own character set with it.
    if (schema !== from.schema) variables.delete("collation_database");
    return this.state(schema, change.multiStatements ?? from.multiStatements, variables);
  }

  /** Where a statement text that depends on nothing else led the last time. */
  transition(from: SessionState, text: string): SessionState | undefined {
    return this.#transitions.get(`${from.token} ${text}`);
  }

  remember(from: SessionState, text: string, to: SessionState): void {
    if (this.#transitions.size >= BOUNDS.sessionStatesMax) this.#transitions.clear();
    this.#transitions.set(`${from.token} ${text}`, to);
  }

  #reading(variables: ReadonlyMap<string, string>): number {
    const mode = variables.get("sql_mode") ?? this.#baseline.get("sql_mode") ?? "";
    const charset = charsetOf(variables.get("character_set_client"));
    return (
      (mode.includes("ANSI_QUOTES") ? Reading.ANSI_QUOTES : 0) |
      (mode.includes("NO_BACKSLASH_ESCAPES") ? Reading.NO_BACKSLASH_ESCAPES : 0) |
      (ASCII_TRAIL_CHARSETS.has(charset) ? Reading.ASCII_TRAIL_BYTES : 0) |
      (KATAKANA_CHARSETS.has(charset) ? Reading.KATAKANA_BYTES : 0)
    );
  }
}

/** Whether these are the same variables with the same values. */
export function sameValues(
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string> | null,
): boolean {
  if (left.size !== right?.size) return false;
  for (const [name, value] of left) if (right.get(name) !== value) return false;
  return true;
}

/** Of sessions that have not logged in. */
export const NO_STATES = new StateTable();
export const NO_STATE: SessionState = NO_STATES.state(null, false, new Map());
