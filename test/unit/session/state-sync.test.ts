import { describe, expect, it } from "vitest";
import { StateTable } from "../../../proxy/session/session-state.ts";
import { type BackendSession, planSync, type SyncStep } from "../../../proxy/session/state-sync.ts";

const table = new StateTable();
const baseline = new Map([["time_zone", "'SYSTEM'"]]);
const setting = { baseline, afterReset: ["SET @@wait_timeout=60"] };

function backend(
  variables: Record<string, string> | null,
  schema: string | null = "a",
  schemaStale = false,
): BackendSession {
  return {
    schema,
    schemaStale,
    multiStatements: false,
    variables: variables === null ? null : new Map(Object.entries(variables)),
  };
}

function plan(
  from: BackendSession,
  variables: Record<string, string>,
  schema: string | null = "a",
  multi = false,
): SyncStep[] | null {
  return planSync(from, table.state(schema, multi, new Map(Object.entries(variables))), setting);
}

describe("bringing a backend into a session's state", () => {
  it("takes nothing where they agree", () => {
    expect(plan(backend({ x: "1" }), { x: "1" })).toEqual([]);
  });

  it("sets all that differs in one statement", () => {
    expect(plan(backend({ x: "1", y: "1" }), { x: "2", y: "1", z: "'q'" })).toEqual([
      { kind: "query", sql: "SET x=2,z='q'" },
    ]);
  });

  it("goes back to the baseline where that is known", () => {
    expect(plan(backend({ time_zone: "'+01:00'" }), {})).toEqual([
      { kind: "query", sql: "SET time_zone='SYSTEM'" },
    ]);
  });

  it("resets, runs the initialization query and sets everything where a value to go back to is not known", () => {
    expect(plan(backend({ foreign_key_checks: "0" }), { x: "1" })).toEqual([
      { kind: "reset" },
      { kind: "query", sql: "SET @@wait_timeout=60" },
      { kind: "schema", schema: "a" },
      { kind: "query", sql: "SET x=1" },
    ]);
  });

  it("trusts nothing of a backend that something unseen may have changed", () => {
    expect(plan(backend(null), { x: "1" })?.[0]).toEqual({ kind: "reset" });
  });

  it("moves to the schema before it sets what depends on it", () => {
    expect(plan(backend({}), { collation_database: "'utf8mb4_bin'" }, "b")).toEqual([
      { kind: "schema", schema: "b" },
      { kind: "query", sql: "SET collation_database='utf8mb4_bin'" },
    ]);
  });

  it("enters the schema anew after somebody else's reset", () => {
    expect(plan(backend({}, "a", true), {})).toEqual([{ kind: "schema", schema: "a" }]);
    expect(plan(backend({}, null, true), {}, null)).toEqual([]);
  });

  it("names a schema beyond ASCII in a character set that has its letters", () => {
    expect(plan(backend({}), { character_set_client: "'latin1'" }, "bücher")).toEqual([
      { kind: "query", sql: "SET character_set_client=utf8mb4" },
      { kind: "schema", schema: "bücher" },
      { kind: "query", sql: "SET character_set_client='latin1'" },
    ]);
  });

  it("brings a collation that only SET NAMES brings, and then what that changes besides", () => {
    const plain = {
      character_set_client: "'utf8mb4'",
      character_set_results: "'utf8mb4'",
      collation_connection: "'utf8mb4_bin'",
    };
    const collated = {
      character_set_client: "'utf8mb4'/*utf8mb4_bin*/",
      character_set_results: "'utf8mb4'/*utf8mb4_bin*/",
      collation_connection: "'utf8mb4_bin'",
    };
    expect(plan(backend(plain), collated)).toEqual([
      {
        kind: "query",
        sql: "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin,collation_connection='utf8mb4_bin'",
      },
    ]);
    expect(plan(backend(plain), { ...collated, character_set_client: "'latin1'" })).toEqual([
      {
        kind: "query",
        sql: "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin,character_set_client='latin1',collation_connection='utf8mb4_bin'",
      },
    ]);
    expect(plan(backend(collated), plain)).toEqual([
      {
        kind: "query",
        sql: "SET character_set_client='utf8mb4',character_set_results='utf8mb4'",
      },
    ]);
  });

  it("switches multi-statements", () => {
    expect(plan(backend({}), {}, "a", true)).toEqual([{ kind: "multi-statements", on: true }]);
  });

  it("is impossible from a schema to none", () => {
    expect(plan(backend({}), {}, null)).toBeNull();
    expect(plan(backend({}, null), {}, null)).toEqual([]);
  });
});
