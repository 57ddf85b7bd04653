import { describe, expect, test } from "vitest";
import { factsOf, judge, MARIADB } from "./judge.ts";

describe("facts", () => {
  test.each<[string, string]>([
    ["", "TOUCHES_NO_TABLE EMPTY"],
    [" \n;; -- nothing", "TOUCHES_NO_TABLE EMPTY"],
    ["/* nothing */", "TOUCHES_NO_TABLE EMPTY"],
    ["SELECT 1", "READ TOUCHES_NO_TABLE"],
    ["SELECT 1;", "READ TOUCHES_NO_TABLE"],
    ["SELECT 1;;", "READ TOUCHES_NO_TABLE"],
    ["SELECT 1 FROM DUAL", "READ TOUCHES_NO_TABLE"],
    ["SELECT a FROM t", "READ"],
    ["SELECT (SELECT a FROM t)", "READ"],
    ["(SELECT 1)", "READ TOUCHES_NO_TABLE"],
    ["((SELECT a FROM t) UNION (SELECT b FROM u)) LIMIT 1", "READ"],
    ["TABLE t", "READ"],
    ["VALUES ROW(1, 2), ROW(3, 4)", "READ TOUCHES_NO_TABLE"],
    ["WITH x AS (SELECT 1) SELECT * FROM x", "READ"],
    ["WITH x (a) AS (SELECT 1), y (b, c) AS (SELECT 2, 3) SELECT * FROM x, y", "READ"],
    ["WITH RECURSIVE x (a) AS (SELECT 1 UNION SELECT a + 1 FROM x) TABLE x", "READ"],
    ["WITH x AS (SELECT 1) UPDATE t SET a = 1", ""],
    ["WITH x AS (SELECT 1) DELETE FROM t", ""],
    ["WITH x AS (SELECT 1) (SELECT * FROM x)", "READ"],
    ["SELECT * FROM t FOR UPDATE", "READ LOCKING_READ"],
    ["SELECT * FROM t FOR SHARE NOWAIT", "READ LOCKING_READ"],
    ["SELECT * FROM t LOCK IN SHARE MODE", "READ LOCKING_READ"],
    ["SELECT * INTO OUTFILE 'f' FROM t", ""],
    ["SELECT 1 INTO DUMPFILE 'f'", ""],
    ["SELECT NEXT VALUE FOR s", ""],
    ["SELECT NEXTVAL(s)", ""],
    ["SELECT * FROM t PROCEDURE ANALYSE(10)", "READ"],
    ["SHOW TABLES", "READ"],
    ["SHOW VARIABLES LIKE 'a'", "READ TOUCHES_NO_TABLE"],
    ["SHOW SESSION STATUS", "READ TOUCHES_NO_TABLE"],
    ["SHOW WARNINGS", "READ READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SHOW ERRORS LIMIT 1", "READ READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SHOW COUNT(*) WARNINGS", "READ READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SHOW CREATE TABLE t", "READ"],
    ["GET DIAGNOSTICS a = NUMBER", "READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SELECT @@warning_count", "READ READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SELECT @@session.error_count", "READ READS_DIAGNOSTICS TOUCHES_NO_TABLE"],
    ["SELECT warning_count FROM t", "READ"],
    ["EXPLAIN SELECT * FROM t", "READ"],
    ["EXPLAIN UPDATE t SET a = 1", "READ"],
    ["EXPLAIN INSERT INTO t (a) VALUES (1)", "READ"],
    ["EXPLAIN FORMAT=TREE (SELECT 1)", "READ"],
    ["EXPLAIN ANALYZE SELECT * FROM t", "READ"],
    ["EXPLAIN ANALYZE DELETE FROM t", ""],
    ["EXPLAIN FOR CONNECTION 5", "READ"],
    ["EXPLAIN t", "READ"],
    ["DESCRIBE t a", "READ"],
    ["DESC d.t", "READ"],
    ["HELP 'a'", "READ"],
    ["HANDLER t READ FIRST", "READ"],
    ["INSERT INTO t VALUES (1, 'a', NULL, DEFAULT, -1, 0x1F, TRUE)", "INSERT"],
    ["INSERT t (a, `b`) VALUE (1, 2), (3, 4);", "INSERT"],
    ["INSERT INTO d.t (t.a, d.t.b) VALUES (1, x'00')", "INSERT"],
    ["INSERT LOW_PRIORITY INTO t SET a = 1, b = 'c'", "INSERT"],
    ["INSERT INTO t VALUES (?, ?)", "INSERT"],
    ["INSERT INTO t VALUES ROW(1), ROW(2)", "INSERT"],
    ["INSERT INTO t () VALUES ()", "INSERT"],
    ["INSERT INTO t VALUES (_utf8mb4'a')", "INSERT"],
    ["INSERT INTO t PARTITION (p0, p1) (a) VALUES (1)", "INSERT"],
    ["REPLACE INTO t VALUES (1)", "INSERT"],
    ["INSERT IGNORE INTO t VALUES (1)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (NOW())", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (1 * 2)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (@a)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (1, a)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t SET a = b", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t SELECT 1", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t (a) SELECT a FROM u", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t (SELECT 1)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t TABLE u", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (1) RETURNING id", "INSERT INSERT_ID_AMBIGUOUS"],
    [
      "INSERT INTO t VALUES (1) AS new (a) ON DUPLICATE KEY UPDATE b = new.a",
      "INSERT INSERT_ID_AMBIGUOUS",
    ],
    ["LOAD DATA INFILE 'f' INTO TABLE t (a, b)", "INSERT INSERT_ID_AMBIGUOUS"],
    ["LOAD XML INFILE 'f' INTO TABLE t", "INSERT INSERT_ID_AMBIGUOUS"],
    ["INSERT INTO t VALUES (1); SELECT 1", "INSERT INSERT_ID_AMBIGUOUS MULTI"],
    ["CREATE TABLE t AS SELECT 1", "INSERT INSERT_ID_AMBIGUOUS ENDS_TRANSACTION"],
    ["UPDATE t SET a = 1", ""],
    ["DELETE FROM t", ""],
    ["SELECT LAST_INSERT_ID()", "READ READS_INSERT_ID TOUCHES_NO_TABLE"],
    ["SELECT last_insert_id ( )", "READ READS_INSERT_ID TOUCHES_NO_TABLE"],
    ["SELECT `last_insert_id`()", "READ READS_INSERT_ID TOUCHES_NO_TABLE"],
    ["SELECT @@identity, @@last_insert_id", "READ READS_INSERT_ID TOUCHES_NO_TABLE"],
    ["SELECT @@session.identity", "READ READS_INSERT_ID TOUCHES_NO_TABLE"],
    ["SELECT identity FROM t", "READ"],
    ["SELECT LAST_INSERT_ID(5)", "READ SETS_INSERT_ID TOUCHES_NO_TABLE"],
    ["UPDATE t SET a = LAST_INSERT_ID(a + 1)", "SETS_INSERT_ID"],
    [
      "SELECT LAST_INSERT_ID(LAST_INSERT_ID())",
      "READ READS_INSERT_ID SETS_INSERT_ID TOUCHES_NO_TABLE",
    ],
    ["SELECT FOUND_ROWS()", "READ READS_FOUND_ROWS TOUCHES_NO_TABLE"],
    ["SELECT ROW_COUNT()", "READ READS_ROW_COUNT TOUCHES_NO_TABLE"],
    ["BEGIN", "BEGINS_TRANSACTION"],
    ["begin work;", "BEGINS_TRANSACTION"],
    ["START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "BEGINS_TRANSACTION"],
    ["COMMIT", "ENDS_TRANSACTION"],
    ["COMMIT WORK AND NO CHAIN RELEASE", "ENDS_TRANSACTION"],
    ["COMMIT AND CHAIN", "ENDS_TRANSACTION BEGINS_TRANSACTION"],
    ["ROLLBACK", "ENDS_TRANSACTION"],
    ["ROLLBACK WORK AND CHAIN", "ENDS_TRANSACTION BEGINS_TRANSACTION"],
    ["ROLLBACK TO a", ""],
    ["ROLLBACK WORK TO SAVEPOINT a", ""],
    ["SAVEPOINT a", ""],
    ["RELEASE SAVEPOINT a", ""],
    ["XA START 'a'", "XA_OPENS"],
    ["XA BEGIN 'a'", "XA_OPENS"],
    ["XA END 'a'", ""],
    ["XA PREPARE 'a'", ""],
    ["XA COMMIT 'a' ONE PHASE", "XA_CLOSES"],
    ["XA ROLLBACK 'a'", "XA_CLOSES"],
    ["USE a", "USE TOUCHES_NO_TABLE"],
    ["DROP DATABASE a", "ENDS_TRANSACTION DROPS_SCHEMA"],
    ["DROP SCHEMA IF EXISTS a", "ENDS_TRANSACTION DROPS_SCHEMA"],
    ["KILL 5", "KILL TOUCHES_NO_TABLE"],
    ["CALL p(1)", "OPAQUE"],
    ["EXECUTE s", "OPAQUE"],
    ["BINLOG 'a'", "OPAQUE"],
    ["nonsense", "OPAQUE"],
    ["DO SLEEP(1)", "TOUCHES_NO_TABLE"],
    ["DO f()", "OPAQUE"],
    ["SELECT 1; SELECT 2", "READ MULTI TOUCHES_NO_TABLE"],
    ["SELECT 1; UPDATE t SET a = 1", "MULTI"],
    ["BEGIN; SELECT 1; COMMIT", "ENDS_TRANSACTION BEGINS_TRANSACTION MULTI"],
    ["CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", "ENDS_TRANSACTION"],
    ["BEGIN NOT ATOMIC SELECT 1; SELECT 2; END", "OPAQUE"],
    ["/*!40101 SELECT 1 */", "READ OPAQUE TOUCHES_NO_TABLE"],
    ["/*! */", "OPAQUE"],
    ["SET STATEMENT max_statement_time = 1 FOR SELECT * FROM t", "READ"],
    ["ANALYZE UPDATE t SET a = 1", ""],
    ["ANALYZE FORMAT=JSON SELECT * FROM t", "READ"],
  ])("%s", (sql, expected) => {
    expect(factsOf(judge(sql)).join(" ")).toBe(expected);
    expect(factsOf(judge(sql, MARIADB)).join(" ")).toBe(expected);
  });
});

describe("statements that commit implicitly", () => {
  test.each([
    "ALTER TABLE t ADD b INT",
    "ALTER USER a IDENTIFIED BY 'b'",
    "ALTER DATABASE d CHARACTER SET utf8mb4",
    "ANALYZE TABLE t",
    "ANALYZE LOCAL TABLE t",
    "CACHE INDEX t IN hot",
    "CHANGE MASTER TO MASTER_HOST = 'a'",
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'a'",
    "CHECK TABLE t",
    "CREATE DATABASE d",
    "CREATE INDEX i ON t (a)",
    "CREATE UNIQUE INDEX i ON t (a(10))",
    "CREATE OR REPLACE ALGORITHM=MERGE VIEW v AS SELECT 1",
    "CREATE ROLE r",
    "CREATE TABLE t (a INT)",
    "CREATE USER u@h",
    "DROP INDEX i ON t",
    "DROP PROCEDURE p",
    "DROP TABLE t",
    "DROP USER u",
    "DROP VIEW v",
    "FLUSH PRIVILEGES",
    "GRANT ALL ON *.* TO u",
    "IMPORT TABLE FROM 'f'",
    "INSTALL PLUGIN p SONAME 's'",
    "LOAD INDEX INTO CACHE t",
    "LOCK TABLES t READ",
    "OPTIMIZE TABLE t",
    "RENAME TABLE a TO b",
    "RENAME USER a TO b",
    "REPAIR TABLE t",
    "RESET REPLICA",
    "REVOKE ALL ON *.* FROM u",
    "SET DEFAULT ROLE r TO u",
    "SET PASSWORD = 'a'",
    "START REPLICA",
    "START SLAVE",
    "STOP REPLICA",
    "TRUNCATE TABLE t",
    "TRUNCATE t",
    "UNINSTALL PLUGIN p",
  ])("%s", (sql) => expect(factsOf(judge(sql))).toContain("ENDS_TRANSACTION"));

  test.each([
    "CREATE TEMPORARY TABLE t (a INT)",
    "DROP TEMPORARY TABLE t",
    "DROP PREPARE s",
    "UNLOCK TABLES",
    "CHECKSUM TABLE t",
    "SET autocommit = 1",
    "CALL p()",
  ])("not %s", (sql) => expect(factsOf(judge(sql))).not.toContain("ENDS_TRANSACTION"));
});

describe("USE and KILL", () => {
  test.each([
    ["USE db", "db"],
    ["use `my-db`;", "my-db"],
    ["USE `a``b`", "a`b"],
    ["USE\tDB", "DB"],
    ["USE 数据", "数据"],
    ["USE 1a", "1a"],
    ["USE a; USE b", "b"],
    ["USE", null],
  ])("%s", (sql, schema) => expect(judge(sql).schema).toBe(schema));

  test.each([
    ["KILL 5", { queryOnly: false, id: 5 }],
    ["KILL CONNECTION 5;", { queryOnly: false, id: 5 }],
    ["kill query 18446744", { queryOnly: true, id: 18446744 }],
    ["KILL HARD QUERY 5", { queryOnly: true, id: 5 }],
    ["KILL SOFT CONNECTION 5", { queryOnly: false, id: 5 }],
    ["KILL SOFT 5", { queryOnly: false, id: 5 }],
    ["KILL 5 + 1", null],
    ["KILL @a", null],
    ["KILL CONNECTION_ID()", null],
    ["KILL QUERY ID 5", null],
    ["KILL USER a", null],
    ["KILL 99999999999999999999", null],
    ["KILL 1.5", null],
    ["KILL", null],
    ["KILL 5; SELECT 1", { queryOnly: false, id: 5 }],
    ["KILL 5; KILL 6", { queryOnly: false, id: 5 }],
    ["SELECT 1; KILL 5", null],
  ])("%s", (sql, kill) => {
    const found = judge(sql).kill;
    if (kill === null) expect(found).toBeNull();
    else expect(found).toMatchObject(kill);
  });

  test.each([
    ["KILL 5", 6],
    ["KILL 5 ; SELECT 1", 7],
    ["/* ; */ KILL QUERY 5;SELECT 1", 20],
  ])("says where the KILL of %s ends", (sql, end) => {
    expect(judge(sql).kill?.end).toBe(end);
  });
});

test("CALL warns of hidden state", () => {
  expect(judge("CALL p()").warnings).toEqual(["proc-hidden-state"]);
});

test("plain verdicts are shared", () => {
  expect(judge("SELECT 1")).toBe(judge("SELECT 2, 'x'"));
  expect(judge("INSERT INTO t VALUES (1)")).toBe(judge("REPLACE u SET a = 2"));
  expect(Object.isFrozen(judge("SELECT 1"))).toBe(true);
});

test("columns that bear the names of clauses leave an insert plain", () => {
  expect(
    factsOf(judge("INSERT INTO t (name, value, returning, status) VALUES (1, 2, 3, 4)")),
  ).toEqual(["INSERT"]);
  expect(factsOf(judge("INSERT INTO t SET value = 1, name = 'a'"))).toEqual(["INSERT"]);
});

test("what follows a block counts", () => {
  const block = judge("IF 1 THEN SELECT 2; END IF; USE a");
  expect(factsOf(block)).toEqual(["OPAQUE", "USE", "MULTI"]);
  expect(block.schema).toBe("a");
  const nested = judge("BEGIN NOT ATOMIC IF 1 THEN SELECT 2; END IF; SELECT 3; END; SELECT 4");
  expect(factsOf(nested)).toEqual(["OPAQUE", "MULTI"]);
  expect(judge("BEGIN NOT ATOMIC IF 1 THEN SELECT 2; END IF; USE a; END; USE b").schema).toBe("b");
  expect(judge("BEGIN NOT ATOMIC IF 1 THEN SELECT 2; END IF; USE a; END").schema).toBeNull();
  expect(judge("WHILE 1 DO SELECT 2; END WHILE; USE c").schema).toBe("c");
});

test("a body that nothing closes is not trusted", () => {
  expect(judge("CREATE PROCEDURE p() BEGIN SELECT `begin`; END").pin).toBeNull();
  expect(judge("CREATE PROCEDURE p() BEGIN SELECT begin FROM t; END; SET @a = 1").pin).toBe(
    "unparsed",
  );
});
