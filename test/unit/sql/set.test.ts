import { describe, expect, test } from "vitest";
import { TRACKED_VARIABLES } from "../../../proxy/sql/variables.ts";
import { assignmentsOf, factsOf, judge } from "./judge.ts";

const TRACKED_BY_NAME = TRACKED_VARIABLES.filter(
  (name) => name !== "names" && name !== "character set",
);

describe("every tracked variable in every spelling of session scope", () => {
  test.each(TRACKED_BY_NAME)("%s", (name) => {
    const upper = name.toUpperCase();
    const spellings = [
      `SET ${name} = 1`,
      `SET ${upper}=1`,
      `SET \`${name}\` := 1`,
      `SET SESSION ${name} = 1`,
      `set session\n${name}=1;`,
      `SET @@session.${name} = 1`,
      `SET @@SESSION.${upper} = 1`,
      `SET @@session . \`${name}\` = 1`,
      `SET @@Session/**/./**/${name}/**/:=/**/1`,
      `SET/**/${name}=1`,
      `SET autocommit = 1, ${name} = 1`,
      `SET NAMES utf8mb4, SESSION ${name} = 1`,
    ];
    for (const sql of spellings) {
      const verdict = judge(sql);
      expect(verdict.pin, sql).toBeNull();
      expect(verdict.assignments.at(-1), sql).toEqual({ scope: "session", name, constant: true });
      expect(verdict.tracked, sql).toContain(name);
    }
    if (!name.startsWith("transaction_")) expect(judge(`SET @@${name} = 1`).pin).toBeNull();
    expect(judge(`SET GLOBAL ${name} = 1`).pin).toBeNull();
    expect(judge(`SET ${name}x = 1`).pin).toBe("untracked-variable");
  });
});

describe("assignments in the order of the text", () => {
  test.each<[string, string[]]>([
    ["SET a = 1", ["session a"]],
    ["SET @a = 1, @@b = 2, @@global.c = 3", ["user a", "session b", "global c"]],
    ["SET SESSION a = 1, b = 2", ["session a", "session b"]],
    ["SET GLOBAL a = 1, b = 2", ["global a", "global b"]],
    ["SET GLOBAL a = 1, SESSION b = 2, c = 3", ["global a", "session b", "session c"]],
    ["SET GLOBAL a = 1, @@b = 2, c = 3", ["global a", "session b", "global c"]],
    ["SET @@global.a = 1, b = 2", ["global a", "session b"]],
    ["SET GLOBAL a = 1, NAMES utf8", ["global a", "session names"]],
    ["SET a = 1, GLOBAL b = 2, PERSIST c = 3", ["session a", "global b", "persist c"]],
    ["SET PERSIST_ONLY a = 1", ["persist a"]],
    ["SET @@persist_only.a = 1", ["persist a"]],
    ["SET LOCAL a = 1, b = 2", ["local a", "local b"]],
    ["SET @@local.a = 1, b = 2", ["local a", "session b"]],
    ["SET LOCAL TRANSACTION READ ONLY", ["local transaction_read_only"]],
    ["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", ["session transaction_isolation"]],
    ["SET GLOBAL TRANSACTION READ WRITE", ["global transaction_read_only"]],
    [
      "SET SESSION TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE",
      ["session transaction_isolation", "session transaction_read_only"],
    ],
    ["SET TRANSACTION READ ONLY", ["next transaction_read_only"]],
    ["SET @@tx_isolation = 'SERIALIZABLE'", ["next transaction_isolation"]],
    ["SET tx_isolation = 'SERIALIZABLE'", ["session transaction_isolation"]],
    ["SET @@session.tx_read_only = 1", ["session transaction_read_only"]],
    ["SET @@global.tx_read_only = 1", ["global transaction_read_only"]],
    ["SET NAMES utf8mb4", ["session names"]],
    ["SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", ["session names"]],
    ["SET NAMES utf8mb4 COLLATE DEFAULT", ["session names (computed)"]],
    ["SET NAMES DEFAULT", ["session names (computed)"]],
    ["SET NAMES binary", ["session names"]],
    ["SET NAMES `utf8`", ["session names"]],
    ["SET CHARACTER SET utf8", ["session character set"]],
    ["SET CHARSET 'utf8'", ["session character set"]],
    ["SET CHAR SET utf8", ["session character set"]],
    ["SET CHARACTER SET DEFAULT", ["session character set (computed)"]],
    ["SET CHARACTER_SET_CLIENT = utf8", ["session character_set_client"]],
    ["SET SQL_MODE='a,b', @x=(1,2)", ["session sql_mode", "user x (computed)"]],
    ["SET @'a b' = 1", ["user a b"]],
    ['SET @`a``b` = 1, @"c" = 2', ["user a`b", "user c"]],
    ["SET @a.b$c = 1", ["user a.b$c"]],
    ["SET @é = 1", ["user é"]],
    ["SET hot.key_buffer_size = 1", ["session hot.key_buffer_size"]],
    ["SET `weird``name` = 1", ["session weird`name"]],
    ["SET time_zone = '+00:00', sql_mode = '';", ["session time_zone", "session sql_mode"]],
    ["SET a = 1; SET b = 2", ["session a", "session b"]],
    ["SET password = 'x', a = 1", ["session a"]],
  ])("%s", (sql, expected) => expect(assignmentsOf(judge(sql))).toEqual(expected));
});

describe("constant values", () => {
  test.each([
    "1",
    "-1",
    "+ 1",
    "- - 1",
    "0x1F",
    "1.5e3",
    "'a'",
    '"a"',
    "'a' 'b'",
    "'a,b'",
    "'it''s'",
    "N'a'",
    "x'00'",
    "_utf8mb4'a'",
    "_utf8mb4 'a'",
    "ON",
    "off",
    "TRUE",
    "NULL",
    "utf8mb4",
    "latin1",
    "ascii",
    "binary",
    "`a`",
    "SYSTEM",
  ])("%s is constant", (value) => {
    expect(assignmentsOf(judge(`SET a = ${value}`))).toEqual(["session a"]);
    expect(assignmentsOf(judge(`SET a := ${value}, b = 2;`))).toEqual(["session a", "session b"]);
  });

  test.each([
    "DEFAULT",
    "@@a",
    "@@global.a",
    "@a",
    "1 + 1",
    "a.b",
    "CONCAT('a', 'b')",
    "CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
    "CONCAT(CONCAT(@@sql_mode, ',TRADITIONAL'), ',NO_AUTO_VALUE_ON_ZERO')",
    "(SELECT 1)",
    "(SELECT CONCAT(@@sql_mode, ',X') FROM t WHERE a IN (1, 2))",
    "(1)",
    "NOW()",
    "CURRENT_TIMESTAMP",
    "'a' COLLATE utf8mb4_bin",
    "NOT 1",
    "CASE WHEN 1 THEN 2 END",
    "?",
  ])("%s is not", (value) => {
    expect(assignmentsOf(judge(`SET a = ${value}`))).toEqual(["session a (computed)"]);
    expect(assignmentsOf(judge(`SET a = ${value}, b = 2;`))).toEqual([
      "session a (computed)",
      "session b",
    ]);
  });
});

describe("SET LOCAL never pins", () => {
  test.each(["SET LOCAL foreign_key_checks = 0", "SET @@local.a = 1", "SET LOCAL a = 1, b = 2"])(
    "%s",
    (sql) => {
      expect(judge(sql).pin).toBeNull();
      expect(judge(sql).tracked).toEqual([]);
    },
  );
});

test("a statement that only sets touches no table; a sub-select may", () => {
  expect(factsOf(judge("SET a = 1"))).toEqual(["SET", "TOUCHES_NO_TABLE"]);
  expect(factsOf(judge("SET a = (SELECT 1)"))).toEqual(["SET", "TOUCHES_NO_TABLE"]);
  expect(factsOf(judge("SET a = (SELECT b FROM t)"))).toEqual(["SET"]);
  expect(factsOf(judge("SET a = f()"))).toEqual(["OPAQUE", "SET"]);
});

test("setting LAST_INSERT_ID sets the insert id", () => {
  expect(factsOf(judge("SET last_insert_id = 5"))).toContain("SETS_INSERT_ID");
  expect(factsOf(judge("SET @@identity = 5"))).toContain("SETS_INSERT_ID");
  expect(factsOf(judge("SET insert_id = 5"))).not.toContain("SETS_INSERT_ID");
});

test("warnings tell of partitions and of long transactions", () => {
  expect(judge("SET time_zone = 'UTC'").warnings).toEqual(["pool-partition"]);
  expect(judge("SET NAMES utf8mb4").warnings).toEqual(["pool-partition"]);
  expect(judge("SET autocommit = 1").warnings).toEqual([]);
  expect(judge("SET autocommit = 0").warnings).toEqual(["long-transaction"]);
  expect(judge("SET @@session.autocommit = OFF").warnings).toEqual(["long-transaction"]);
  expect(judge("SET foreign_key_checks = 0").warnings).toEqual([]);
});
