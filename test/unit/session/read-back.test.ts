import { describe, expect, it } from "vitest";
import { Source } from "../../../proxy/session/login-charset.ts";
import {
  addVariablesToRead,
  readBackResult,
  readBackStatement,
  toSql,
} from "../../../proxy/session/read-back.ts";
import type { Assignment, AssignmentScope } from "../../../proxy/sql/verdict.ts";

function toRead(...assignments: [AssignmentScope, string][]): string[] {
  const names = new Map<string, number>();
  const all = assignments.map(([scope, name]): Assignment => ({ scope, name, constant: true }));
  const spell = (name: string) => name.replace("transaction_isolation", "tx_isolation");
  addVariablesToRead(names, all, spell, false);
  return [...names.keys()];
}

describe("reading back what a SET has done", () => {
  it("asks for what an assignment touches, in the server's spelling", () => {
    expect(toRead(["session", "names"])).toEqual([
      "character_set_client",
      "character_set_results",
      "collation_connection",
    ]);
    expect(toRead(["session", "character_set_connection"])).toEqual(["collation_connection"]);
    expect(toRead(["local", "foreign_key_checks"], ["session", "transaction_isolation"])).toEqual([
      "foreign_key_checks",
      "tx_isolation",
    ]);
  });

  it("knows what SET NAMES has brought until something else sets it", () => {
    const sources = (failed: boolean, ...names: string[]): (number | undefined)[] => {
      const read = new Map<string, number>();
      const all = names.map((name): Assignment => ({ scope: "session", name, constant: true }));
      addVariablesToRead(read, all, (name) => name, failed);
      return [read.get("character_set_client"), read.get("character_set_results")];
    };
    expect(sources(false, "names")).toEqual([Source.NAMES, Source.NAMES]);
    expect(sources(false, "names", "character_set_results")).toEqual([Source.NAMES, Source.VALUE]);
    expect(sources(false, "names", "collation_connection")).toEqual([Source.VALUE, Source.VALUE]);
    expect(sources(false, "character set", "names")).toEqual([Source.NAMES, Source.NAMES]);
    expect(sources(true, "names")).toEqual([Source.FAILED, Source.FAILED]);
  });

  it("asks for nothing that is not the session's", () => {
    expect(
      toRead(
        ["global", "sql_mode"],
        ["persist", "sql_mode"],
        ["user", "x"],
        ["next", "transaction_isolation"],
      ),
    ).toEqual([]);
  });

  it("reads bytes, so that no result character set can change them", () => {
    expect(readBackStatement(["sql_mode"])).toBe(
      "SELECT CAST(DATABASE() AS BINARY),CAST(@@session.`sql_mode` AS BINARY) LIMIT 1",
    );
  });

  it("turns the answer into values that SET takes", () => {
    const read = readBackResult(["a", "b", "c"], ["shop", "1", "O'Hara", null]);
    expect(read.schema).toBe("shop");
    expect(read.variables).toEqual([
      ["a", "1"],
      ["b", `_utf8mb4 x'${Buffer.from("O'Hara").toString("hex")}'`],
      ["c", "NULL"],
    ]);
  });

  it.each([
    ["28800", "28800"],
    ["10.000000", "10.000000"],
    ["", "''"],
    ["+03:00", "'+03:00'"],
    ["Europe/Berlin", "'Europe/Berlin'"],
    ["ONLY_FULL_GROUP_BY,ANSI", "'ONLY_FULL_GROUP_BY,ANSI'"],
    ["a\\b", `_utf8mb4 x'${Buffer.from("a\\b").toString("hex")}'`],
  ])("writes %s as %s", (value, sql) => {
    expect(toSql(value)).toBe(sql);
  });
});
