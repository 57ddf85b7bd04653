import type { Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENGINES, type Engine } from "../../local/engine.ts";
import { RULES } from "../../proxy/sql/rules.ts";
import type { PinRuleId } from "../../proxy/sql/verdict.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { backendOf, errnoOf, one, sessionVariables } from "../support/session-probe.ts";
import { until } from "../support/until.ts";

/** A value that must stay out of logs, digests and the admin API; as a number and as a text. */
const NUMBER = "424242";
const TEXT = "secret-value-77";

interface PinCase {
  readonly rule: PinRuleId;
  /** A statement, or what else the client does. */
  readonly does: string | ((client: Connection) => Promise<unknown>);
  readonly title?: string;
  /** Only where the syntax exists. */
  readonly only?: Engine;
  /** The server refuses it; the pin counts nevertheless. */
  readonly errno?: number;
}

const PINS: readonly PinCase[] = [
  {
    rule: "text-over-16k",
    title: "SELECT of 16,385 bytes",
    does: `SELECT '${TEXT}${"x".repeat(16_385 - 9 - TEXT.length)}'`,
  },
  {
    rule: "text-over-16k",
    title: "SELECT of 200,000 bytes",
    does: `SELECT '${TEXT}${"x".repeat(200_000)}'`,
  },
  {
    rule: "prepare-binary",
    title: "COM_STMT_PREPARE",
    does: (client) => client.execute(`SELECT ? AS v, '${TEXT}' AS w`, [NUMBER]),
  },
  { rule: "prepare-sql", does: `PREPARE left_behind FROM 'SELECT ${NUMBER}'` },
  { rule: "prepare-sql", does: "EXECUTE left_behind", errno: 1243 },
  { rule: "prepare-sql", does: "DEALLOCATE PREPARE left_behind", errno: 1243 },
  { rule: "prepare-sql", does: `EXECUTE IMMEDIATE 'SELECT ${NUMBER}'`, only: "mariadb" },
  { rule: "user-variable", does: `SET @left_behind = '${TEXT}'` },
  { rule: "user-variable", does: `SELECT @left_behind := ${NUMBER}` },
  { rule: "user-variable", does: `SELECT ${NUMBER} INTO @left_behind` },
  { rule: "untracked-variable", does: `SET sql_select_limit = ${NUMBER}` },
  { rule: "untracked-variable", does: "SET SESSION foreign_key_checks = 0" },
  { rule: "untracked-variable", does: `SET @@session.group_concat_max_len = ${NUMBER}` },
  { rule: "untracked-variable", does: `SET @@net_read_timeout = ${NUMBER}` },
  { rule: "untracked-variable", does: `SET autocommit = 1, lock_wait_timeout = ${NUMBER}` },
  { rule: "untracked-variable", does: "SET auto_increment_offset = 7" },
  { rule: "untracked-variable", does: "SET session_track_system_variables = '*'" },
  { rule: "untracked-variable", does: "SET ROLE NONE" },
  { rule: "next-txn-isolation", does: "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED" },
  { rule: "next-txn-isolation", does: "SET TRANSACTION READ ONLY" },
  {
    rule: "next-txn-isolation",
    does: "SET @@transaction_isolation = 'READ-COMMITTED'",
    only: "mysql",
  },
  { rule: "next-txn-isolation", does: "SET @@tx_isolation = 'READ-COMMITTED'", only: "mariadb" },
  { rule: "executable-comment", does: `SELECT /*! ${NUMBER} + */ 1` },
  { rule: "executable-comment", does: `SELECT 1 /*!50000 + ${NUMBER} */` },
  { rule: "executable-comment", does: `SELECT /*M! ${NUMBER} + */ 1`, only: "mariadb" },
  { rule: "temp-table", does: `CREATE TEMPORARY TABLE left_behind (i INT DEFAULT ${NUMBER})` },
  { rule: "temp-table", does: "CREATE TEMPORARY TABLE IF NOT EXISTS left_behind SELECT 1" },
  { rule: "lock-tables", does: "LOCK TABLES shared READ" },
  { rule: "lock-tables", does: "LOCK TABLE shared WRITE" },
  { rule: "lock-tables", does: "HANDLER shared OPEN" },
  { rule: "lock-tables", does: "FLUSH TABLES shared FOR EXPORT" },
  { rule: "lock-tables", does: "LOCK INSTANCE FOR BACKUP", only: "mysql" },
  { rule: "lock-tables", does: "BACKUP LOCK shared", only: "mariadb" },
  { rule: "flush-read-lock", does: "FLUSH TABLES WITH READ LOCK" },
  { rule: "flush-read-lock", does: "FLUSH TABLES shared WITH READ LOCK" },
  { rule: "get-lock", does: `SELECT GET_LOCK('${TEXT}', 0)` },
  { rule: "get-lock", does: `DO GET_LOCK('${TEXT}', 0)` },
  { rule: "found-rows", does: `SELECT SQL_CALC_FOUND_ROWS ${NUMBER} FROM shared LIMIT 1` },
  { rule: "found-rows", does: "SELECT FOUND_ROWS()" },
  { rule: "row-count", does: "SELECT ROW_COUNT()" },
  { rule: "unparsed", does: `SET what is this ${NUMBER}`, errno: 1064 },
  {
    rule: "unparsed",
    does: `BEGIN NOT ATOMIC SET @left_behind = ${NUMBER}; END`,
    only: "mariadb",
  },
];

function titleOf({ title, does }: PinCase): string {
  return title ?? (does as string);
}

it("covers every rule that pins", () => {
  const rules = Object.values(RULES).filter(({ kind }) => kind === "pin");
  expect(rules).toHaveLength(14);
  for (const engine of ENGINES) {
    const covered = PINS.filter(({ only }) => only === undefined || only === engine);
    expect(new Set(covered.map(({ rule }) => rule))).toEqual(new Set(rules.map(({ id }) => id)));
  }
});

describe.each(ENGINES)("pins before %s", (engine) => {
  let target: TestServer;
  let proxy: TestProxy;
  let defaults: Record<string, string>;

  beforeAll(async () => {
    target = await server(engine);
    const database = await target.database();
    await target.sql(`CREATE TABLE ${database}.shared (i INT) ENGINE=InnoDB`);
    const users = [await target.user({ database: "*" })];
    proxy = await startProxy(target, {
      admin: true,
      users,
      database,
      spec: { pool: { maxConnections: 1 } },
    });
    const straight = await proxy.connect({ host: target.host, port: target.port });
    defaults = await sessionVariables(straight);
    await straight.end();
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });

  const gauge = () => proxy.metric("sluice_database_connections_currently_session_pinned");
  const waiting = () =>
    until(() => proxy.view.state(0).waiters.some(({ count }) => count === 1), { what: "a waiter" });

  async function pinOf(client: Connection): Promise<Record<string, unknown> | undefined> {
    const answer = await fetch(`${proxy.adminUrl}/api/v1/pins`);
    const { pins } = (await answer.json()) as { pins: Record<string, unknown>[] };
    return pins.find(({ session }) => session === client.threadId);
  }

  /** Nothing of what any case leaves behind is there. */
  async function expectClean(client: Connection, preparedBefore: unknown): Promise<void> {
    expect(await sessionVariables(client)).toEqual(defaults);
    expect(await one(client, "SELECT DATABASE()")).toBe(proxy.database);
    expect(await one(client, "SELECT @left_behind")).toBeNull();
    expect(await errnoOf(client.query("SELECT * FROM left_behind"))).toBe(1146);
    expect(await errnoOf(client.query("HANDLER shared READ FIRST"))).toBe(1109);
    expect(await one(client, `SELECT IS_USED_LOCK('${TEXT}')`)).toBeNull();
    expect(await preparedStatements()).toEqual(preparedBefore);
    await target.sql(`INSERT INTO ${proxy.database}.shared VALUES (1)`);
  }

  const preparedStatements = async () =>
    (await target.sql("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'"))[0]?.["Value"];

  const cases = PINS.filter(({ only }) => only === undefined || only === engine);
  it.each(cases.map((each) => [each.rule, titleOf(each), each] as const))(
    "%s: %s",
    async (rule, _title, { does, errno = 0 }) => {
      const preparedBefore = await preparedStatements();
      const pinsBefore = await proxy.metric("sluice_pins_total", { rule });
      const startedAt = Date.now();
      const client = await proxy.connect({ multipleStatements: rule === "unparsed" });
      expect(await pinOf(client)).toBeUndefined();

      const done = typeof does === "string" ? client.query(does) : does(client);
      expect(await errnoOf(done)).toBe(errno);

      const pin = await pinOf(client);
      const stream = (client as unknown as { connection: { stream: { localPort: number } } })
        .connection.stream;
      expect(pin).toMatchObject({
        session: client.threadId,
        user: proxy.users[0]?.user,
        clientAddress: `127.0.0.1:${stream.localPort}`,
        endpoint: "default",
        target: `${target.host}:${target.port}`,
        rule,
        endedAt: null,
      });
      expect(Date.parse(String(pin?.["time"]))).toBeGreaterThanOrEqual(startedAt);
      expect(String(pin?.["reason"])).toContain(RULES[rule].reason);
      if (RULES[rule].hasDigest) expect(pin?.["reason"]).toContain(`Digest: "${pin?.["digest"]}".`);
      expect(String(pin?.["fix"])).toContain(RULES[rule].fix);
      expect(JSON.stringify(pin)).not.toContain(NUMBER);
      expect(JSON.stringify(pin)).not.toContain(TEXT);

      const line = proxy.lines.find((each) =>
        each.includes(`[clientConnection=${client.threadId}] The client session was pinned`),
      );
      expect(line).toBe(
        `${pin?.["time"]} [WARN] [proxyEndpoint=default] [clientConnection=${client.threadId}] The client session was pinned to the database connection [dbConnection=${pin?.["backend"]}] for the remainder of the session. The proxy can't reuse this connection until the session ends. Reason: ${pin?.["reason"]}`,
      );

      expect(await gauge()).toBe(1);
      expect(await proxy.metric("sluice_pins_total", { rule })).toBe(pinsBefore + 1);
      expect(proxy.session(client)).toMatchObject({ state: "pinned", backend: pin?.["backend"] });

      const backend = await backendOf(client);
      const other = await proxy.connect();
      const waits = backendOf(other);
      await waiting();
      expect(await backendOf(client)).toBe(backend);
      expect(await gauge()).toBe(1);

      await client.end();
      expect(await waits).toBe(backend);
      expect(await gauge()).toBe(0);
      await expectClean(other, preparedBefore);
      expect((await pinOf(client))?.["endedAt"]).not.toBeNull();
      expect(await pinOf(other)).toBeUndefined();
      expect(await proxy.metric("sluice_pins_total", { rule })).toBe(pinsBefore + 1);
      await other.end();
      expect(proxy.bugs).toEqual([]);
    },
  );

  it("keeps the pin when the statement is undone, and reports the first rule only", async () => {
    await using narrow = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await narrow.connect();
    await client.query("SELECT GET_LOCK('once', 0)");
    await client.query("SELECT RELEASE_LOCK('once')");
    await client.query("SET @later = 1");
    expect(narrow.view.pins().map(({ rule }) => rule)).toEqual(["get-lock"]);
    expect(narrow.session(client)?.state).toBe("pinned");
    expect(narrow.events.filter(({ kind }) => kind === "session-pinned")).toHaveLength(1);
  });

  it("ends with a change of user, and leaves nothing to the new one", async () => {
    await using narrow = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await narrow.connect();
    await client.query("SET @left_behind = 1");
    await client.changeUser({ ...narrow.users[0]! });
    expect(narrow.session(client)?.state).toBe("idle");
    expect(await one(client, "SELECT @left_behind")).toBeNull();
    expect(await one(client, "SELECT DATABASE()")).toBe(narrow.database);
    expect(narrow.view.pins()[0]?.endedAt).not.toBeNull();
    expect(await narrow.metric("sluice_database_connections_currently_session_pinned")).toBe(0);
  });

  it("stays through a reset of the connection, which wipes its backend off", async () => {
    await using narrow = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const client = await narrow.connect();
    await client.query("SET @left_behind = 1, SESSION lock_wait_timeout = 7");
    await client.reset();
    expect(await one(client, "SELECT @left_behind")).toBeNull();
    expect(await one(client, "SELECT DATABASE()")).toBe(narrow.database);
    expect(narrow.session(client)?.state).toBe("pinned");
    expect(narrow.view.pins()[0]?.endedAt).toBeNull();
  });

  it("leaves no schema behind that the session changed to while pinned", async () => {
    await using narrow = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    await target.sql(`GRANT ALL ON \`db\\_%\`.* TO \`${narrow.users[0]?.user}\``);
    const elsewhere = await target.database();
    const client = await narrow.connect();
    await client.query("SET @left_behind = 1");
    await client.query(`USE ${elsewhere}`);
    await client.end();
    const other = await narrow.connect();
    expect(await one(other, "SELECT DATABASE()")).toBe(narrow.database);
    expect(narrow.backends).toBe(1);
  });
});
