import type { SessionState } from "./session-state.ts";

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
  const sets = kept ?? [...to.variables].map(([name, value]) => `${name}=${value}`);
  // A reset forgets the schema's character set, not the schema.
  const schemaMoves =
    to.schema !== null && (to.schema !== from.schema || from.schemaStale || kept === null);
  if (schemaMoves && !isAscii(to.schema as string)) {
    // The name travels in the connection's character set.
    steps.push({ kind: "query", sql: "SET NAMES utf8mb4" });
    steps.push({ kind: "schema", schema: to.schema as string });
    steps.push({
      kind: "query",
      sql: setStatement([...to.variables].map(([n, v]) => `${n}=${v}`)),
    });
  } else {
    if (schemaMoves) steps.push({ kind: "schema", schema: to.schema as string });
    if (sets.length > 0) steps.push({ kind: "query", sql: setStatement(sets) });
  }
  if (from.multiStatements !== to.multiStatements) {
    steps.push({ kind: "multi-statements", on: to.multiStatements });
  }
  return steps;
}

function setStatement(assignments: readonly string[]): string {
  return `SET ${assignments.join(",")}`;
}

/** Assignments that lead from one set of values to another; null where a value to go back to is not known. */
function assignments(
  from: ReadonlyMap<string, string>,
  to: SessionState,
  baseline: ReadonlyMap<string, string>,
): string[] | null {
  const sets: string[] = [];
  for (const name of from.keys()) {
    if (to.variables.has(name)) continue;
    const value = baseline.get(name);
    if (value === undefined) return null;
    sets.push(`${name}=${value}`);
  }
  for (const [name, value] of to.variables) {
    if (from.get(name) !== value) sets.push(`${name}=${value}`);
  }
  return sets;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
