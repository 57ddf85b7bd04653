import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import type { Connection } from "mysql2/promise";
import mysql from "mysql2/promise";
import { afterEach, describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { METRICS, prometheusNameOf } from "../../proxy/observe/metric-table.ts";
import type { SessionState, StateView } from "../../proxy/observe/state-view.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";
import { until } from "../support/until.ts";

const HOUR_MS = 3_600_000;
const ssl = { rejectUnauthorized: false };

async function stateOf(proxy: TestProxy): Promise<StateView> {
  return (await (await fetch(`${proxy.adminUrl}/api/v1/state`)).json()) as StateView;
}

describe("the state of a proxy", () => {
  it("shows each session in its phase", async () => {
    const target = await server("mysql");
    await using proxy = await startProxy(target, {
      admin: true,
      spec: { pool: { maxConnections: 3, connectionBorrowTimeout: 60 } },
    });
    const stateIs = (client: Connection, wanted: SessionState) =>
      until(
        async () =>
          (await stateOf(proxy)).sessions.find(({ id }) => id === client.threadId)?.state ===
          wanted,
        { what: wanted },
      );
    const idle = await proxy.connect();
    await stateIs(idle, "idle");
    const silent = connect({ host: proxy.host, port: proxy.port });
    await once(silent, "data");
    expect((await stateOf(proxy)).sessions.map(({ state }) => state)).toContain("logging-in");
    silent.destroy();
    const inTransaction = await proxy.connect();
    await inTransaction.query("BEGIN");
    await stateIs(inTransaction, "in-transaction");
    const pinned = await proxy.connect();
    await pinned.query("SET @a = 1");
    await stateIs(pinned, "pinned");
    const running = await proxy.connect();
    const slow = running.query("SELECT SLEEP(2)");
    await stateIs(running, "running");
    const waiting = await proxy.connect({ database: undefined as never });
    const waited = waiting.query("SELECT 1");
    await stateIs(waiting, "waiting");
    const state = await stateOf(proxy);
    expect(state).toMatchObject({
      proxyName: "tested",
      version: "0.0.0-test",
      pinning: "rds",
      draining: false,
      sessionsTotal: 5,
      endpoints: [{ name: "default", targetRole: "READ_WRITE", clientConnections: 5 }],
      targets: [
        { role: "READ_WRITE", state: "AVAILABLE", serverMaxConnections: 2_000, maxConnections: 3 },
      ],
      pools: [{ user: proxy.login.user, open: 3, idle: 0, lent: 3, pinned: 1, inTransaction: 1 }],
    });
    const waiters = state.waiters.find(({ role }) => role === "READ_WRITE");
    expect(waiters?.count).toBe(1);
    expect(waiters?.oldestWaitMs).toBeGreaterThanOrEqual(0);
    const shown = state.sessions.find(({ id }) => id === pinned.threadId);
    expect(shown).toMatchObject({ user: proxy.login.user, schema: proxy.database, tls: false });
    expect(shown?.backend).toBeGreaterThan(0);
    await Promise.all([slow, waited]);
    await stateIs(waiting, "idle");
    await inTransaction.query("COMMIT");
    await stateIs(inTransaction, "idle");
    expect((await stateOf(proxy)).waiters.map(({ count }) => count)).toEqual([0, 0]);
  });
});

describe("the metrics of a proxy", () => {
  it("are those of the list, with their labels, and count what was done", async () => {
    const clock = new ShiftedClock();
    const target = await server("mysql");
    await using proxy = await startProxy(target, { clock, admin: true });
    const read = (name: string, labels = {}) => proxy.metric(`sluice_${name}`, labels);
    const plain = await proxy.connect();
    const secure = await proxy.connect({ ssl });
    await expect(proxy.connect({ password: "wrong" })).rejects.toThrow();
    for (let i = 0; i < 3; i++) await plain.query("SELECT 1; ".trim().slice(0, -1));
    await secure.query("SELECT SLEEP(0.05)");
    await secure.query("BEGIN");
    await secure.query("SELECT 1");
    await plain.query("SET @pinned = 1");
    await plain.execute("SELECT ? AS n", [1]);
    const id = `${target.host}:${target.port}`;
    const client = { proxy_name: "tested", endpoint_name: "default" };
    const backend = {
      proxy_name: "tested",
      target_group: "default",
      target: id,
      target_role: "READ_WRITE",
    };
    const wanted: [string, Record<string, string>, number][] = [
      ["client_connections", client, 2],
      ["client_connections_closed", client, 1],
      ["client_connections_in_setup", client, 0],
      ["client_connections_no_tls", client, 1],
      ["client_connections_tls", client, 1],
      ["client_connections_received", client, 3],
      ["client_connections_setup_failed_auth", client, 1],
      ["client_connections_setup_succeeded", client, 2],
      ["query_requests", client, 8],
      ["query_requests_tls", client, 3],
      ["query_requests_no_tls", client, 5],
      ["sessions_waiting", client, 0],
      ["borrow_timeouts", client, 0],
      ["client_connections_refused", client, 0],
      ["database_connections", backend, 2],
      ["database_connections_with_tls", backend, 0],
      ["database_connections_currently_borrowed", backend, 2],
      ["database_connections_currently_in_transaction", backend, 1],
      ["database_connections_currently_session_pinned", backend, 1],
      ["database_connection_requests", backend, 2],
      ["database_connection_requests_with_tls", backend, 0],
      ["database_connections_setup_succeeded", backend, 2],
      ["database_connections_setup_failed", backend, 0],
      ["max_database_connections_allowed", backend, 2_000],
      ["pins_total", { proxy_name: "tested", rule: "user-variable" }, 1],
    ];
    await until(async () => (await read("client_connections_closed")) === 1);
    for (const [name, labels, value] of wanted)
      expect([name, await read(name, labels)]).toEqual([name, value]);
    const text = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    for (const { name } of METRICS)
      expect(text, name).toContain(`# TYPE ${prometheusNameOf(name)} `);
    const sampleOf = (series: string) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${series} `))
          ?.split(" ")
          .at(-1),
      );
    const byClient = '{proxy_name="tested",endpoint_name="default"}';
    // A PREPARE has an answer, too, and is no request.
    expect(sampleOf(`sluice_query_response_latency_count${byClient}`)).toBe(9);
    expect(sampleOf(`sluice_query_response_latency_sum${byClient}`)).toBeGreaterThan(50_000);
    expect(sampleOf(`sluice_query_response_latency_sum${byClient}`)).toBeLessThan(30_000_000);
    expect(sampleOf(`sluice_query_database_response_latency_count${byClient}`)).toBe(9);
    const borrowed = sampleOf(`sluice_database_connections_borrow_latency_count${byClient}`);
    expect(borrowed).toBeGreaterThanOrEqual(6);
    const byTarget = `{proxy_name="tested",target_group="default",target="${id}",target_role="READ_WRITE"}`;
    expect(sampleOf(`sluice_query_database_response_latency_count${byTarget}`)).toBe(9);
    expect(text).not.toContain('target_role="READ_ONLY"');
    // Since the proxy has known its target, it has been there.
    const available = await until(async () => (await read("availability_percentage")) || null);
    expect(available).toBe(100);

    await plain.end();
    secure.destroy();
    await until(async () => (await read("database_connections_currently_borrowed")) === 0);
    for (const state of ["borrowed", "in_transaction", "session_pinned"])
      expect(await read(`database_connections_currently_${state}`), state).toBe(0);
    expect(await read("client_connections")).toBe(0);
    expect(await read("client_connections_tls")).toBe(0);
    expect(proxy.bugs).toEqual([]);
  });
});

describe("the events of a proxy", () => {
  it("tell what happens, as it happens, and no statement unless asked", async () => {
    await using proxy = await startProxy(await server("mysql"), { admin: true });
    const response = await fetch(`${proxy.adminUrl}/api/v1/events`);
    const seen: { kind: string; data: Record<string, unknown> }[] = [];
    const lines = createInterface({ input: Readable.fromWeb(response.body as never) });
    lines.on("line", (line) => {
      if (line.startsWith("event: ")) seen.push({ kind: line.slice(7), data: {} });
      if (line.startsWith("data: ")) seen.at(-1)!.data = JSON.parse(line.slice(6));
    });
    const told = (kind: string, fields: Record<string, unknown>) =>
      until(
        () => {
          const found = seen.filter((event) => event.kind === kind).at(-1);
          if (found === undefined) return false;
          expect(found.data).toMatchObject(fields);
          return true;
        },
        { what: kind },
      );
    const client = await proxy.connect();
    const session = client.threadId;
    const { user } = proxy.login;
    await told("client-connected", {
      endpoint: "default",
      session,
      clientAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      message: expect.stringMatching(/^A new client connected from 127\.0\.0\.1:\d+\.$/),
    });
    await told("client-logged-in", { session, user, tls: false, schema: proxy.database });
    await told("backend-opened", { user, tls: false });
    await client.query("SET @secret = 'hunter2'");
    await told("session-pinned", { session, user, rule: "user-variable" });
    expect(seen.map(({ kind }) => kind)).not.toContain("statement-served");
    proxy.bus.wantsStatements = true;
    await client.query("SELECT 'hunter2', SLEEP(0.02)");
    await told("statement-served", {
      session,
      digest: "SELECT ? , `SLEEP` (?) .",
      backend: expect.any(Number),
      us: expect.any(Number),
    });
    const { us } = seen.at(-1)!.data;
    expect(us).toBeGreaterThanOrEqual(20_000);
    const [found] = await client.execute("SELECT ? AS answer", ["hunter2"]);
    expect(found).toEqual([{ answer: "hunter2" }]);
    proxy.bus.wantsStatements = false;
    await client.end();
    await told("client-closed", { session, reason: "client-quit", user });
    await told("backend-reset", {});
    await expect(proxy.connect({ password: "wrong" })).rejects.toThrow();
    await told("client-login-failed", { user, failure: "wrong-password", tls: false });
    expect(JSON.stringify(seen)).not.toContain("hunter2");
    lines.close();
  });
});

describe("limits", () => {
  const extra: Connection[] = [];
  afterEach(() => {
    for (const client of extra.splice(0)) client.destroy();
  });

  it("on client connections refuse with 1040 in RDS Proxy's words, and end when one leaves", async () => {
    await using proxy = await startProxy(await server("mysql"), {
      spec: { limits: { maxClientConnections: 2 } },
    });
    const clients = [await proxy.connect(), await proxy.connect()];
    await expect(proxy.connect()).rejects.toMatchObject({
      errno: 1040,
      sqlMessage: "Number simultaneous connections exceeded (2)",
    });
    const [program, ...given] = (await server("mysql")).client ?? [];
    if (program !== undefined) {
      const address = ["--host=127.0.0.1", `--port=${proxy.port}`, "--protocol=TCP", "--user=x"];
      const args = [...given, "--no-defaults", ...address, "--execute=DO 1"];
      const { stderr } = await promisify(execFile)(program, args).catch((error) => error);
      expect(stderr).toContain("ERROR 1040 (HY000): Number simultaneous connections exceeded (2)");
    }
    const refused = await proxy.metric("sluice_client_connections_refused");
    expect(refused).toBe(program === undefined ? 1 : 2);
    await clients[0]!.end();
    await until(() => proxy.view.state(0).sessionsTotal === 1);
    await proxy.connect();
    expect(await proxy.metric("sluice_client_connections_refused")).toBe(refused);
    expect(await proxy.metric("sluice_client_connections")).toBe(2);
    expect(proxy.lines.join("\n")).toContain("Number simultaneous connections exceeded (2).");
  });

  it("on the rate of connections refuse with 1040 until the second is over", async () => {
    // A clock that stands, so that no second begins in between.
    let now = 5_000_000;
    const clock = { epochMs: () => now, monotonicMs: () => now };
    await using proxy = await startProxy(await server("mysql"), {
      clock,
      available: false,
      spec: { limits: { maxConnectionRate: 3 } },
    });
    await until(() => {
      now += 50;
      return proxy.view.ready().ready;
    });
    now = 6_000_000;
    const login = { ...proxy.login, database: undefined as never };
    for (let i = 0; i < 3; i++) extra.push(await mysql.createConnection(login));
    await expect(mysql.createConnection(login)).rejects.toMatchObject({
      errno: 1040,
      sqlMessage: "Connections rate limit exceeded (3)",
    });
    now += 1_000;
    extra.push(await mysql.createConnection(login));
  });

  it("on the life of clients and backends are 24 hours", async () => {
    const clock = new ShiftedClock();
    await using proxy = await startProxy(await server("mysql"), {
      clock,
      spec: { idleClientTimeout: 28_800 },
    });
    const client = await proxy.connect();
    const backendId = async () => (await rows(client, "SELECT CONNECTION_ID() AS id"))[0]?.["id"];
    const first = await backendId();
    for (let hours = 0; hours < 22; hours += 2) {
      clock.advance(2 * HOUR_MS);
      expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
    expect(await backendId()).toBe(first);
    clock.advance(3 * HOUR_MS);
    await until(() => proxy.view.state(0).sessionsTotal === 0);
    await expect(client.query("SELECT 1")).rejects.toThrow();
    expect(proxy.lines.join("\n")).toContain("reached its maximum lifetime of 24 hours");
    clock.advance(3 * HOUR_MS);
    await until(() => proxy.backends === 0);
    expect(proxy.lines.join("\n")).toContain("The connection reached its maximum lifetime.");
  });

  it("on idleness count from the end of the last request, pings included", async () => {
    const clock = new ShiftedClock();
    await using proxy = await startProxy(await server("mysql"), {
      clock,
      spec: { idleClientTimeout: 60 },
    });
    const [pinging, holding, silent] = [
      await proxy.connect(),
      await proxy.connect(),
      await proxy.connect(),
    ];
    await holding.query("BEGIN");
    await holding.query("SELECT 1");
    for (let i = 0; i < 3; i++) {
      clock.advance(40_000);
      await pinging.ping();
    }
    await until(() => proxy.view.state(0).sessionsTotal === 1);
    expect(await rows(pinging, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(silent.query("SELECT 1")).rejects.toThrow();
    await until(
      async () => (await proxy.metric("sluice_database_connections_currently_borrowed")) === 0,
    );
    expect(await proxy.metric("sluice_database_connections_currently_in_transaction")).toBe(0);
  });
});
