import { describe, expect, test } from "vitest";
import { type AuroraFacts, rewriteForAurora } from "../../../local/aurora-statement.ts";

const FACTS: AuroraFacts = {
  serverId: "db-2",
  auroraVersion: "3.10.1",
  hosts: [{ serverId: "db-2", sessionId: "x", ageMs: 1.5, lagMs: 20, cpu: 2, isCurrent: true }],
  innodbReadOnly: null,
};

describe("a statement for Aurora", () => {
  test.each([
    ["SELECT @@aurora_server_id", "SELECT 'db-2' AS `@@aurora_server_id`"],
    ["SELECT @@Global.Aurora_Server_Id x", "SELECT 'db-2' x"],
    ["select aurora_version(), 1", "select '3.10.1' AS `aurora_version()`, 1"],
    ["SELECT @@innodb_read_only = 1", "SELECT @@GLOBAL.read_only = 1"],
    ["SELECT 1 WHERE 'db' = @@aurora_server_id", "SELECT 1 WHERE 'db' = 'db-2'"],
    ["SET @a = @@innodb_read_only", "SET @a = @@GLOBAL.read_only"],
  ])("says the values of variables: %s", (sql, expected) => {
    expect(rewriteForAurora(sql, FACTS)).toBe(expected);
  });

  test.each([
    "SELECT 'a ''@@aurora_server_id'", // In a text.
    "SELECT 1 -- @@aurora_server_id",
    "SELECT /* aurora_version() */ 1",
    "SELECT aurora_version FROM t",
    "SELECT `@@aurora_server_id` FROM t",
    "SELECT * FROM replica_host_status",
    "SHOW VARIABLES LIKE 'max_connections'",
  ])("stays as it is where it is about something else: %s", (sql) => {
    expect(rewriteForAurora(sql, FACTS)).toBe(null);
  });

  test.each([
    [
      "SELECT * FROM information_schema.replica_host_status",
      /^WITH replica_host_status AS \(SELECT .*\) SELECT \* FROM replica_host_status$/,
    ],
    [
      "EXPLAIN SELECT 1 FROM INFORMATION_SCHEMA.REPLICA_HOST_STATUS r",
      /^EXPLAIN WITH REPLICA_HOST_STATUS AS .* FROM REPLICA_HOST_STATUS r$/,
    ],
    [
      "WITH a AS (SELECT 1) SELECT * FROM a, `information_schema`.`replica_host_status`",
      /^WITH replica_host_status AS \(.*\), a AS \(SELECT 1\) SELECT/,
    ],
    [
      "WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a, information_schema.replica_host_status",
      /^WITH RECURSIVE replica_host_status AS/,
    ],
  ])("gets the hosts as a table: %s", (sql, expected) => {
    expect(rewriteForAurora(sql, FACTS)).toMatch(expected);
  });

  test("shows variables by LIKE and WHERE", () => {
    expect(rewriteForAurora("show variables like 'aurora_version';", FACTS)).toMatch(
      /^SELECT \* FROM \(.*\) AS variables WHERE Variable_name like 'aurora_version'$/,
    );
    expect(
      rewriteForAurora("SHOW GLOBAL VARIABLES WHERE Variable_name = 'aurora_version'", FACTS),
    ).toMatch(/WHERE Variable_name = 'aurora_version'$/);
  });
});
