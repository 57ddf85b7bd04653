import { expect, test } from "vitest";
import { explain, readingOfSqlMode } from "../../../proxy/sql/explain.ts";
import { RULES, reasonFor } from "../../../proxy/sql/rules.ts";
import { Reading } from "../../../proxy/sql/verdict.ts";

test("a statement that pins, with the service's words", () => {
  expect(explain("SET autocommit=1, foreign_key_checks=0")).toEqual({
    statement: "SET autocommit=1, foreign_key_checks=0",
    pins: true,
    rule: "untracked-variable",
    reason:
      "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query. Digest: \"SET `autocommit` = ? , `foreign_key_checks` = ? .\".",
    fix: expect.stringContaining("migrations"),
    tracked: ["autocommit"],
    warnings: [],
  });
});

test("a statement that does not pin", () => {
  expect(explain("SELECT 1")).toEqual({
    statement: "SELECT 1",
    pins: false,
    rule: null,
    reason: null,
    fix: null,
    tracked: [],
    warnings: [],
  });
});

test("tracked variables and statements, and warnings with their text", () => {
  const { pins, tracked, warnings } = explain("SET NAMES utf8mb4, time_zone = '+00:00'");
  expect({ pins, tracked }).toEqual({ pins: false, tracked: ["names", "time_zone"] });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^pool-partition: \S/);
  expect(explain("USE a; DROP SCHEMA a").tracked).toEqual(["USE", "DROP SCHEMA"]);
  expect(explain("CALL p()").warnings[0]).toMatch(/^proc-hidden-state: /);
});

test("no literal of a statement stands in its explanation but in the statement itself", () => {
  const { statement, ...rest } = explain("SET foreign_key_checks = 'secret', @a = \"secret\"");
  expect(statement).toContain("secret");
  expect(JSON.stringify(rest)).not.toContain("secret");
});

test("engine, filter and sql_mode change the reading", () => {
  expect(explain("SET @a = 1", { excludeVariableSets: true }).pins).toBe(false);
  expect(explain("SET @a = 1", { excludeVariableSets: true }).warnings[0]).toMatch(
    /^filter-leak: /,
  );
  expect(explain(`SET "sql_mode" = ''`).rule).toBe("unparsed");
  expect(explain(`SET "sql_mode" = ''`, { sqlMode: "STRICT_TRANS_TABLES,ansi" }).pins).toBe(false);
  expect(explain("/*M! SET NAMES utf8 */", { engine: "mariadb" }).tracked).toEqual(["names"]);
  expect(readingOfSqlMode(" no_backslash_escapes , ANSI_QUOTES")).toBe(
    Reading.ANSI_QUOTES | Reading.NO_BACKSLASH_ESCAPES,
  );
  expect(readingOfSqlMode("STRICT_ALL_TABLES")).toBe(0);
});

test("reasons that never have a digest", () => {
  expect(reasonFor("text-over-16k", "SELECT ? .")).toBe(
    "The connection ran a SQL query which exceeded the 16384 byte limit.",
  );
  expect(reasonFor("prepare-binary", "SELECT ? .")).toBe(
    "A protocol-level prepared statement was detected.",
  );
  for (const rule of Object.values(RULES)) expect(rule.fix.length).toBeGreaterThan(20);
});
