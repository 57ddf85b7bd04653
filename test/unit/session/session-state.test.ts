import { describe, expect, it } from "vitest";
import { BOUNDS } from "../../../proxy/base/bounds.ts";
import { StateTable } from "../../../proxy/session/session-state.ts";
import { Reading } from "../../../proxy/sql/verdict.ts";

const CHARSET = new Map([
  ["character_set_client", "'utf8mb4'"],
  ["character_set_results", "'utf8mb4'"],
  ["collation_connection", "'utf8mb4_general_ci'"],
]);

function tableWith(baseline: Record<string, string>): StateTable {
  const table = new StateTable();
  table.setBaseline(new Map(Object.entries(baseline)));
  return table;
}

describe("session states", () => {
  it("are one object for equal content, whatever the order it came in", () => {
    const table = new StateTable();
    const one = table.state(
      "a",
      false,
      new Map([
        ["x", "1"],
        ["y", "2"],
      ]),
    );
    const other = table.state(
      "a",
      false,
      new Map([
        ["y", "2"],
        ["x", "1"],
      ]),
    );
    expect(other).toBe(one);
    expect(table.state("b", false, one.variables)).not.toBe(one);
    expect(table.state("a", true, one.variables)).not.toBe(one);
  });

  it("tell no schema from a schema without a name", () => {
    const table = new StateTable();
    expect(table.state(null, false, new Map())).not.toBe(table.state("", false, new Map()));
  });

  it("leave out what equals the baseline, so that setting the default shares", () => {
    const table = tableWith({ autocommit: "1", time_zone: "'SYSTEM'" });
    const fresh = table.state("a", false, CHARSET);
    const away = table.change(fresh, { variables: [["time_zone", "'+00:00'"]] });
    expect(away).not.toBe(fresh);
    expect(
      table.change(away, {
        variables: [
          ["time_zone", "'SYSTEM'"],
          ["autocommit", "1"],
        ],
      }),
    ).toBe(fresh);
  });

  it("forget a schema's own character set when the schema changes", () => {
    const table = new StateTable();
    const set = table.change(table.state("a", false, CHARSET), {
      variables: [["collation_database", "'latin1_bin'"]],
    });
    expect(table.change(set, { schema: "b" }).variables.has("collation_database")).toBe(false);
    expect(table.change(set, { schema: "a" }).variables.has("collation_database")).toBe(true);
  });

  it("know how texts are read under their sql_mode and character set", () => {
    const table = tableWith({ sql_mode: "'ANSI_QUOTES'" });
    const base = table.state(null, false, CHARSET);
    expect(base.reading & Reading.ANSI_QUOTES).not.toBe(0);
    const plain = table.change(base, { variables: [["sql_mode", "'NO_BACKSLASH_ESCAPES'"]] });
    expect(plain.reading & Reading.ANSI_QUOTES).toBe(0);
    expect(plain.reading & Reading.NO_BACKSLASH_ESCAPES).not.toBe(0);
    const gbk = table.change(base, { variables: [["character_set_client", "'gbk'"]] });
    expect(gbk.reading & Reading.ASCII_TRAIL_BYTES).not.toBe(0);
  });

  it("remember where a text led, for the state it was said in only", () => {
    const table = new StateTable();
    const from = table.state("a", false, CHARSET);
    const to = table.change(from, { variables: [["time_zone", "'+01:00'"]] });
    table.remember(from, "SET time_zone='+01:00'", to);
    expect(table.transition(from, "SET time_zone='+01:00'")).toBe(to);
    expect(table.transition(to, "SET time_zone='+01:00'")).toBeUndefined();
    expect(table.transition(from, "SET time_zone='+02:00'")).toBeUndefined();
  });

  it("keep no more variables than the bound", () => {
    const table = new StateTable();
    const many = Array.from(
      { length: BOUNDS.trackedVariablesMax + 10 },
      (_, i): [string, string] => [`v${i}`, "1"],
    );
    expect(
      table.change(table.state(null, false, new Map()), { variables: many }).variables.size,
    ).toBe(BOUNDS.trackedVariablesMax);
  });

  it("never use a token again, not even after the table was emptied", () => {
    const table = new StateTable();
    const before = table.state("a", false, CHARSET).token;
    table.setBaseline(new Map());
    expect(table.state("a", false, CHARSET).token).toBeGreaterThan(before);
  });
});
