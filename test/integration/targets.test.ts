import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Connection } from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { quoteText } from "../../local/sql-text.ts";
import type { ProxyEvent } from "../../proxy/observe/events.ts";
import { OwnServer } from "../support/own-server.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";
import { until } from "../support/until.ts";

function failuresIn(proxy: TestProxy): (ProxyEvent & { kind: "backend-failed" })[] {
  return proxy.events.filter((event) => event.kind === "backend-failed");
}

function stateOf(proxy: TestProxy): string | undefined {
  return proxy.view.state(0).targets[0]?.state;
}

async function one(client: Connection): Promise<unknown> {
  const [row] = await rows(client, "SELECT 1 AS one");
  return row?.["one"];
}

/** `many` clients each in a transaction for a moment: all of them get through. */
async function holdInTurn(proxy: TestProxy, many: number): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: many }, () => proxy.connect({ database: undefined as never })),
  );
  await Promise.all(
    clients.map(async (client) => {
      await client.query("BEGIN");
      await client.query("DO SLEEP(0.05)");
      await client.query("COMMIT");
    }),
  );
}

describe.each(ENGINES)("a user whom %s refuses", (engine) => {
  it("for its password gets 1045 at first use; the server is not asked again and again", async () => {
    const clock = new ShiftedClock();
    const target = await server(engine);
    const database = await target.database();
    const { user, password } = await target.user({ database });
    await using proxy = await startProxy(target, {
      database,
      clock,
      users: [{ user, password: "not the database's" }],
      spec: { pool: { connectionBorrowTimeout: 60 } },
    });
    const denied = { errno: 1045, sqlState: "28000" };
    await expect(proxy.connect()).rejects.toMatchObject(denied);
    const client = await proxy.connect({ database: undefined as never });
    const text = `Access denied for user '${user}'@'%' (using password: YES)`;
    for (let i = 0; i < 5; i++)
      await expect(client.query("SELECT 1")).rejects.toMatchObject({ ...denied, sqlMessage: text });
    expect(failuresIn(proxy).length).toBeLessThanOrEqual(2);
    expect(failuresIn(proxy)[0]).toMatchObject({ failure: "access-denied", errno: 1045, user });
    // Nobody waits, nobody tries.
    const tried = failuresIn(proxy).length;
    clock.advance(120_000);
    await until(() => proxy.view.state(0).pools.length === 0);
    expect(failuresIn(proxy).length).toBe(tried);
    await target.sql(`ALTER USER ${quoteText(user)}@'%' IDENTIFIED BY 'not the database''s'`);
    expect(await one(client)).toBe(1);
    expect([proxy.bugs, password === ""]).toEqual([[], false]);
  });

  it("for a lock gets the server's own words, and comes in once it is unlocked", async () => {
    const clock = new ShiftedClock();
    const target = await server(engine);
    await using proxy = await startProxy(target, { clock });
    const { user } = proxy.login;
    await target.sql(`ALTER USER ${quoteText(user)}@'%' ACCOUNT LOCK`);
    const client = await proxy.connect({ database: undefined as never });
    await expect(client.query("SELECT 1")).rejects.toMatchObject({
      errno: engine === "mysql" ? 3118 : 4151,
    });
    await target.sql(`ALTER USER ${quoteText(user)}@'%' ACCOUNT UNLOCK`);
    clock.advance(60_000);
    expect(await one(client)).toBe(1);
  });

  it("for too many connections of its own waits until there is one for it", async () => {
    const target = await server(engine);
    const database = await target.database();
    const user = await target.user({ database, clause: "WITH MAX_USER_CONNECTIONS 2" });
    await using proxy = await startProxy(target, { database, users: [user] });
    await holdInTurn(proxy, 10);
    expect(failuresIn(proxy)[0]).toMatchObject({ failure: "too-many-connections", errno: 1226 });
    expect(await proxy.metric("sluice_borrow_timeouts")).toBe(0);
    expect(proxy.bugs).toEqual([]);
  });

  it("for an init query that fails gets that error", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: { pool: { initQuery: "SET no_such_variable = 1" } },
    });
    const client = await proxy.connect({ database: undefined as never });
    await expect(client.query("SELECT 1")).rejects.toMatchObject({ errno: 1193 });
    await proxy.apply({ pool: { initQuery: "SET SESSION sql_mode = 'ANSI'" } });
    await until(() => one(client));
    expect(
      await rows(client, 'SELECT @@sql_mode LIKE "%ANSI%" AS one'.replaceAll('"', "'")),
    ).toEqual([{ one: 1 }]);
  });
});

describe.each(ENGINES)("a server of %s", (engine) => {
  it("that is away at the start lets clients wait; once it is there they are served, after a crash too", async () => {
    const clock = new ShiftedClock();
    await using own = await OwnServer.start(engine);
    const target = own.server;
    const database = await target.database();
    const user = await target.user({ database });
    await own.process.stop();
    await using proxy = await startProxy(target, {
      admin: true,
      available: false,
      clock,
      database,
      users: [user],
      spec: { pool: { connectionBorrowTimeout: 2 } },
    });
    const ready = async () => (await fetch(`${proxy.adminUrl}/readyz`)).status;
    expect(await ready()).toBe(503);
    await until(() => stateOf(proxy) === "UNAVAILABLE");
    clock.advance(3_000);
    const client = await proxy.connect({ database: undefined as never });
    await expect(client.query("SELECT 1")).rejects.toMatchObject({
      errno: 9501,
      sqlState: "HY000",
      sqlMessage: "Timed-out waiting to acquire database connection",
    });
    // A schema cannot be checked now: such a login waits as long, and fails in the same words.
    await expect(proxy.connect()).rejects.toMatchObject({ errno: 9501 });
    expect(await ready()).toBe(503);
    expect(await proxy.metric("sluice_borrow_timeouts")).toBe(2);
    expect(await proxy.metric("sluice_client_connections_setup_failed_auth")).toBe(0);
    await own.process.start();
    await until(async () => (await ready()) === 200);
    expect(await one(client)).toBe(1);
    const second = await proxy.connect();
    expect(await one(second)).toBe(1);

    for (const end of ["kill", "stop"] as const) {
      await own.process[end]();
      await until(() => stateOf(proxy) === "UNAVAILABLE");
      // New sessions are taken all the same: they wait for the server.
      expect(await ready()).toBe(200);
      const restarting = own.process.start();
      await restarting;
      await until(() => stateOf(proxy) === "AVAILABLE");
      expect([await one(client), await one(second)]).toEqual([1, 1]);
    }
    expect(proxy.bugs).toEqual([]);
    expect(proxy.view.state(9).sessionsTotal).toBe(2);
  });

  it("whose max_connections changes has its cap follow, and lets nobody fail at its limit", async () => {
    await using own = await OwnServer.start(engine, { "max-connections": 20 });
    const target = own.server;
    await using proxy = await startProxy(target, {
      spec: { pool: { maxConnectionsPercent: 50, connectionBorrowTimeout: 60 } },
    });
    const cap = () => proxy.view.state(0).targets[0]?.maxConnections;
    const allowed = () => proxy.metric("sluice_max_database_connections_allowed");
    await until(async () => cap() === 10 && (await allowed()) === 10);
    await target.sql("SET GLOBAL max_connections = 30");
    await until(async () => cap() === 15 && (await allowed()) === 15);
    expect(proxy.view.state(0).targets[0]?.serverMaxConnections).toBe(30);
    await target.sql("SET GLOBAL max_connections = 12");
    await proxy.apply({ pool: { maxConnectionsPercent: 100 } });
    await until(() => cap() === 12);
    // Others hold most of what the server has.
    const others = await Promise.all(Array.from({ length: 8 }, () => target.root()));
    await holdInTurn(proxy, 20);
    for (const other of others) other.destroy();
    expect(failuresIn(proxy).length).toBeGreaterThan(0);
    for (const { failure, errno } of failuresIn(proxy))
      expect([failure, errno]).toEqual(["too-many-connections", 1040]);
    expect(await proxy.metric("sluice_borrow_timeouts")).toBe(0);
    expect(proxy.bugs).toEqual([]);
  });
});

describe("a target that takes connections and says nothing", () => {
  it("is given up in time, by the monitor as by backends, and leaves no socket open", async () => {
    const clock = new ShiftedClock();
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    });
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const target = await server("mysql");
    await using proxy = await startProxy(target, {
      available: false,
      clock,
      spec: { target: { hosts: [`127.0.0.1:${port}`] }, pool: { connectionBorrowTimeout: 300 } },
    });
    await until(() => sockets.size === 1);
    clock.advance(3_000);
    const client = await proxy.connect({ database: undefined as never });
    const answer = client.query("SELECT 1").then(
      () => null,
      (error) => error,
    );
    await until(() => sockets.size === 2);
    clock.advance(11_000);
    await until(() => failuresIn(proxy).length > 0);
    expect(failuresIn(proxy)[0]).toMatchObject({ failure: "timeout" });
    expect(stateOf(proxy)).toBe("UNAVAILABLE");
    expect(proxy.view.state(0).targets[0]?.reason).toBe("UNREACHABLE");
    clock.advance(300_000);
    expect(await answer).toMatchObject({ errno: 9501 });
    await proxy.handle.stop();
    await until(() => sockets.size === 0);
    mute.close();
  });
});

describe("targets by their place in the list", () => {
  it("write where they are first and read where they are not; an endpoint without targets says so at once", async () => {
    await using own = await OwnServer.start("mysql");
    const [first, second] = [await server("mysql"), own.server];
    const { user, password } = await first.user({});
    await second.user({ user, password });
    const hosts = [first, second].map(({ host, port }) => `${host}:${port}`);
    const endpoints = [
      { name: "default", targetRole: "READ_WRITE", host: "127.0.0.1", port: 0 },
      { name: "reader", targetRole: "READ_ONLY", host: "127.0.0.1", port: 0 },
    ];
    await using proxy = await startProxy(first, {
      users: [{ user, password }],
      spec: { endpoints, target: { hosts } },
    });
    const login = { database: undefined as never };
    const writer = await proxy.connect(login);
    const reader = await proxy.connect({ ...login, port: proxy.portOf("reader") });
    const port = async (client: Connection) => (await rows(client, "SELECT @@port AS p"))[0]?.["p"];
    expect([await port(writer), await port(reader)]).toEqual([first.port, second.port]);
    const roles = proxy.view.state(0).targets.map(({ id, role }) => [id, role]);
    expect(roles).toEqual([
      [hosts[0], "READ_WRITE"],
      [hosts[1], "READ_ONLY"],
    ]);
    const opened = (role: string) =>
      proxy.metric("sluice_database_connections", { target_role: role });
    expect([await opened("READ_WRITE"), await opened("READ_ONLY")]).toEqual([1, 1]);

    // They change places: the clients stay, each with its endpoint's role.
    await proxy.apply({ target: { hosts: [...hosts].reverse() } });
    await until(() => proxy.view.state(0).targets.every(({ state }) => state === "AVAILABLE"));
    expect([await port(writer), await port(reader)]).toEqual([second.port, first.port]);
    await until(async () => (await opened("READ_WRITE")) === 1);
    // What they were before is not shown for ever.
    await until(async () => {
      const shown = await proxy.registry.getSingleMetric("sluice_database_connections")?.get();
      const series = shown?.values.map(
        ({ labels }) => `${labels["target_role"]} ${labels["target"]}`,
      );
      return series?.sort().join() === [`READ_ONLY ${hosts[0]}`, `READ_WRITE ${hosts[1]}`].join();
    });

    await proxy.apply({ target: { hosts: [hosts[1]] } });
    await expect(reader.query("SELECT 1")).rejects.toMatchObject({
      errno: 1105,
      sqlMessage: "The target group doesn't have any associated read-only instances",
    });
    expect(await port(writer)).toBe(second.port);
    expect(proxy.bugs).toEqual([]);
  });
});
