import { COLLATED, charsetOf, collationOf } from "./login-charset.ts";
import { CHARSET_VARIABLES, type SessionState } from "./session-state.ts";

const CLIENT = "character_set_client";

/** One command of the proxy's own that changes a backend's session. */
export type SyncStep =
  | { readonly kind: "reset" }
  | { readonly kind: "query"; readonly sql: string }
  | { readonly kind: "schema"; readonly schema: string }
  | { readonly kind: "multi-statements"; readonly on: boolean };

export interface SyncSetting {
  readonly baseline: ReadonlyMap<string, string>;
  /** What makes a session that was reset like a fresh one. */
  readonly afterReset: readonly string[];
}

/** What is known of a backend's session: `variables` null after something unseen may have changed it. */
export interface BackendSession {
  readonly schema: string | null;
  /** It has to be entered anew: what comes with it was reset. */
  readonly schemaStale: boolean;
  readonly multiStatements: boolean;
  readonly variables: ReadonlyMap<string, string> | null;
}

/**
 * The commands that bring a backend into a session's state, or null where no command can: a backend with a schema cannot go back
 * to having none.
 */
export function planSync(
  from: BackendSession,
  to: SessionState,
  setting: SyncSetting,
): SyncStep[] | null {
  if (to.schema === null && from.schema !== null) return null;
  const steps: SyncStep[] = [];
  const kept = from.variables === null ? null : assignments(from.variables, to, setting.baseline);
  if (kept === null) {
    steps.push({ kind: "reset" });
    for (const sql of setting.afterReset) steps.push({ kind: "query", sql });
  }
  const sets = kept ?? assignmentsOf(to.variables);
  // A reset forgets the schema's character set, not the schema.
  if (to.schema !== null && (to.schema !== from.schema || from.schemaStale || kept === null)) {
    enter(to.schema, to, steps, sets);
  }
  if (sets.length > 0) steps.push({ kind: "query", sql: `SET ${sets.join(",")}` });
  if (from.multiStatements !== to.multiStatements) {
    steps.push({ kind: "multi-statements", on: to.multiStatements });
  }
  return steps;
}

/** The name travels in the client's character set, which is one that has its letters until the `sets` that follow. */
function enter(schema: string, to: SessionState, steps: SyncStep[], sets: string[]): void {
  if (!isAscii(schema)) {
    steps.push({ kind: "query", sql: `SET ${CLIENT}=utf8mb4` });
    const client = to.variables.get(CLIENT);
    if (client !== undefined && !sets.includes(assignment([CLIENT, client])))
      sets.push(assignment([CLIENT, client]));
  }
  steps.push({ kind: "schema", schema });
}

/** Assignments that lead from one set of values to another; null where a value to go back to is not known. */
function assignments(
  from: ReadonlyMap<string, string>,
  to: SessionState,
  baseline: ReadonlyMap<string, string>,
): string[] | null {
  const changes = new Map<string, string>();
  for (const name of from.keys()) {
    if (to.variables.has(name)) continue;
    const value = baseline.get(name);
    if (value === undefined) return null;
    changes.set(name, value);
  }
  for (const [name, value] of to.variables) {
    if (from.get(name) !== value) changes.set(name, value);
  }
  return assignmentsOf(changes, to.variables);
}

/** As parts of one SET. SET NAMES is all that brings a collation; what it changes besides is set after it. */
function assignmentsOf(
  changes: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string> = changes,
): string[] {
  const collated = COLLATED.map((name) => changes.get(name)).find((v) => collationOf(v) !== null);
  if (collated === undefined) return [...changes].map(assignment);
  const rest = new Map(changes);
  for (const name of CHARSET_VARIABLES) rest.set(name, to.get(name) as string);
  for (const name of COLLATED) if (to.get(name) === collated) rest.delete(name);
  const names = `NAMES '${charsetOf(collated)}' COLLATE ${collationOf(collated)}`;
  return [names, ...[...rest].map(assignment)];
}

function assignment([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
