import { describe, expect, test } from "vitest";
import type { PinRuleId } from "../../../proxy/sql/verdict.ts";
import {
  ANSI_QUOTES,
  EXCLUDE_VARIABLE_SETS,
  judge,
  MARIADB,
  NO_BACKSLASH_ESCAPES,
} from "./judge.ts";

/** Statements by the rule they pin by. */
const PINNING: Readonly<Partial<Record<PinRuleId, readonly string[]>>> = {
  "text-over-16k": [
    `SELECT '${"a".repeat(16_376)}'`,
    `SET @a = '${"a".repeat(16_376)}'`,
    `/* ${"a".repeat(16_384)} */ SELECT 1`,
    " ".repeat(16_385),
  ],
  "prepare-sql": [
    "PREPARE s FROM 'SELECT 1'",
    "PREPARE s FROM @text",
    "EXECUTE s",
    "EXECUTE s USING @a, @b",
    "DEALLOCATE PREPARE s",
    "DROP PREPARE s",
    "drop /* c */ prepare s",
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "EXECUTE IMMEDIATE CONCAT('SET ', 'autocommit=1')",
  ],
  "user-variable": [
    "SET @a = 1",
    "SET @a := 1",
    "SET @'a b' = 1",
    "SET @`a` = 1",
    'SET @"a" = 1',
    "SET autocommit = 1, @a = 2",
    "SET @a=1,@b=2",
    "SET/**/@a=1",
    "sEt @a=1",
    "SELECT @a := 1",
    "SELECT @a:=@a+1 FROM t",
    "SELECT (@row := @row + 1) AS n FROM t, (SELECT @row := 0) r",
    "UPDATE t SET a = (@x := a)",
    "SELECT 1 INTO @a",
    "SELECT a, b FROM t LIMIT 1 INTO @a, @b",
    "SELECT a INTO @a FROM t",
    "(SELECT 1) INTO @a",
    "TABLE t LIMIT 1 INTO @a",
    "VALUES ROW(1) INTO @a",
    "WITH x AS (SELECT 1) SELECT * FROM x INTO @a",
    "LOAD DATA INFILE 'f' INTO TABLE t (a, @b) SET c = @b",
    "LOAD DATA LOCAL INFILE 'f' INTO TABLE d.t (@b)",
    "GET DIAGNOSTICS @n = NUMBER",
    "GET DIAGNOSTICS CONDITION 1 @state = RETURNED_SQLSTATE",
    "DO @a := 1",
    "INSERT INTO t VALUES (@a := 1)",
    "DELETE FROM t WHERE a = (@b := 2)",
    "EXPLAIN FORMAT = JSON INTO @plan SELECT 1",
    "SELECT 1; SET @a = 1",
    "SET STATEMENT max_statement_time = (@a := 1) FOR SELECT 1",
    "SET STATEMENT max_statement_time = 1 FOR SET @a = 1",
  ],
  "untracked-variable": [
    "SET foreign_key_checks = 0",
    "SET FOREIGN_KEY_CHECKS=0;",
    "SET unique_checks=0",
    "SET sql_select_limit=DEFAULT",
    "SET SESSION sql_safe_updates = 1",
    "SET @@sql_log_bin = 0",
    "SET @@session.max_execution_time = 100",
    "SET @@SESSION.`group_concat_max_len` = 1024",
    "SET `lock_wait_timeout` = 3",
    "SET innodb_lock_wait_timeout := 3",
    "SET net_read_timeout = 1",
    "SET auto_increment_offset = 2",
    "SET session_track_system_variables = '*'",
    "SET session_track_gtids = OWN_GTID",
    "SET session_track_transaction_info = 'STATE'",
    "SET sql_auto_is_null = 0",
    "SET lc_time_names = 'de_DE'",
    "SET timestamp = 1",
    "SET insert_id = 5",
    "SET last_insert_id = 5",
    "SET optimizer_switch = 'mrr=on'",
    "SET completion_type = 1",
    "SET GLOBAL max_connections = 100",
    "SET PERSIST max_connections = 100",
    "SET PERSIST_ONLY back_log = 100",
    "SET @@global.max_connections = 100",
    "SET @@GLOBAL . max_connections = 100",
    "SET @@persist.max_connections = 100",
    "SET hot_cache.key_buffer_size = 100",
    "SET GLOBAL validate_password.policy = LOW",
    "SET autocommit = 1, foreign_key_checks = 0",
    "SET NAMES utf8mb4, sql_auto_is_null = 0",
    "SET foreign_key_checks = 0, @a = 1",
    "SET SESSION autocommit = 1, foreign_key_checks = 0",
    "SET sql_mode_x = ''",
    "SET x.sql_mode = ''",
    "SET ROLE admin",
    "SET ROLE NONE",
    "SET ROLE DEFAULT",
    "SET RESOURCE GROUP batch",
    "SELECT 1; SET foreign_key_checks = 0; SELECT 2",
    "SET x = (SELECT 1)",
  ],
  "next-txn-isolation": [
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY",
    "set transaction isolation level serializable;",
    "SET TRANSACTION READ ONLY",
    "SET TRANSACTION READ WRITE",
    "SET @@transaction_isolation = 'READ-COMMITTED'",
    "SET @@tx_isolation = 'READ-COMMITTED'",
    "SET @@`transaction_read_only` = 1",
    "SET @@tx_read_only = 1",
    "SET SESSION sql_mode = '', @@transaction_isolation = 'READ-COMMITTED'",
  ],
  "executable-comment": [
    "/*!40101 SET NAMES utf8 */",
    "/*! SELECT 1 */",
    "SELECT /*! STRAIGHT_JOIN */ 1",
    "SELECT 1 /*!*/",
    "SELECT 1 /*M!100100 + 1 */",
    "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 PROCEDURE p() BEGIN END */",
    "/*!40000 ALTER TABLE t DISABLE KEYS */;",
    "/*! SET @a = 1 */",
    "SELECT /*!99999 'it''s */ 1",
    "/*!",
    "INSERT INTO t VALUES (1) /*!50000 ON DUPLICATE KEY UPDATE a = 1 */",
  ],
  "temp-table": [
    "CREATE TEMPORARY TABLE t (a INT)",
    "create temporary table if not exists d.t as select 1",
    "CREATE OR REPLACE TEMPORARY TABLE t (a INT)",
    "CREATE /* c */ TEMPORARY\nTABLE t LIKE u",
    "CREATE TEMPORARY SEQUENCE s",
  ],
  "lock-tables": [
    "LOCK TABLES t READ",
    "LOCK TABLE t WRITE, u READ LOCAL",
    "lock tables t write",
    "LOCK INSTANCE FOR BACKUP",
    "FLUSH TABLES t FOR EXPORT",
    "FLUSH TABLE t, u FOR EXPORT",
    "HANDLER t OPEN",
    "HANDLER d.t OPEN AS h",
    "BACKUP STAGE START",
    "BACKUP LOCK t",
  ],
  "flush-read-lock": [
    "FLUSH TABLES WITH READ LOCK",
    "FLUSH TABLES t, u WITH READ LOCK",
    "FLUSH LOCAL TABLES WITH READ LOCK",
    "flush no_write_to_binlog table t with read lock",
    "FLUSH TABLES WITH READ LOCK AND DISABLE CHECKPOINT",
  ],
  "get-lock": [
    "SELECT GET_LOCK('a', 1)",
    "SELECT get_lock ('a', 1)",
    "SELECT `get_lock`('a', 1)",
    "SELECT GET_LOCK/**/('a', 1)",
    "SELECT 1 FROM t WHERE a = GET_LOCK('a', 1)",
    "DO GET_LOCK('a', 1)",
    "INSERT INTO t VALUES (GET_LOCK('a', 1))",
    "UPDATE t SET a = GET_LOCK('a', 1)",
    "SET autocommit = GET_LOCK('a', 1)",
    "SELECT IF(GET_LOCK('a', 1), 1, 0)",
    "CREATE TABLE t AS SELECT GET_LOCK('a', 1)",
    "SHOW TABLES WHERE GET_LOCK('a', 1)",
    "WITH x AS (SELECT GET_LOCK('a', 1)) SELECT * FROM x",
    "CALL p(GET_LOCK('a', 1))",
    "VALUES ROW(GET_LOCK('a', 1))",
    "ANALYZE FORMAT=JSON SELECT GET_LOCK('a', 1)",
  ],
  "found-rows": [
    "SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1",
    "select distinct sql_calc_found_rows a from t",
    "SELECT FOUND_ROWS()",
    "select found_rows () as n",
    "SELECT 1 UNION SELECT FOUND_ROWS()",
  ],
  "row-count": ["SELECT ROW_COUNT()", "SELECT row_count ()", "INSERT INTO t VALUES (ROW_COUNT())"],
  unparsed: [
    "SET",
    "SET ;",
    "SET autocommit",
    "SET autocommit =",
    "SET autocommit = 1,",
    "SET , autocommit = 1",
    "SET = 1",
    "SET NAMES",
    "SET NAMES = 'utf8'",
    "SET NAMES utf8 utf8",
    "SET NAMES utf8 COLLATE",
    "SET NAMES 5",
    "SET CHARACTER utf8",
    "SET OPTION autocommit = 1",
    "SET ONE_SHOT sql_mode = ''",
    "SET SESSION NAMES utf8",
    "SET SESSION @@sql_mode = ''",
    "SET GLOBAL @a = 1",
    "SET session.sql_mode = ''",
    "SET @@session sql_mode = ''",
    "SET @@ = 1",
    "SET TRANSACTION",
    "SET TRANSACTION ISOLATION LEVEL",
    "SET TRANSACTION ISOLATION LEVEL READ",
    "SET TRANSACTION READ",
    "SET SESSION TRANSACTION ISOLATION LEVEL CHAOS",
    "SET SESSION TRANSACTION READ ONLY, autocommit = 1",
    "SET @a",
    "SET 5 = 1",
    "SET 'autocommit' = 1",
    "SET STATEMENT max_statement_time = 1",
    "BEGIN NOT ATOMIC SET @a = 1; END",
    "IF 1 THEN SET @a = 1; END IF",
    "LOOP SELECT 1; END LOOP",
    "WHILE 1 DO SELECT 1; END WHILE",
    "REPEAT SELECT 1; UNTIL 1 END REPEAT",
    "CASE WHEN 1 THEN SET @a = 1; END CASE",
    "again: LOOP SELECT 1; END LOOP",
    "DECLARE a INT",
  ],
};

describe("pins by rule", () => {
  for (const [rule, statements] of Object.entries(PINNING)) {
    test.each([...statements])(`${rule}: %s`, (sql) => {
      expect(judge(sql, MARIADB).pin).toBe(rule);
      expect(judge(sql).pin).toBe(rule);
      expect(judge(`  -- comment\n${sql}\n`).pin).toBe(rule);
    });
  }
});

describe("does not pin", () => {
  test.each([
    `SELECT '${"a".repeat(16_375)}'`,
    "",
    ";",
    "SELECT 1",
    "SELECT 1;;",
    "SELECT 'a;b'",
    "SELECT 'SET @a = 1'",
    "SELECT '/*! x */'",
    'SELECT "/*! x */"',
    "SELECT `/*! x */` FROM t",
    "SELECT 'it''s; SET @a = 1'",
    "SELECT 'it\\'s; SET @a = 1'",
    "SELECT @a",
    "SELECT @a, @b FROM t WHERE c = @d",
    "SELECT @@autocommit",
    "SELECT @@session.sql_mode, @@global.max_connections",
    "SELECT 1 -- SET @a = 1",
    "SELECT 1 # SET @a = 1",
    "SELECT 1 /* SET @a = 1 */",
    "SELECT --1",
    "SELECT /*+ SET_VAR(sort_buffer_size = 16M) */ 1",
    "SELECT /*+ MAX_EXECUTION_TIME(1000) */ * FROM t",
    "INSERT /*+ SET_VAR(foreign_key_checks=OFF) */ INTO t VALUES (1)",
    "SELECT RELEASE_LOCK('a')",
    "SELECT RELEASE_ALL_LOCKS()",
    "SELECT IS_FREE_LOCK('a'), IS_USED_LOCK('a')",
    "SELECT get_lock FROM t",
    "SELECT t.get_lock FROM t",
    "SELECT found_rows, row_count FROM t",
    "SELECT t.sql_calc_found_rows FROM t",
    "SELECT LAST_INSERT_ID()",
    "SELECT LAST_INSERT_ID(5)",
    "UPDATE t SET id = LAST_INSERT_ID(id + 1)",
    "SHOW WARNINGS",
    "SHOW COUNT(*) ERRORS",
    "CALL p()",
    "CALL p(@a)",
    "USE db",
    "DROP DATABASE db",
    "DROP SCHEMA IF EXISTS db",
    "DROP TEMPORARY TABLE t",
    "CREATE TABLE t (a INT)",
    "CREATE TABLE temporary_t (a INT)",
    "BEGIN",
    "START TRANSACTION READ ONLY",
    "COMMIT",
    "ROLLBACK TO SAVEPOINT a",
    "SAVEPOINT a",
    "XA START 'a'",
    "UNLOCK TABLES",
    "FLUSH TABLES",
    "FLUSH STATUS",
    "FLUSH PRIVILEGES",
    "HANDLER t READ FIRST",
    "HANDLER t CLOSE",
    "BACKUP UNLOCK",
    "UNLOCK INSTANCE",
    "LOAD DATA LOCAL INFILE 'f' INTO TABLE t (a, b)",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * INTO OUTFILE 'f' FROM t",
    "CREATE USER 'a'@'b' IDENTIFIED BY 'c'",
    "SET PASSWORD = 'a'",
    "SET PASSWORD FOR 'a'@'b' = 'c'",
    "SET PASSWORD TO RANDOM",
    "SET DEFAULT ROLE ALL TO a@b",
    "SET RESOURCE GROUP batch FOR 14",
    "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
    "SET STATEMENT a = 1, b = (SELECT 2) FOR SELECT * FROM t FOR UPDATE",
    "nonsense",
    "KILL 5",
    "CREATE PROCEDURE p() BEGIN SET @a = 1; SELECT GET_LOCK('a', 1); END",
    "CREATE PROCEDURE p() SET @a = 1",
    "CREATE FUNCTION f() RETURNS INT BEGIN DECLARE x INT; SET @a = 1; IF 1 THEN SET x = 2; ELSEIF 2 THEN SET x = 3; END IF; RETURN x; END;",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = NEW.a",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW IF NEW.a THEN SET @a = 1; END IF",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SET @a = 1; END",
    "CREATE DEFINER = `a`@`b` PROCEDURE p() l: LOOP SET @a = 1; LEAVE l; END LOOP",
    "CREATE OR REPLACE PROCEDURE p() WHILE (1) DO SET @a = 1; END WHILE",
    "ALTER EVENT e DO BEGIN SET @a = 1; SET @b = CASE WHEN 1 THEN 2 END; END",
    "CREATE VIEW v AS SELECT GET_LOCK('a', 1)",
    "PURGE BINARY LOGS TO 'a'",
  ])("%s", (sql) => {
    expect(judge(sql).pin).toBeNull();
    expect(judge(sql, MARIADB).pin).toBeNull();
  });
});

describe("what follows a routine's body counts again", () => {
  test.each([
    "CREATE PROCEDURE p() BEGIN SELECT 1; END; SET @a = 1",
    "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; END; SET @a = 1",
    "CREATE PROCEDURE p() BEGIN CASE 1 WHEN 1 THEN SELECT 1; END CASE; SELECT CASE 1 WHEN 2 THEN 3 END; END; SET @a = 1",
    "CREATE PROCEDURE p() BEGIN l: LOOP LEAVE l; END LOOP l; REPEAT SELECT 1; UNTIL 1 END REPEAT; END; SET @a = 1",
    "CREATE PROCEDURE p() BEGIN SELECT REPEAT('a', 3), IF(1, 2, 3); END; SET @a = 1",
    "CREATE PROCEDURE p() SELECT 1; SET @a = 1",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN END; SET @a = 1",
  ])("%s", (sql) => expect(judge(sql).pin).toBe("user-variable"));
});

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
    expect(judge(text, 1 << 3).pin).toBe("user-variable");
    const katakana = Buffer.from([...text].map((byte) => (byte === 0xbf ? 0xb1 : byte)));
    expect(judge(katakana, 1 << 3).pin).toBe("user-variable");
    expect(judge(katakana, (1 << 3) | (1 << 5)).pin).toBeNull();
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

test("the first rule in the text is the one that pins", () => {
  expect(judge("SET @a = 1, foreign_key_checks = 0").pin).toBe("user-variable");
  expect(judge("SET foreign_key_checks = 0, @a = 1").pin).toBe("untracked-variable");
  expect(judge("SELECT GET_LOCK('a', 1), FOUND_ROWS()").pin).toBe("get-lock");
  expect(judge("/*! SELECT */ GET_LOCK('a', 1)").pin).toBe("executable-comment");
  expect(judge("SELECT GET_LOCK('a', 1) /*! */").pin).toBe("get-lock");
});
