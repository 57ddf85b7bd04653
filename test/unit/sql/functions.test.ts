import { describe, expect, test } from "vitest";
import { BUILT_IN_FUNCTIONS, GRAMMAR_FUNCTIONS } from "../../../proxy/sql/functions.ts";
import { Fact } from "../../../proxy/sql/verdict.ts";
import { judge, MARIADB } from "./judge.ts";

const isOpaque = (sql: string): boolean => (judge(sql).flags & Fact.OPAQUE) !== 0;

test("every built-in function is known", () => {
  const names = [...BUILT_IN_FUNCTIONS, ...GRAMMAR_FUNCTIONS];
  expect(names.length).toBeGreaterThan(500);
  for (const name of names) {
    for (const sql of [
      `SELECT ${name}(a)`,
      `SELECT ${name.toUpperCase()}(a) FROM t`,
      `SELECT 1 FROM t WHERE b = ${name} (a, 2)`,
      `UPDATE t SET a = ${name}(b)`,
    ]) {
      expect(isOpaque(sql), sql).toBe(false);
      expect(judge(sql, MARIADB).flags, sql).toBe(judge(sql).flags);
    }
  }
  for (const name of BUILT_IN_FUNCTIONS)
    expect(isOpaque(`SELECT \`${name}\`(a)`), name).toBe(false);
});

test("a name one letter off is not known", () => {
  for (const name of BUILT_IN_FUNCTIONS) expect(isOpaque(`SELECT ${name}_(a)`), name).toBe(true);
});

describe("calls of somebody's function", () => {
  test.each([
    "SELECT f()",
    "SELECT f (1)",
    "SELECT f/**/(1)",
    "SELECT `f`(1)",
    "SELECT db.f(1)",
    "SELECT db.now()",
    "SELECT `db`.`concat`('a')",
    "SELECT db . f (1)",
    "SELECT `now`()",
    "SELECT `left`('a', 1)",
    "SELECT a, f(b) FROM t",
    "SELECT 1 + f(2)",
    "SELECT NOT f(2)",
    "SELECT DISTINCT f(a) FROM t",
    "SELECT SQL_NO_CACHE f(a) FROM t",
    "SELECT (f(1))",
    "SELECT CONCAT('a', f(1))",
    "SELECT CASE f(1) WHEN f(2) THEN 3 END",
    "SELECT * FROM t WHERE f(a)",
    "SELECT * FROM t WHERE a IN (f(1))",
    "SELECT * FROM t ORDER BY f(a)",
    "SELECT * FROM t GROUP BY a WITH ROLLUP ORDER BY f(a)",
    "SELECT * FROM t JOIN u ON f(t.a) = u.a",
    "SELECT * FROM t LIMIT 1 UNION SELECT f(1)",
    "WITH x AS (SELECT f(1)) SELECT * FROM x",
    "WITH x AS (SELECT 1) SELECT f(1) FROM x",
    "WITH x (a) AS (SELECT 1), y (b) AS (SELECT f(2)) SELECT 1",
    "WITH x AS (SELECT 1) SELECT 1, f(1) FROM x",
    "WITH x AS (SELECT 1) (SELECT 1) ORDER BY f(1)",
    "INSERT INTO t (a) VALUES (f(1))",
    "INSERT INTO t SET a = f(1)",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = f(1)",
    "INSERT INTO t SELECT f(1)",
    "UPDATE t SET a = f(1) WHERE b = 2",
    "DELETE FROM t WHERE f(a)",
    "LOAD DATA INFILE 'f' INTO TABLE t (a) SET b = f(a)",
    "CREATE TABLE t AS SELECT f(1)",
    "CREATE TABLE t (a INT) SELECT f(1) AS a",
    "SET a = f(1)",
    "SET @a = f(1)",
    "DO f(1)",
    "VALUES ROW(f(1))",
    "SHOW TABLES WHERE f(1)",
    "EXPLAIN SELECT f(1)",
    "SELECT status(1)",
    "SELECT rank_of(1)",
    "HANDLER t READ i = (f(1))",
    "SELECT 1; SELECT f(1)",
    "SELECT f(1) /* now() */",
    "SELECT 数(1)",
  ])("%s", (sql) => expect(isOpaque(sql)).toBe(true));
});

describe("a name before a parenthesis that calls nothing", () => {
  test.each([
    "INSERT INTO t(a,b) VALUES (1,2)",
    "INSERT INTO d.t (a) SELECT b FROM u",
    "INSERT IGNORE `t`(`a`) VALUES(1)",
    "REPLACE INTO t(a) VALUES(1)",
    "INSERT INTO t PARTITION (p0) (a) VALUES (1)",
    "INSERT INTO t VALUES (1) AS n(a) ON DUPLICATE KEY UPDATE a = n.a",
    "EXPLAIN INSERT INTO t(a) VALUES (1)",
    "WITH x(a) AS (SELECT 1) SELECT * FROM x",
    "WITH x(a) AS (SELECT 1), y(b, c) AS (SELECT 2, 3) SELECT * FROM x",
    "WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x) SELECT * FROM x",
    "SELECT * FROM (WITH x(a) AS (SELECT 1), y(b) AS (SELECT 2) SELECT * FROM x) z",
    "SELECT * FROM (SELECT 1, 2) AS t(a, b)",
    "SELECT * FROM (SELECT 1, 2) t(a, b)",
    "SELECT * FROM (VALUES ROW(1, 2)) AS t (a, b)",
    "SELECT * FROM t USE INDEX (a) WHERE b = 1",
    "SELECT * FROM t FORCE INDEX FOR ORDER BY (a, b)",
    "SELECT * FROM t IGNORE KEY FOR GROUP BY (a)",
    "SELECT * FROM t PARTITION (p0, p1)",
    "SELECT * FROM t JOIN u USING (a, b)",
    "SELECT * FROM t NATURAL JOIN (u, v)",
    "SELECT * FROM t WHERE a IN (1, 2) AND (b OR (c)) AND NOT (d) AND EXISTS (SELECT 1)",
    "SELECT * FROM t WHERE a > ALL (SELECT b FROM u) OR a = ANY (SELECT b FROM u)",
    "SELECT * FROM t WHERE a BETWEEN (1) AND (2) AND b LIKE ('c') AND d REGEXP ('e') AND 1 MEMBER OF ('[1]')",
    "SELECT a DIV (b), a MOD (b), a XOR (b), BINARY (a), INTERVAL (1) DAY + a FROM t",
    "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
    "SELECT SUM(a) OVER w FROM t WINDOW w AS (PARTITION BY b), v AS (ORDER BY c)",
    "SELECT ROW_NUMBER() OVER (ORDER BY a), LAG(a, 1) OVER (ORDER BY a), NTILE(4) OVER () FROM t",
    "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER (PARTITION BY b) FROM t",
    "SELECT CAST(a AS DECIMAL(10,2)), CAST(b AS CHAR(10) CHARACTER SET utf8mb4), CONVERT(c, UNSIGNED), CONVERT(d USING utf8mb4) FROM t",
    "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (id FOR ORDINALITY, a VARCHAR(10) PATH '$.a' DEFAULT '1' ON EMPTY, NESTED PATH '$.b' COLUMNS (c DECIMAL(4,2) PATH '$'))) AS j",
    "SELECT GROUP_CONCAT(DISTINCT (a) ORDER BY (b) DESC SEPARATOR ',') FROM t",
    "SELECT MATCH (a, b) AGAINST ('c' IN BOOLEAN MODE) FROM t",
    "SELECT EXTRACT(DAY FROM a), TRIM(LEADING 'x' FROM b), SUBSTRING(c FROM 1 FOR 2), POSITION('a' IN b) FROM t",
    "SELECT {fn CONCAT('a', 'b')}, {d '2024-01-01'}",
    "SELECT * FROM {OJ t LEFT OUTER JOIN u ON (t.a = u.a)}",
    "SELECT CASE (a) WHEN (1) THEN (2) ELSE (3) END FROM t",
    "SELECT * FROM t LIMIT 1 UNION ALL (SELECT 2) EXCEPT (SELECT 3) INTERSECT DISTINCT (SELECT 4)",
    "SELECT STRAIGHT_JOIN (a) FROM t",
    "SELECT COUNT(*), COUNT(DISTINCT a, b) FROM t HAVING (COUNT(*) > 1)",
    "SELECT JSON_VALUE(a, '$.b' RETURNING DECIMAL(4,2)) FROM t",
    "SELECT * FROM t, LATERAL (SELECT 1) AS l (a)",
    "SELECT WEIGHT_STRING(a AS CHAR(3)) FROM t",
    "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP('2024-01-01')",
    "SELECT @a (1)",
    "UPDATE t PARTITION (p0) SET a = VALUES(a), b = DEFAULT(b)",
    "DELETE FROM t WHERE (a, b) IN ((1, 2), ROW(3, 4))",
    "CREATE TABLE t (a INT, b VARCHAR(10), c DECIMAL(10,2) DEFAULT (UUID()), KEY i (a, b(5)), UNIQUE u (a), CONSTRAINT x CHECK (f(a)), FOREIGN KEY k (a) REFERENCES u (b)) PARTITION BY HASH (a) PARTITIONS 4",
    "CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES IN (1))",
    "CREATE INDEX i ON t (a, b(10), (LOWER(c)))",
    "ALTER TABLE t ADD INDEX i (a), ADD COLUMN b SET('a', 'b'), DROP PARTITION p0",
    "LOAD DATA INFILE 'f' INTO TABLE t (a, b) SET c = 1",
    "GRANT SELECT (a), INSERT (b) ON t TO u",
    "LOCK TABLES t READ",
  ])("%s", (sql) => expect(isOpaque(sql)).toBe(false));
});
