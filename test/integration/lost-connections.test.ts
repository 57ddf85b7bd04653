import type { Connection } from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { FaultLink } from "../../local/fault-link.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { backendOf, errnoOf, one } from "../support/session-probe.ts";
import { until } from "../support/until.ts";

const LOST = { code: "PROTOCOL_CONNECTION_LOST" };

async function running(target: TestServer, text: string): Promise<number> {
  const [row] = await target.sql(
    `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE '${text}%'`,
  );
  return Number(row?.["n"]);
}

async function untilRunning(target: TestServer, text: string): Promise<void> {
  await until(async () => (await running(target, text)) === 1, { what: `${text} on the server` });
}

async function untilGone(target: TestServer, text: string): Promise<void> {
  await until(async () => (await running(target, text)) === 0, {
    what: `the end of ${text}`,
    deadlineMs: 15_000, // Well below the 60 s that it would take by itself.
  });
}

const failure = (work: Promise<unknown>) => work.then(() => null).catch((error: Error) => error);

/** Drops the connection as a process that dies does: without a word. */
function vanish(client: Connection): void {
  client.destroy();
}

async function expectAllFree(proxy: TestProxy): Promise<void> {
  await until(
    () => {
      const [pool] = proxy.view.state(0).pools;
      return pool === undefined || pool.lent + pool.pinned + pool.inTransaction === 0;
    },
    { what: "backends that nobody holds" },
  );
  for (const gauge of ["borrowed", "in_transaction", "session_pinned"]) {
    const name = `sluice_database_connections_currently_${gauge}`;
    await until(async () => (await proxy.metric(name)) === 0, { what: `${name} at 0` });
  }
  expect(proxy.bugs).toEqual([]);
}

describe.each(ENGINES)("lost connections before %s", (engine) => {
  it("rolls the transaction of a vanished client back, and shares its backend again", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const [client, other] = [await proxy.connect(), await proxy.connect()];
    await client.query("CREATE TABLE t (id INT PRIMARY KEY)");
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");
    const backend = await backendOf(client);
    vanish(client);
    expect(await one(other, "SELECT COUNT(*) FROM t")).toBe(0);
    await other.query("INSERT INTO t VALUES (1)"); // No lock is left.
    expect(await backendOf(other)).toBe(backend);
    await expectAllFree(proxy);
  });

  it.each(["SELECT SLEEP(60)", "DO SLEEP(60)", "INSERT INTO t SELECT SLEEP(60)"])(
    "ends %s on the server when its client vanishes",
    async (statement) => {
      const target = await server(engine);
      await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
      const client = await proxy.connect();
      await client.query("CREATE TABLE t (v INT)");
      const text = `/* of ${proxy.database} */ ${statement}`;
      void failure(client.query(text));
      await untilRunning(target, text);
      vanish(client);
      await untilGone(target, text);
      const other = await proxy.connect();
      expect(await one(other, "SELECT 1")).toBe(1);
      await expectAllFree(proxy);
    },
  );

  it("ends the statement of a pinned client in a transaction that vanishes, with all it held", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await proxy.connect();
    await client.query("CREATE TABLE t (id INT PRIMARY KEY)");
    const lock = `lock of ${proxy.database}`;
    await client.query(`SELECT GET_LOCK('${lock}', 0)`);
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");
    const text = `/* pinned ${proxy.database} */ SELECT SLEEP(60)`;
    void failure(client.query(text));
    await untilRunning(target, text);
    vanish(client);
    await untilGone(target, text);
    const other = await proxy.connect();
    await other.query("INSERT INTO t VALUES (1)");
    expect(await one(other, `SELECT IS_FREE_LOCK('${lock}')`)).toBe(1);
    expect(proxy.view.pins()[0]?.endedAt).not.toBeNull();
    await expectAllFree(proxy);
  });

  it("survives many clients that vanish at random moments", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 3 } } });
    const [maker] = [await proxy.connect()];
    await maker.query("CREATE TABLE t (v INT)");
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const client = await proxy.connect();
        const statements = [
          "BEGIN",
          "INSERT INTO t VALUES (1)",
          "SELECT SLEEP(0.05)",
          "SET @a = 1",
        ];
        for (const [k, statement] of statements.entries()) {
          const work = failure(client.query(statement));
          if (i % statements.length === k) {
            vanish(client);
            return;
          }
          await work;
        }
      }),
    );
    await expectAllFree(proxy);
    expect(await one(maker, "SELECT COUNT(*) FROM t")).toBe(0);
    expect(proxy.backends).toBeLessThanOrEqual(3);
  });

  it("does not let a client notice that an idle backend was killed", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await proxy.connect();
    await client.query("SET time_zone = '+05:00'");
    for (let round = 0; round < 3; round++) {
      const backend = await backendOf(client);
      await target.sql(`KILL ${backend}`);
      await until(() => proxy.backends === 0, { what: "the end of the backend" });
      expect(await one(client, "SELECT @@time_zone")).toBe("+05:00");
      expect(await backendOf(client)).not.toBe(backend);
    }
    await expectAllFree(proxy);
  });

  it("closes the client whose transaction's backend was killed", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await proxy.connect();
    await client.query("BEGIN");
    const closed = new Promise<Error>((resolve) => client.on("error", resolve));
    await target.sql(`KILL ${await backendOf(client)}`);
    expect(await closed).toMatchObject(LOST);
    expect(await errnoOf(client.query("SELECT 1"))).toBe(-1);
    expect(proxy.lines.at(-1)).toContain("The database connection that the session depended on");
    expect(await one(await proxy.connect(), "SELECT 1")).toBe(1);
    await expectAllFree(proxy);
  });

  it("closes the client in a transaction whose backend is lost before its statement was sent", async () => {
    const target = await server(engine);
    const database = await target.database();
    const users = [await target.user({ database })];
    const link = await FaultLink.start({ server: () => target });
    try {
      const { host, port } = link;
      const behind = { engine, host, port, password: target.password } as TestServer;
      const spec = { pool: { maxConnections: 1 } };
      await using proxy = await startProxy(behind, { users, database, spec });
      const [client, other] = [await proxy.connect(), await proxy.connect()];
      await client.query("CREATE TABLE ids (id INT AUTO_INCREMENT PRIMARY KEY)");
      await client.query("INSERT INTO ids VALUES ()");
      await other.query("INSERT INTO ids VALUES ()");
      await client.query("BEGIN");
      await client.query("DELETE FROM ids WHERE id = 2");
      const asked = () => proxy.metric("sluice_query_requests");
      const before = await asked();
      link.set({ dropped: true });
      // The backend has the other session's number: it has to be brought this one's first.
      const lost = failure(client.query("SELECT LAST_INSERT_ID() AS id"));
      await until(async () => (await asked()) === before + 1, { what: "the statement" });
      link.reset();
      link.heal();
      expect(await lost).toMatchObject(LOST);
      expect(await one(await proxy.connect(), "SELECT COUNT(*) FROM ids")).toBe(2);
      await expectAllFree(proxy);
    } finally {
      await link.stop();
    }
  });

  it("closes the client whose statement's backend was killed", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await proxy.connect();
    const backend = await backendOf(client);
    const text = `/* killed ${proxy.database} */ SELECT SLEEP(60)`;
    const lost = failure(client.query(text));
    await untilRunning(target, text);
    await target.sql(`KILL ${backend}`);
    const error = await lost;
    // The server may still find the time to say why.
    expect([LOST.code, "ER_QUERY_INTERRUPTED", "ER_CONNECTION_KILLED"]).toContain(
      (error as { code?: string } | null)?.code,
    );
    await until(() => proxy.session(client) === undefined, { what: "the session's end" });
    expect(await one(await proxy.connect(), "SELECT 1")).toBe(1);
    await expectAllFree(proxy);
  });

  it("closes the pinned client whose backend was killed, and the pin with it", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await proxy.connect();
    await client.query("SET @a = 1");
    const closed = new Promise<Error>((resolve) => client.on("error", resolve));
    await target.sql(`KILL ${await backendOf(client)}`);
    expect(await closed).toMatchObject(LOST);
    expect(proxy.view.pins()[0]?.endedAt).not.toBeNull();
    await expectAllFree(proxy);
  });

  it("kills the statement of a session by the id of its greeting", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 2 } } });
    const [client, other] = [await proxy.connect(), await proxy.connect()];
    const text = `/* by id ${proxy.database} */ SELECT SLEEP(60)`;
    const slept = client.query(text).then(
      () => 0,
      (error: { errno: number }) => error.errno,
    );
    await untilRunning(target, text);
    await other.query(`KILL QUERY ${client.threadId}`);
    expect([0, 1317]).toContain(await slept); // SLEEP() itself may only be cut short.
    expect(await one(client, "SELECT 1")).toBe(1);
    await other.query(`KILL ${client.threadId}`);
    await until(() => proxy.session(client) === undefined, { what: "the session's end" });
    expect(await errnoOf(other.query("KILL 4000000000"))).toBe(1094);
    await expectAllFree(proxy);
  });
});
