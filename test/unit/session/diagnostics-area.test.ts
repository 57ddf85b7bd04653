import { describe, expect, it } from "vitest";
import { Fate, fateOfArea } from "../../../proxy/session/diagnostics-area.ts";
import { Fact } from "../../../proxy/sql/verdict.ts";

const { STAYS, CLEARED, REFILLED, UNSURE } = Fate;

describe("the diagnostics area after a statement without warnings", () => {
  it.each([
    ["SELECT 1", Fact.TOUCHES_NO_TABLE, CLEARED, STAYS],
    ["SELECT * FROM a", 0, CLEARED, CLEARED],
    ["SET @x = 1", 0, CLEARED, STAYS],
    ["COMMIT", 0, CLEARED, STAYS],
    ["INSERT INTO a VALUES (1)", Fact.INSERT, CLEARED, CLEARED],
    ["SHOW WARNINGS", Fact.READS_DIAGNOSTICS, STAYS, STAYS],
    ["SELECT @@warning_count", Fact.READS_DIAGNOSTICS, CLEARED, STAYS],
    ["SHOW VARIABLES", Fact.TOUCHES_NO_TABLE, CLEARED, CLEARED],
    ["CALL p()", Fact.OPAQUE, REFILLED, UNSURE],
  ])("%s", (text, flags, mysql, mariadb) => {
    expect(fateOfArea(text, flags, false)).toBe(mysql);
    expect(fateOfArea(text, flags, true)).toBe(mariadb);
  });

  it.each([
    ["SELECT 1; SELECT 2", 0, CLEARED, STAYS],
    ["SET a = 1; INSERT INTO a VALUES (1)", Fact.INSERT, CLEARED, REFILLED],
    ["USE a; SELECT DATABASE(); USE b", 0, CLEARED, STAYS],
    ["SELECT 'x' + 1; SHOW WARNINGS", Fact.READS_DIAGNOSTICS, REFILLED, REFILLED],
  ])("several: %s", (text, flags, mysql, mariadb) => {
    expect(fateOfArea(text, flags | Fact.MULTI, false)).toBe(mysql);
    expect(fateOfArea(text, flags | Fact.MULTI, true)).toBe(mariadb);
  });
});
