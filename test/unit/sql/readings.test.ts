import { describe, expect, test } from "vitest";
import { Reading } from "../../../proxy/sql/verdict.ts";
import {
  ANSI_QUOTES,
  EXCLUDE_VARIABLE_SETS,
  judge,
  MARIADB,
  NO_BACKSLASH_ESCAPES,
} from "./judge.ts";

describe("how the session reads its text", () => {
  test("double quotes are strings, or names with ANSI_QUOTES", () => {
    expect(judge(`SET "foreign_key_checks" = 0`).pin).toBe("unparsed");
    expect(judge(`SET "foreign_key_checks" = 0`, ANSI_QUOTES).pin).toBe("untracked-variable");
    expect(judge(`SET "sql_mode" = ''`, ANSI_QUOTES).pin).toBeNull();
    expect(judge(`SELECT "get_lock"('a', 1)`, ANSI_QUOTES).pin).toBe("get-lock");
    expect(judge(`SELECT "\\"; SET @a = 1; -- "`, ANSI_QUOTES).pin).toBe("user-variable");
    expect(judge(`SELECT "\\"; SET @a = 1; -- "`).pin).toBeNull();
  });

  test("a backslash escapes unless NO_BACKSLASH_ESCAPES", () => {
    expect(judge("SELECT '\\'; SET @a = 1; -- '").pin).toBeNull();
    expect(judge("SELECT '\\'; SET @a = 1; -- '", NO_BACKSLASH_ESCAPES).pin).toBe("user-variable");
  });

  test("executable comments of MariaDB pin everywhere, and are read only by MariaDB", () => {
    expect(judge("/*M! SET NAMES utf8 */").assignments).toHaveLength(0);
    expect(judge("/*M! SET NAMES utf8 */", MARIADB).assignments).toHaveLength(1);
  });

  test("trail bytes that look like a backslash are no escape", () => {
    const text = Buffer.concat([
      Buffer.from("SELECT '"),
      Buffer.from([0xbf, 0x5c]),
      Buffer.from("'; SET @a = 1; -- '"),
    ]);
    expect(judge(text).pin).toBeNull();
    expect(judge(text, Reading.ASCII_TRAIL_BYTES).pin).toBe("user-variable");
    const katakana = Buffer.from([...text].map((byte) => (byte === 0xbf ? 0xb1 : byte)));
    expect(judge(katakana, Reading.ASCII_TRAIL_BYTES).pin).toBe("user-variable");
    expect(judge(katakana, Reading.ASCII_TRAIL_BYTES | Reading.KATAKANA_BYTES).pin).toBeNull();
  });
});

describe("EXCLUDE_VARIABLE_SETS", () => {
  test.each([
    "SET @a = 1",
    "SET foreign_key_checks = 0",
    "SET TRANSACTION READ ONLY",
    "SET @@transaction_isolation = 'SERIALIZABLE'",
    "SET GLOBAL max_connections = 1",
    "SET ROLE admin",
    "SET of no known form",
    "SET sql_mode = (SELECT @a := 1)",
  ])("%s does not pin, but warns", (sql) => {
    expect(judge(sql).pin).not.toBeNull();
    expect(judge(sql, EXCLUDE_VARIABLE_SETS)).toMatchObject({ pin: null });
    expect(judge(sql, EXCLUDE_VARIABLE_SETS).warnings).toContain("filter-leak");
    expect(judge(sql, EXCLUDE_VARIABLE_SETS).assignments).toEqual(judge(sql).assignments);
  });

  test.each([
    ["SET a = GET_LOCK('a', 1)", "get-lock"],
    ["SET a = FOUND_ROWS()", "found-rows"],
    ["SET a = 1 /*! */", "executable-comment"],
    ["SELECT @a := 1", "user-variable"],
    ["SELECT 1 INTO @a", "user-variable"],
    ["SET a = 1; SELECT @a := 1", "user-variable"],
    ["PREPARE s FROM 'x'", "prepare-sql"],
    [`SET a = '${"x".repeat(17_000)}'`, "text-over-16k"],
    ["CREATE TEMPORARY TABLE t (a INT)", "temp-table"],
  ])("%s still pins", (sql, rule) => expect(judge(sql, EXCLUDE_VARIABLE_SETS).pin).toBe(rule));

  test("a tracked variable does not warn", () => {
    expect(judge("SET sql_mode = ''", EXCLUDE_VARIABLE_SETS).warnings).toEqual(["pool-partition"]);
  });
});
