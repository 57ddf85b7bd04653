import { readFileSync } from "node:fs";
import { createConnection as createMariadb } from "mariadb";
import { type Connection, type ConnectionOptions, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuroraCluster, startAuroraCluster } from "../../local/aurora-cluster.ts";
import { ENGINES } from "../../local/index.ts";
import { until } from "../support/until.ts";

/** ProxySQL 2.7, `lib/MySQL_Monitor.cpp`. */
const PROXYSQL = `SELECT SERVER_ID, IF(SESSION_ID = 'MASTER_SESSION_ID' AND SERVER_ID <> (SELECT SERVER_ID FROM INFORMATION_SCHEMA.REPLICA_HOST_STATUS WHERE SESSION_ID = 'MASTER_SESSION_ID' ORDER BY LAST_UPDATE_TIMESTAMP DESC LIMIT 1), 'probably_former_MASTER_SESSION_ID', SESSION_ID) SESSION_ID, LAST_UPDATE_TIMESTAMP, IF(SESSION_ID = 'MASTER_SESSION_ID', 0, REPLICA_LAG_IN_MILLISECONDS) AS REPLICA_LAG_IN_MILLISECONDS, CPU FROM INFORMATION_SCHEMA.REPLICA_HOST_STATUS WHERE ((REPLICA_LAG_IN_MILLISECONDS >= 0 AND REPLICA_LAG_IN_MILLISECONDS <= 600000) OR SESSION_ID = 'MASTER_SESSION_ID') AND LAST_UPDATE_TIMESTAMP > NOW() - INTERVAL 180 SECOND ORDER BY SERVER_ID`;
/** The AWS advanced wrappers for Node.js and JDBC. */
const AWS_TOPOLOGY = `SELECT server_id, CASE WHEN SESSION_ID = 'MASTER_SESSION_ID' THEN TRUE ELSE FALSE END as is_writer, cpu, REPLICA_LAG_IN_MILLISECONDS as 'lag', LAST_UPDATE_TIMESTAMP as last_update_timestamp FROM information_schema.replica_host_status WHERE time_to_sec(timediff(now(), LAST_UPDATE_TIMESTAMP)) <= 300 OR SESSION_ID = 'MASTER_SESSION_ID'`;
const AWS_WRITER = `SELECT SERVER_ID FROM information_schema.replica_host_status WHERE SESSION_ID = 'MASTER_SESSION_ID' AND SERVER_ID = @@aurora_server_id`;

describe.each(ENGINES)("the Aurora view of a %s cluster", (engine) => {
  let aurora: AuroraCluster;
  beforeAll(async () => {
    aurora = await startAuroraCluster({ engine, instances: 2 });
  });
  afterAll(() => aurora.stop());

  function connect(port: number, options: ConnectionOptions = {}): Promise<Connection> {
    const { user, password, database } = aurora.cluster.accounts.application;
    return createConnection({ host: "127.0.0.1", port, user, password, database, ...options });
  }

  async function ask(port: number, sql: string, options: ConnectionOptions = {}) {
    const connection = await connect(port, options);
    try {
      const [found] = await connection.query(sql);
      return found as Record<string, unknown>[];
    } finally {
      connection.destroy();
    }
  }

  test("answers ProxySQL's monitor on every instance", async () => {
    for (const { port } of aurora.instances) {
      const [first, second] = await ask(port, PROXYSQL);
      expect(first).toMatchObject({
        SERVER_ID: "local-1",
        SESSION_ID: "MASTER_SESSION_ID",
        REPLICA_LAG_IN_MILLISECONDS: 0,
      });
      expect(second?.["SERVER_ID"]).toBe("local-2");
      expect(second?.["SESSION_ID"]).toMatch(/^[0-9a-f-]{36}$/);
      expect(second?.["LAST_UPDATE_TIMESTAMP"]).toBeInstanceOf(Date);
    }
  });

  test("answers the AWS drivers, as text and prepared", async () => {
    const connection = await connect(aurora.readers[0]!.port);
    for (const prepared of [false, true]) {
      const run = (sql: string) => (prepared ? connection.execute(sql) : connection.query(sql));
      const [topology] = await run(AWS_TOPOLOGY);
      expect(topology).toMatchObject([
        { server_id: "local-1", is_writer: 1, lag: 0 },
        { server_id: "local-2", is_writer: 0 },
      ]);
      expect((await run("SELECT @@aurora_server_id"))[0]).toEqual([
        { "@@aurora_server_id": "local-2" },
      ]);
      expect((await run(AWS_WRITER))[0]).toEqual([]);
    }
    const [version] = await connection.query("SHOW VARIABLES LIKE 'aurora_version'");
    expect(version).toEqual([{ Variable_name: "aurora_version", Value: "3.10.1" }]);
    connection.destroy();
    expect(await ask(aurora.writer.port, AWS_WRITER)).toEqual([{ SERVER_ID: "local-1" }]);
  });

  test("lets any SELECT read the status, whose columns have Aurora's names and types", async () => {
    const { port } = aurora.writer;
    const [row] = await ask(port, "SELECT * FROM information_schema.replica_host_status LIMIT 1");
    expect(Object.keys(row!)).toEqual([
      "SERVER_ID",
      "SESSION_ID",
      "LAST_UPDATE_TIMESTAMP",
      "REPLICA_LAG_IN_MILLISECONDS",
      "CPU",
      "IS_CURRENT",
    ]);
    expect(Object.values(row!).map((value) => typeof value)).toEqual([
      "string",
      "string",
      "object",
      "number",
      "number",
      "number",
    ]);
    const counted = await ask(
      port,
      "WITH w AS (SELECT 1) SELECT COUNT(*) AS n, MAX(r.SERVER_ID) AS id FROM `information_schema` . replica_host_status r JOIN w ON TRUE",
    );
    expect(counted).toEqual([{ n: 2, id: "local-2" }]);
    const unsaid = "SELECT 'information_schema.replica_host_status @@aurora_server_id' AS t";
    expect(await ask(port, unsaid)).toEqual([
      { t: "information_schema.replica_host_status @@aurora_server_id" },
    ]);
  });

  test("shows a reader as read-only and the writer as not", async () => {
    const sql = "SELECT @@global.innodb_read_only, @@innodb_read_only AS own, @@aurora_version";
    const show = "SHOW GLOBAL VARIABLES LIKE 'innodb_read_only'";
    for (const { port, role } of aurora.instances) {
      const value = role === "reader" ? 1 : 0;
      expect(await ask(port, sql)).toEqual([
        { "@@global.innodb_read_only": value, own: value, "@@aurora_version": "3.10.1" },
      ]);
      expect(await ask(port, show)).toEqual([
        { Variable_name: "innodb_read_only", Value: value === 1 ? "ON" : "OFF" },
      ]);
    }
  });

  test("shows stale rows, two writers, lag and a false role when told to", async () => {
    const { lies } = aurora.topology;
    const { port } = aurora.writer;
    const masters =
      "SELECT SERVER_ID FROM information_schema.replica_host_status WHERE SESSION_ID = 'MASTER_SESSION_ID'";
    lies.secondWriter = "local-2";
    expect(await ask(port, masters)).toHaveLength(2);
    lies.noWriter = true;
    expect(await ask(port, masters)).toEqual([{ SERVER_ID: "local-2" }]);
    Object.assign(lies, { secondWriter: null, noWriter: false, stale: true });
    lies.innodbReadOnly.set("local-1", true);
    lies.lagMs.set("local-2", 5_000);
    expect(await ask(port, "SELECT @@innodb_read_only AS v")).toEqual([{ v: 1 }]);
    const ages =
      "SELECT SERVER_ID FROM information_schema.replica_host_status WHERE LAST_UPDATE_TIMESTAMP < NOW(6) - INTERVAL 1 SECOND";
    await until(async () => (await ask(port, ages)).length === 2, { what: "two stale rows" });
    const lag =
      "SELECT REPLICA_LAG_IN_MILLISECONDS AS ms FROM information_schema.replica_host_status WHERE SERVER_ID = 'local-2'";
    expect((await ask(port, lag))[0]?.["ms"]).toBeGreaterThanOrEqual(5_000);
    lies.stale = false;
    lies.innodbReadOnly.clear();
    lies.lagMs.clear();
    await until(async () => (await ask(port, ages)).length === 0, { what: "fresh rows" });
  });

  test("lets clients require TLS with a certificate that they verify", async () => {
    const ssl = { ca: readFileSync(aurora.cluster.caFile, "utf8"), rejectUnauthorized: true };
    const { port } = aurora.writer;
    const cipher = await ask(port, "SHOW STATUS LIKE 'Ssl_cipher'", { ssl });
    expect(cipher[0]?.["Value"]).toMatch(/TLS_|ECDHE/);
    expect(await ask(port, "SELECT @@aurora_server_id AS id", { ssl })).toEqual([
      { id: "local-1" },
    ]);
    const { user, password, database } = aurora.cluster.accounts.application;
    const other = await createMariadb({ host: "127.0.0.1", port, user, password, database, ssl });
    expect(await other.query("SELECT @@aurora_server_id AS id")).toEqual([{ id: "local-1" }]);
    await other.end();
  });

  test("passes packets of any size, both ways, with and without TLS, and offers no compression", async () => {
    const big = "x".repeat(20 * 1_024 * 1_024);
    for (const ssl of [undefined, { rejectUnauthorized: false }]) {
      const connection = await connect(aurora.writer.port, {
        compress: true,
        ...(ssl === undefined ? {} : { ssl }),
      });
      const [found] = await connection.query("SELECT ? AS big", [big]);
      expect((found as { big: string }[])[0]?.big.length).toBe(big.length);
      const [small] = await connection.query("SELECT @@aurora_server_id AS id");
      expect(small).toEqual([{ id: "local-1" }]);
      const [status] = await connection.query("SHOW STATUS LIKE 'Compression'");
      expect(status).toMatchObject([{ Value: "OFF" }]);
      await connection.end();
    }
  });

  test("leads to the writer and to the readers by endpoints of their own", async () => {
    const id = "SELECT @@aurora_server_id AS id";
    expect(await ask(aurora.endpoint.port, id)).toEqual([{ id: "local-1" }]);
    expect(await ask(aurora.readerEndpoint.port, id)).toEqual([{ id: "local-2" }]);
  });

  test("knows instances that come and go", async () => {
    const count = "SELECT COUNT(*) AS n FROM information_schema.replica_host_status";
    const added = await aurora.addInstance();
    expect(added).toMatchObject({ id: "local-3", role: "reader" });
    expect(await ask(added.port, count)).toEqual([{ n: 3 }]);
    await aurora.removeInstance("local-3");
    expect(await ask(aurora.writer.port, count)).toEqual([{ n: 2 }]);
    await expect(ask(added.port, count)).rejects.toThrow(/ECONNREFUSED/);
    await aurora.restart("local-2");
    expect(await ask(aurora.readers[0]!.port, count)).toEqual([{ n: 2 }]);
  });
});
