import * as mariadb from "mariadb";
import type { Connection, ResultSetHeader } from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { backendOf, errnoOf, one } from "../support/session-probe.ts";
import { until } from "../support/until.ts";

/** Connections of the proxy's first user that the server itself counts. */
async function counted(target: TestServer, proxy: TestProxy): Promise<number> {
  const [row] = await target.sql(
    `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = '${proxy.users[0]?.user}'`,
  );
  return Number(row?.["n"]);
}

function waiters(proxy: TestProxy): number {
  return proxy.view.state(0).waiters.reduce((sum, { count }) => sum + count, 0);
}

async function untilWaiting(proxy: TestProxy, count: number): Promise<void> {
  await until(() => waiters(proxy) === count, { what: `${count} waiters` });
}

async function untilState(proxy: TestProxy, client: Connection, state: string): Promise<void> {
  await until(() => proxy.session(client)?.state === state, { what: `a session that is ${state}` });
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: { errno: number; sqlState: string; message: string; fatal: boolean }) => error,
  );

const TIMED_OUT = {
  errno: 9501,
  sqlState: "HY000",
  message: "Timed-out waiting to acquire database connection",
};

describe.each(ENGINES)("borrowing from %s", (engine) => {
  it("serves many clients over few backends", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 3 } } });
    const clients = await Promise.all(Array.from({ length: 40 }, () => proxy.connect()));
    let most = 0;
    let over = false;
    const counting = (async () => {
      while (!over) most = Math.max(most, await counted(target, proxy));
    })();
    const answers = await Promise.all(
      clients.map(async (client, i) => {
        const answered: unknown[] = [];
        for (let k = 0; k < 5; k++) {
          answered.push(await one(client, `SELECT ${i} * 100 + ${k} + SLEEP(0.005)`));
        }
        return answered;
      }),
    );
    over = true;
    await counting;
    expect(answers).toEqual(
      clients.map((_, i) => Array.from({ length: 5 }, (__, k) => i * 100 + k)),
    );
    expect(most).toBe(3);
    expect(proxy.view.state(0).pools).toEqual([
      expect.objectContaining({ open: 3, idle: 3, lent: 0, pinned: 0, inTransaction: 0 }),
    ]);
    expect(await proxy.metric("sluice_client_connections")).toBe(40);
    expect(await proxy.metric("sluice_database_connections_currently_borrowed")).toBe(0);
  });

  it("gives a transaction one backend, and the next transaction perhaps another", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 2 } } });
    const [a, b] = [await proxy.connect(), await proxy.connect()];
    await a.query("BEGIN");
    const mine = await backendOf(a);
    const other = await backendOf(b);
    expect(other).not.toBe(mine);
    expect(await backendOf(a)).toBe(mine);
    await b.query("BEGIN");
    await a.query("COMMIT");
    expect(await backendOf(b)).toBe(other);
    expect(await backendOf(a)).toBe(mine);
    await b.query("COMMIT");
  });

  it("takes its percentage of what max_connections is at the time", async () => {
    const target = await server(engine);
    const [before] = await target.sql("SELECT @@global.max_connections AS n");
    await using proxy = await startProxy(target, {
      spec: {
        pool: { maxConnectionsPercent: 1, maxIdleConnectionsPercent: 1 },
        target: { monitor: { interval: 50 } },
      },
    });
    const allowed = () => proxy.view.state(0).targets[0]?.maxConnections;
    expect(allowed()).toBe(Math.floor(Number(before?.["n"]) / 100));
    try {
      await target.sql("SET GLOBAL max_connections = 500");
      await until(() => allowed() === 5, { what: "the new capacity" });
      expect(await proxy.metric("sluice_max_database_connections_allowed")).toBe(5);
      const clients = await Promise.all(Array.from({ length: 7 }, () => proxy.connect()));
      const begun = clients.map((client) => client.query("BEGIN"));
      await untilWaiting(proxy, 2);
      expect(await counted(target, proxy)).toBe(5);
      await target.sql("SET GLOBAL max_connections = 700");
      await Promise.all(begun);
      expect(await counted(target, proxy)).toBe(7);
    } finally {
      await target.sql(`SET GLOBAL max_connections = ${before?.["n"]}`);
    }
  });

  it("tells a client that has waited for too long, in RDS Proxy's words, and serves it later", async () => {
    const target = await server(engine);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, {
      clock,
      spec: { pool: { maxConnections: 1, connectionBorrowTimeout: 30 } },
    });
    const [holder, client] = [await proxy.connect(), await proxy.connect()];
    await holder.query("BEGIN");
    const waits = failure(client.query("SELECT 1"));
    await untilWaiting(proxy, 1);
    clock.advance(29_000);
    await untilState(proxy, client, "waiting");
    clock.advance(1_001);
    expect(await waits).toMatchObject(TIMED_OUT);
    expect(await proxy.metric("sluice_borrow_timeouts")).toBe(1);
    expect(proxy.lines.find((line) => line.includes("waited 30"))).toContain(
      `[clientConnection=${client.threadId}] Timed-out waiting to acquire database connection.`,
    );
    await holder.query("COMMIT");
    expect(await one(client, "SELECT 2")).toBe(2);
    expect(waiters(proxy)).toBe(0);
  });

  it("fails at once with a borrow timeout of 0, and grows meanwhile", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: { pool: { maxConnections: 2, connectionBorrowTimeout: 0 } },
    });
    const [holder, client] = await Promise.all([
      until(() => proxy.connect(), { what: "a login that found a backend" }),
      until(() => proxy.connect(), { what: "a login that found a backend" }),
    ]);
    await until(() => holder.query("BEGIN"), { what: "a backend" });
    await until(() => client.query("BEGIN"), { what: "another backend" });
    const third = await proxy.connect();
    expect(await failure(third.query("SELECT 1"))).toMatchObject(TIMED_OUT);
    expect(waiters(proxy)).toBe(0);
    await holder.query("COMMIT");
    expect(await one(third, "SELECT 3")).toBe(3);
  });

  it("serves who waits in the order of arrival", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const holder = await proxy.connect();
    await holder.query("CREATE TABLE arrivals (place INT AUTO_INCREMENT PRIMARY KEY, who INT)");
    const clients = await Promise.all(Array.from({ length: 8 }, () => proxy.connect()));
    await holder.query("BEGIN");
    const served: Promise<unknown>[] = [];
    for (const [i, client] of clients.entries()) {
      served.push(client.query(`INSERT INTO arrivals (who) VALUES (${i})`));
      await untilWaiting(proxy, i + 1);
    }
    await holder.query("COMMIT");
    await Promise.all(served);
    const order = await rows(holder, "SELECT who FROM arrivals ORDER BY place");
    expect(order.map(({ who }) => who)).toEqual(clients.map((_, i) => i));
  });

  it("lets a client that disconnects leave the queue, its statement unsent", async () => {
    const target = await server(engine);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, {
      clock,
      spec: { pool: { maxConnections: 1, connectionBorrowTimeout: 300 } },
    });
    const [holder, leaves, stays] = [
      await proxy.connect(),
      await proxy.connect(),
      await proxy.connect(),
    ];
    await holder.query("CREATE TABLE arrivals (who INT)");
    await holder.query("BEGIN");
    void failure(leaves.query("INSERT INTO arrivals VALUES (1)"));
    await untilWaiting(proxy, 1);
    const served = stays.query("INSERT INTO arrivals VALUES (2)");
    await untilWaiting(proxy, 2);
    leaves.destroy();
    await until(
      () => {
        clock.advance(500); // It may only have said its last word: it has some time.
        return waiters(proxy) === 1;
      },
      { what: "the queue without it" },
    );
    await holder.query("COMMIT");
    await served;
    expect(await rows(stays, "SELECT who FROM arrivals")).toEqual([{ who: 2 }]);
    expect(await proxy.metric("sluice_sessions_waiting")).toBe(0);
  });

  it("never has two users share a backend", async () => {
    const target = await server(engine);
    const database = await target.database();
    const users = [await target.user({ database }), await target.user({ database })];
    await using proxy = await startProxy(target, {
      users,
      database,
      spec: { pool: { maxConnections: 1 } },
    });
    const clients = await Promise.all(users.map((user) => proxy.connect({ ...user })));
    const seen = users.map(() => new Set<number>());
    for (let round = 0; round < 5; round++) {
      for (const [i, client] of clients.entries()) {
        const name = await one(client, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)");
        expect(name).toBe(users[i]?.user);
        seen[i]?.add(await backendOf(client));
        expect(proxy.backends).toBe(1);
      }
    }
    expect([...seen[0]!].filter((id) => seen[1]?.has(id))).toEqual([]);
  });

  it.each(["DISABLED", "REQUIRED"])(
    "serves clients in no schema beside busy ones in a schema, without new connections (TLS %s)",
    async (tls) => {
      const target = await server(engine);
      await using proxy = await startProxy(target, {
        spec: { pool: { maxConnections: 1 }, target: { tls } },
      });
      const [inside, outside] = [await proxy.connect(), await proxy.connect({ database: "" })];
      await inside.query("SET time_zone = '+01:00'");
      let over = false;
      const busy = (async () => {
        while (!over) expect(await one(inside, "SELECT DATABASE()")).toBe(proxy.database);
      })();
      for (let round = 0; round < 10; round++) {
        expect(
          await rows(outside, "SELECT DATABASE() AS d, @@time_zone AS z, @@sql_mode AS m"),
        ).toEqual([{ d: null, z: "SYSTEM", m: await one(inside, "SELECT @@sql_mode") }]);
      }
      over = true;
      await busy;
      expect(await one(inside, "SELECT @@time_zone")).toBe("+01:00");
      expect(proxy.events.filter(({ kind }) => kind === "backend-opened")).toHaveLength(1);
      expect(proxy.bugs).toEqual([]);
    },
  );

  it("answers clients of different capabilities rightly, one backend at a time", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const { host, port, user, password, database } = proxy.login;
    const found = await proxy.connect({ flags: ["+FOUND_ROWS"] });
    const changed = await proxy.connect({ flags: ["-FOUND_ROWS"] });
    const several = await proxy.connect({ multipleStatements: true });
    const modern = await mariadb.createConnection({
      host,
      port,
      user,
      password,
      database,
      allowPublicKeyRetrieval: true,
    });
    try {
      await found.query("CREATE TABLE t (v INT)");
      await found.query("INSERT INTO t VALUES (1), (1), (2)");
      for (let round = 0; round < 3; round++) {
        const [all] = await found.query<ResultSetHeader>("UPDATE t SET v = 1 WHERE v < 2");
        expect(all.affectedRows).toBe(2);
        const [none] = await changed.query<ResultSetHeader>("UPDATE t SET v = 1 WHERE v < 2");
        expect(none.affectedRows).toBe(0);
        const [both] = await several.query("SELECT 1 AS a; SELECT COUNT(*) AS b FROM t");
        expect(both).toEqual([[{ a: 1 }], [{ b: 3 }]]);
        expect(await errnoOf(found.query("SELECT 1; SELECT 2"))).toBe(1064);
        const answer = await modern.query("SELECT v FROM t ORDER BY v");
        expect([...answer]).toEqual([{ v: 1 }, { v: 1 }, { v: 2 }]);
        expect(proxy.backends).toBe(1);
      }
      expect(proxy.bugs).toEqual([]);
    } finally {
      modern.destroy();
    }
  });

  it("runs the initialization query on fresh backends and on those that were reset", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: {
        pool: {
          maxConnections: 1,
          initQuery: "SET lc_time_names = 'de_DE', sql_mode = ''; SET SESSION lock_wait_timeout=9",
        },
      },
    });
    const reads = "SELECT CONCAT_WS(' ', @@lc_time_names, @@lock_wait_timeout, @@sql_mode)";
    const client = await proxy.connect({ flags: ["-IGNORE_SPACE"] });
    expect(await one(client, reads)).toBe("de_DE 9 ");
    await client.query("SET lc_time_names = 'fr_FR', SESSION sql_mode = 'ANSI_QUOTES'");
    expect(await one(client, reads)).toBe("fr_FR 9 ANSI_QUOTES");
    const backend = await backendOf(client);
    await client.end();
    const next = await proxy.connect({ flags: ["-IGNORE_SPACE"] });
    expect(await one(next, reads)).toBe("de_DE 9 ");
    expect(await backendOf(next)).toBe(backend);
    await next.query("SET LOCAL lc_time_names = 'fr_FR'");
    const third = await proxy.connect({ flags: ["-IGNORE_SPACE"] });
    expect(await one(third, reads)).toBe("de_DE 9 ");
    expect(await one(next, reads)).toBe("fr_FR 9 ");
    await proxy.apply({ pool: { maxConnections: 1, initQuery: "SET lc_time_names = 'it_IT'" } });
    const fourth = await proxy.connect();
    expect(await one(fourth, "SELECT @@lc_time_names")).toBe("it_IT");
    expect(await one(next, "SELECT @@lc_time_names")).toBe("fr_FR");
  });

  it("closes clients that are idle for too long, and takes a ping for a sign of life", async () => {
    const target = await server(engine);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, { clock, spec: { idleClientTimeout: 60 } });
    const [idle, pings, works, holds] = [
      await proxy.connect(),
      await proxy.connect(),
      await proxy.connect(),
      await proxy.connect(),
    ];
    await holds.query("CREATE TABLE held (i INT)");
    await holds.query("BEGIN");
    await holds.query("INSERT INTO held VALUES (1)");
    clock.advance(40_000);
    await pings.ping();
    await works.query("SELECT 1");
    clock.advance(21_000);
    await until(() => proxy.session(idle) === undefined, { what: "the idle client to be closed" });
    await until(() => proxy.session(holds) === undefined, { what: "the idle transaction's end" });
    expect(await failure(idle.query("SELECT 1"))).toMatchObject({ fatal: true });
    await pings.ping();
    expect(await one(works, "SELECT COUNT(*) FROM held")).toBe(0);
    expect(proxy.lines.some((line) => line.includes("idle for longer than"))).toBe(true);
  });

  it("closes clients after 24 hours", async () => {
    const target = await server(engine);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, { clock, spec: { idleClientTimeout: 28_800 } });
    const client = await proxy.connect();
    for (let hour = 0; hour < 24; hour++) {
      clock.advance(3_600_000 - 1);
      await client.ping();
    }
    expect(await one(client, "SELECT 1")).toBe(1);
    clock.advance(60_000);
    await until(() => proxy.session(client) === undefined, { what: "the end of its life" });
  });

  it("refuses clients beyond the limits, in RDS Proxy's words", async () => {
    // An error in place of the greeting carries no SQLSTATE; libmysqlclient shows HY000 for it.
    const target = await server(engine);
    await using few = await startProxy(target, { spec: { limits: { maxClientConnections: 2 } } });
    const first = await few.connect();
    await few.connect();
    expect(await failure(few.connect())).toMatchObject({
      errno: 1040,
      message: "Number simultaneous connections exceeded (2)",
    });
    await first.end();
    await until(() => few.view.state(0).sessionsTotal === 1, { what: "room for a client" });
    await few.connect();

    await using slow = await startProxy(target, { spec: { limits: { maxConnectionRate: 2 } } });
    const outcomes = await Promise.all(Array.from({ length: 9 }, () => failure(slow.connect())));
    const refused = outcomes.filter((outcome) => outcome !== null);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({
      errno: 1040,
      message: "Connections rate limit exceeded (2)",
    });
  });

  it("retires idle backends beyond the idle cap after five minutes", async () => {
    const target = await server(engine);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, {
      clock,
      spec: { pool: { maxConnections: 8, maxIdleConnectionsPercent: 25 } },
    });
    const clients = await Promise.all(Array.from({ length: 8 }, () => proxy.connect()));
    await Promise.all(clients.map((client) => client.query("BEGIN")));
    await Promise.all(clients.slice(1).map((client) => client.query("COMMIT")));
    expect(await counted(target, proxy)).toBe(8);
    clock.advance(299_000);
    await one(clients[1]!, "SELECT 1");
    expect(proxy.backends).toBe(8);
    clock.advance(2_000);
    await until(async () => (await counted(target, proxy)) === 4, {
      what: "two that are long idle, the one used lately, and the one in use",
    });
    expect(proxy.lines.filter((line) => line.includes("enough idle connections"))).toHaveLength(4);
    await clients[0]?.query("COMMIT");
  });

  it("holds the backend of a session without autocommit from the first table on", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const [client, other] = [await proxy.connect(), await proxy.connect()];
    await client.query("CREATE TABLE t (v INT)");
    await client.query("SET autocommit = 0");
    await untilState(proxy, client, "idle");
    expect(await one(other, "SELECT @@autocommit")).toBe(1);
    await client.query("INSERT INTO t VALUES (1)");
    expect(proxy.session(client)?.state).toBe("in-transaction");
    const waits = one(other, "SELECT COUNT(*) FROM t");
    await untilWaiting(proxy, 1);
    await client.query("ROLLBACK");
    expect(await waits).toBe(0);
    await client.query("INSERT INTO t VALUES (2)");
    await client.query("COMMIT");
    expect(await one(other, "SELECT COUNT(*) FROM t")).toBe(1);
    expect(await one(client, "SELECT @@autocommit")).toBe(0);
  });

  it("passes deadlocks on, and goes on after them", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 2 } } });
    const clients = [await proxy.connect(), await proxy.connect()] as const;
    await clients[0].query("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    await clients[0].query("INSERT INTO t VALUES (1, 0), (2, 0)");
    for (const [i, client] of clients.entries()) {
      await client.query("BEGIN");
      await client.query(`UPDATE t SET v = v + 1 WHERE id = ${i + 1}`);
    }
    const outcomes = await Promise.all(
      clients.map((client, i) =>
        errnoOf(client.query(`UPDATE t SET v = v + 1 WHERE id = ${2 - i}`)),
      ),
    );
    expect(outcomes.toSorted((a, b) => a - b)).toEqual([0, 1213]);
    for (const [i, client] of clients.entries()) {
      await client.query(outcomes[i] === 0 ? "COMMIT" : "ROLLBACK");
    }
    expect(await rows(clients[0], "SELECT v FROM t")).toEqual([{ v: 1 }, { v: 1 }]);
    await until(() => proxy.view.state(0).pools[0]?.idle === 2, { what: "both backends idle" });
    expect(await proxy.metric("sluice_database_connections_currently_in_transaction")).toBe(0);
  });
});
