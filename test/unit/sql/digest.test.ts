import { describe, expect, test } from "vitest";
import { digest } from "../../../proxy/sql/digest.ts";
import { Reading } from "../../../proxy/sql/verdict.ts";

function digestOf(sql: string, reading = 0, maxChars = 1_024): string {
  const bytes = new TextEncoder().encode(sql);
  return digest(bytes, 0, bytes.length, reading, maxChars);
}

test("the digest seen in a log of the service", () => {
  expect(
    digestOf(
      "SET autocommit=1,transaction_isolation='REPEATABLE-READ',session_track_schema=1,session_track_system_variables='autocommit'",
    ),
  ).toBe(
    "SET `autocommit` = ? , `transaction_isolation` = ? , `session_track_schema` = ? , `session_track_system_variables` = ? .",
  );
});

describe("in the look of performance_schema", () => {
  test.each<[string, string]>([
    ["", "."],
    ["select 1", "SELECT ? ."],
    ["select 1;", "SELECT ? ."],
    ["SELECT 1; SELECT 'a'", "SELECT ? ; SELECT ? ."],
    ["select c from sbtest1 where id=5", "SELECT `c` FROM `sbtest1` WHERE `id` = ? ."],
    ["select a.b, `c d` from d.t", "SELECT `a` . `b` , `c d` FROM `d` . `t` ."],
    ["select count(*), now(), concat('a', 1)", "SELECT COUNT ( * ) , NOW ( ) , `concat` (...) ."],
    ["select count from t", "SELECT `count` FROM `t` ."],
    ["select t.select", "SELECT `t` . `select` ."],
    ["select -1, a - 1, - - 2, a = -1", "SELECT ? , `a` - ?, ... , `a` = ? ."],
    ["select * from t where a in (1)", "SELECT * FROM `t` WHERE `a` IN (...) ."],
    ["select * from t where a in (1, 'b', null, 0x1F)", "SELECT * FROM `t` WHERE `a` IN (...) ."],
    ["select * from t where a in (b, 1)", "SELECT * FROM `t` WHERE `a` IN ( `b` , ? ) ."],
    ["insert into t values (1)", "INSERT INTO `t` VALUES (?) ."],
    ["insert into t values (1),(2),(3)", "INSERT INTO `t` VALUES (?) /* , ... */ ."],
    ["insert into t values (1,2)", "INSERT INTO `t` VALUES (...) ."],
    ["insert into t values (1,2),(3,4), (5, 6)", "INSERT INTO `t` VALUES (...) /* , ... */ ."],
    ["insert into t (a) values (now())", "INSERT INTO `t` ( `a` ) VALUES ( NOW ( ) ) ."],
    ["select * from t limit 5, 10", "SELECT * FROM `t` LIMIT ?, ... ."],
    ["select a is null, b is not null, null", "SELECT `a` IS NULL , `b` IS NOT NULL , ? ."],
    [
      "select a<=>b, a<>b, a!=b, a<=b, a||b, a->>'$.c'",
      "SELECT `a` <=> `b` , `a` <> `b` , `a` != `b` , `a` <= `b` , `a` || `b` , `a` ->> ? .",
    ],
    ["select a < = b", "SELECT `a` < = `b` ."],
    ["set @a = 1, @@session.b := 2, @`c` = 3", "SET @? = ? , @@SESSION . `b` := ? , @`c` = ? ."],
    ["set names utf8mb4 collate 'x'", "SET NAMES `utf8mb4` COLLATE ? ."],
    ["select _utf8mb4'a', n'b', x'00', b'1'", "SELECT (_charset) ?, ... ."],
    ["select ?", "SELECT ? ."],
    ["select 1 /* two */ -- three\n # four", "SELECT ? ."],
    ["/*!40101 set names utf8 */", "SET NAMES `utf8` ."],
    [
      "grant all on *.* to 'u'@'h' identified by 'p'",
      "GRANT ALL ON * . * TO ? @? IDENTIFIED BY ? .",
    ],
    ["select 'unfinished", "SELECT ? ."],
    ["select `line\nbreak`", "SELECT `line break` ."],
  ])("%s", (sql, expected) => expect(digestOf(sql)).toBe(expected));
});

test("double quotes are values, or names with ANSI_QUOTES", () => {
  expect(digestOf('select "a"')).toBe("SELECT ? .");
  expect(digestOf('select "a"', Reading.ANSI_QUOTES)).toBe("SELECT `a` .");
});

test("long statements fold or end in dots, never over the bound", () => {
  const rows = Array.from({ length: 3_000 }, (_, i) => `(${i}, 'v${i}')`).join(",");
  expect(digestOf(`insert into t values ${rows}`)).toBe(
    "INSERT INTO `t` VALUES (...) /* , ... */ .",
  );
  const columns = Array.from({ length: 3_000 }, (_, i) => `c${i}`).join(",");
  const long = digestOf(`select ${columns} from t`);
  expect(long.length).toBeLessThanOrEqual(1_024);
  expect(long).toMatch(/^SELECT `c0` , .* \.\.\. \.$/);
  for (const max of [0, 1, 2, 5, 10, 40]) {
    expect(digestOf("select a, b, c from t where d = 1", 0, max).length).toBeLessThanOrEqual(max);
  }
});
