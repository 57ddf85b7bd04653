import { describe, expect, test } from "vitest";
import { factsOf, judge, MARIADB } from "./judge.ts";

const CONNECTOR_J =
  "/* mysql-connector-j-9.1.0 (Revision: 1) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout";

/** What drivers and frameworks send at connect and between transactions, as they write it. */
const TRACKED_OR_STATELESS: Readonly<Record<string, readonly string[]>> = {
  "mariadb (Node)": [
    "SET NAMES utf8mb4",
    "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
    "SELECT @@system_time_zone stz, @@time_zone tz",
    "SET time_zone='+00:00'",
    "SET time_zone=?",
    "SELECT @@VERSION AS v",
  ],
  "Connector/J": [
    CONNECTOR_J,
    "SET NAMES utf8mb4",
    "SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci",
    "SET character_set_results = NULL",
    "SET SESSION time_zone='Europe/Berlin'",
    "SET autocommit=1",
    "SET autocommit=0",
    "SET sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'",
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION TRANSACTION READ WRITE",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET net_write_timeout=600",
  ],
  "MariaDB Connector/J": ["SELECT @@session.transaction_isolation", "SELECT @@wait_timeout"],
  mysqlclient: [
    "set autocommit=0",
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET SESSION sql_mode='ANSI'",
  ],
  PyMySQL: ["SET NAMES utf8mb4", "SET sql_mode=''", "SET AUTOCOMMIT = 0"],
  "mysql-connector-python": [
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
    "SET @@session.autocommit = OFF",
    "SET @@session.time_zone = '+00:00'",
    "SET @@session.sql_mode = 'ANSI'",
  ],
  "go-sql-driver": [
    "SELECT @@max_allowed_packet",
    "SET NAMES utf8mb4",
    "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
    "SET time_zone = '+00:00', sql_mode = 'ANSI'",
  ],
  MySqlConnector: [
    "SET NAMES utf8mb4;",
    "SET NAMES utf8mb4;SELECT CONNECTION_ID(), VERSION();",
    "set session transaction isolation level repeatable read;start transaction",
  ],
  mysql_async: [
    "SELECT @@max_allowed_packet, @@wait_timeout",
    "SELECT @@max_allowed_packet,@@wait_timeout,@@socket",
  ],
  sqlx: [
    "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4;",
    "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
  ],
  Laravel: [
    "use `db`;",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;",
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', time_zone='+00:00', SESSION sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';",
  ],
  Rails: [
    "SET NAMES utf8mb4, @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',TRADITIONAL'), ',NO_AUTO_VALUE_ON_ZERO'), @@SESSION.wait_timeout = 2147483",
  ],
  Django: [
    "set autocommit=1",
    "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  ],
  SQLAlchemy: [
    "SET NAMES utf8mb4",
    "SELECT VERSION()",
    "SELECT @@sql_mode",
    "SELECT @@lower_case_table_names",
    "SELECT @@transaction_isolation",
  ],
  Hibernate: [
    "SELECT @@character_set_database, @@sql_mode",
    "SELECT @@SESSION.innodb_lock_wait_timeout",
  ],
  TypeORM: ["SELECT version() as version", "SELECT DATABASE() AS `db_name`"],
  Sequelize: ["SET time_zone = '+00:00'", "SELECT VERSION() as `version`"],
  GORM: ["SELECT VERSION()"],
  Pomelo: ["SET AUTOCOMMIT = 1"],
  "adaptive readers": [
    "SHOW VARIABLES LIKE 'aurora_version'",
    "SELECT @@aurora_server_id",
    "SELECT @@innodb_read_only",
  ],
};

describe("what drivers send does not pin", () => {
  for (const [driver, statements] of Object.entries(TRACKED_OR_STATELESS)) {
    test.each([...statements])(`${driver}: %s`, (sql) => {
      for (const reading of [0, MARIADB]) {
        expect(judge(sql, reading).pin).toBeNull();
        expect(factsOf(judge(sql, reading))).not.toContain("OPAQUE");
      }
    });
  }
});

const MARIADB_JAVA =
  "set autocommit=1,sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES'),session_track_system_variables = CONCAT(@@global.session_track_system_variables,',transaction_isolation'),time_zone='+00:00',@@session.transaction_isolation='READ-COMMITTED',NAMES utf8mb4";

describe("what drivers send pins", () => {
  test.each([
    ["mariadb (Node), queryTimeout", "SET max_statement_time=5", "untracked-variable"],
    ["Connector/J, setMaxRows", "SET sql_select_limit=10", "untracked-variable"],
    ["Connector/J, setMaxRows off", "SET sql_select_limit=DEFAULT", "untracked-variable"],
    ["MariaDB Connector/J", MARIADB_JAVA, "untracked-variable"],
    [
      "MariaDB R2DBC",
      "SET autocommit=1,transaction_isolation='REPEATABLE-READ',session_track_schema=1,session_track_system_variables='autocommit,transaction_isolation'",
      "untracked-variable",
    ],
    ["mysql-connector-python, reset", "SET @`k` = 5", "user-variable"],
    ["go, BeginTx", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "next-txn-isolation"],
    [
      "Rails before",
      "SET NAMES utf8mb4, @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483",
      "untracked-variable",
    ],
    ["Rails, isolation", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "next-txn-isolation"],
    ["Django", "SET SQL_AUTO_IS_NULL = 0", "untracked-variable"],
    ["Django, loaddata", "SET foreign_key_checks=0", "untracked-variable"],
    ["Hibernate, lock timeout", "SET @@SESSION.innodb_lock_wait_timeout = 5", "untracked-variable"],
    ["TypeORM, migrations", "SET FOREIGN_KEY_CHECKS = 0;", "untracked-variable"],
    ["Drizzle", "set transaction isolation level read committed, read only", "next-txn-isolation"],
    [
      "mysqldump",
      "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
      "executable-comment",
    ],
    [
      "a dump of SQLyog",
      "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO'",
      "user-variable",
    ],
  ])("%s: %s", (_, sql, rule) => expect(judge(sql).pin).toBe(rule));
});
