import { Readable } from "node:stream";
import type { Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENGINES, type Engine } from "../../local/engine.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { backendOf, errnoOf, one, sessionVariables } from "../support/session-probe.ts";
import { until } from "../support/until.ts";

interface Free {
  readonly title: string;
  readonly does: readonly (string | ((client: Connection) => Promise<unknown>))[];
  readonly only?: Engine;
}

/** What RDS Proxy does not pin on. */
const FREE: readonly Free[] = [
  ...[
    "SELECT 1",
    "SELECT * FROM shared",
    "SELECT @never_set",
    "SELECT LAST_INSERT_ID()",
    "SELECT RELEASE_LOCK('nobody has it')",
    "SELECT IS_FREE_LOCK('nobody has it'), IS_USED_LOCK('nobody has it')",
    "SHOW WARNINGS",
    "SHOW ERRORS",
    "SHOW COUNT(*) WARNINGS",
    "SHOW TABLES",
    "SELECT 1; SELECT 2",
    "SELECT /* plain */ 1 -- comment",
    "SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1",
    "EXPLAIN SELECT * FROM shared",
    "INSERT INTO shared (v) VALUES (7)",
    "UPDATE shared SET v = v + 1",
    "DELETE FROM shared WHERE v = 0",
    "REPLACE INTO shared (v) VALUES (7)",
    "SELECT * FROM shared FOR UPDATE",
    "CREATE TABLE made (i INT)",
    "ALTER TABLE made ADD j INT",
    "DROP TABLE made",
    "ANALYZE TABLE shared",
    "SET GLOBAL net_write_timeout = 60",
    "DO 1",
    "KILL QUERY 4000000000",
    "UNLOCK TABLES",
    "SET autocommit = 1",
  ].map((statement) => ({ title: statement, does: [statement] })),
  { title: "a transaction", does: ["BEGIN", "INSERT INTO shared (v) VALUES (1)", "COMMIT"] },
  {
    title: "a transaction that is rolled back to a savepoint",
    does: [
      "START TRANSACTION",
      "SAVEPOINT here",
      "INSERT INTO shared (v) VALUES (1)",
      "ROLLBACK TO here",
      "RELEASE SAVEPOINT here",
      "ROLLBACK",
    ],
  },
  {
    title: "a transaction that only reads",
    does: ["START TRANSACTION READ ONLY", "SELECT * FROM shared", "COMMIT"],
  },
  {
    title: "a transaction that DDL ends",
    does: ["BEGIN", "INSERT INTO shared (v) VALUES (1)", "CREATE TABLE ends (i INT)"],
  },
  {
    title: "autocommit off, with a commit",
    does: ["SET autocommit = 0", "INSERT INTO shared (v) VALUES (1)", "COMMIT"],
  },
  {
    title: "an XA transaction",
    does: ["XA START 'x'", "INSERT INTO shared (v) VALUES (1)", "XA END 'x'", "XA ROLLBACK 'x'"],
  },
  { title: "CALL of a procedure that sets everything", does: ["CALL sets_all()"] },
  { title: "a function that sets a user variable", does: ["SELECT sets_variable()"] },
  { title: "COM_PING", does: [(client) => client.ping()] },
  { title: "COM_RESET_CONNECTION", does: ["CALL sets_all()", (client) => client.reset()] },
  { title: "COM_CHANGE_USER", does: ["CALL sets_all()", (client) => client.changeUser({})] },
  {
    title: "LOAD DATA LOCAL",
    does: [
      (client) =>
        client.query({
          sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE shared (v)",
          infileStreamFactory: () => Readable.from([Buffer.from("1\n2\n3\n")]),
        }),
    ],
  },
  {
    title: "SET STATEMENT",
    does: ["SET STATEMENT max_statement_time = 10 FOR SELECT 1"],
    only: "mariadb",
  },
];

const PROCEDURE = `CREATE PROCEDURE sets_all() BEGIN
  SET @left_behind = 1;
  SET SESSION sql_mode = 'ANSI', SESSION time_zone = '+09:00', SESSION lock_wait_timeout = 7;
  CREATE TEMPORARY TABLE IF NOT EXISTS left_behind (i INT);
  DO GET_LOCK('left behind', 0);
  SELECT LAST_INSERT_ID(77);
END`;

/** The proxy may still ask the backend something after the answer is out. */
async function untilIdle(proxy: TestProxy, client: Connection): Promise<void> {
  const isIdle = () => {
    const session = proxy.session(client);
    return session?.state === "idle" && session.backend === null;
  };
  await until(isIdle, { what: "a session that holds no backend" });
}

describe.each(ENGINES)("sharing backends of %s", (engine) => {
  let target: TestServer;
  let proxy: TestProxy;
  let defaults: Record<string, string>;

  beforeAll(async () => {
    target = await server(engine);
    await target.sql("SET GLOBAL local_infile = ON");
    const users = [await target.user({ database: "*" })];
    proxy = await startProxy(target, { users, spec: { pool: { maxConnections: 1 } } });
    const straight = await proxy.connect({ host: target.host, port: target.port });
    for (const sql of [
      "CREATE TABLE shared (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
      "CREATE TABLE triggers (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
      "CREATE TRIGGER sets BEFORE INSERT ON triggers FOR EACH ROW SET @by_trigger = 1",
      "CREATE FUNCTION sets_variable() RETURNS INT NO SQL BEGIN SET @left_behind = 1; RETURN 1; END",
      PROCEDURE,
    ]) {
      await straight.query(sql).catch(async (error: { errno: number }) => {
        if (error.errno !== 1419) throw error; // Binary logging asks for trust.
        await target.sql("SET GLOBAL log_bin_trust_function_creators = 1");
        await straight.query(sql);
      });
    }
    defaults = await sessionVariables(straight);
    await straight.end();
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });

  async function expectNothingLeft(client: Connection): Promise<void> {
    expect(await sessionVariables(client)).toEqual(defaults);
    expect(await one(client, "SELECT DATABASE()")).toBe(proxy.database);
    expect(await one(client, "SELECT LAST_INSERT_ID()")).toBe(0);
    expect(await one(client, "SELECT @left_behind")).toBeNull();
    expect(await errnoOf(client.query("SELECT * FROM left_behind"))).toBe(1146);
    expect(await one(client, "SELECT IS_USED_LOCK('left behind')")).toBeNull();
    expect(await one(client, "SELECT @@in_transaction").catch(() => 0)).toBe(0);
  }

  const free = FREE.filter(({ only }) => only === undefined || only === engine);
  it.each(free.map((each) => [each.title, each] as const))("%s", async (_title, { does }) => {
    const [client, other] = [
      await proxy.connect({ multipleStatements: true }),
      await proxy.connect(),
    ];
    for (const step of does) {
      if (typeof step === "string") await errnoOf(client.query(step));
      else await step(client);
    }
    await untilIdle(proxy, client);
    await expectNothingLeft(other);
    expect(await backendOf(other)).toBe(await backendOf(client));
    await expectNothingLeft(await proxy.connect());
    expect(proxy.view.pins()).toEqual([]);
    expect(proxy.backends).toBe(1);
    expect(proxy.bugs).toEqual([]);
    await client.end();
  });

  it("carries untracked variables that SET LOCAL has set, to their session only", async () => {
    const [one77, one88, none] = [
      await proxy.connect(),
      await proxy.connect(),
      await proxy.connect(),
    ];
    await one77.query("SET LOCAL lock_wait_timeout = 77, LOCAL foreign_key_checks = 0");
    await one88.query("SET @@local.lock_wait_timeout = 88");
    const reads = "SELECT CONCAT(@@lock_wait_timeout, ' ', IF(@@foreign_key_checks, 1, 0))";
    for (let round = 0; round < 3; round++) {
      expect(await one(one77, reads)).toBe("77 0");
      expect(await one(one88, reads)).toBe("88 1");
      expect(await sessionVariables(none)).toEqual(defaults);
    }
    expect(proxy.view.pins()).toEqual([]);
    expect(proxy.backends).toBe(1);
  });

  it("leaves a procedure's settings to the session while nobody else has had the backend", async () => {
    const client = await proxy.connect();
    await client.query("CALL sets_all()");
    expect(await one(client, "SELECT @left_behind")).toBe(1);
    const other = await proxy.connect();
    await expectNothingLeft(other);
    await expectNothingLeft(client).catch(() => {}); // LAST_INSERT_ID() is the session's own.
    expect(await one(client, "SELECT @left_behind")).toBeNull();
  });

  it("does not see what a trigger sets, as RDS Proxy does not", async () => {
    const [client, other] = [await proxy.connect(), await proxy.connect()];
    await client.query("INSERT INTO triggers (v) VALUES (1)");
    await untilIdle(proxy, client);
    expect(await one(other, "SELECT @by_trigger")).toBe(1);
    await client.query("CALL sets_all()"); // Anything that is known to be unseen has it wiped off.
    expect(await one(other, "SELECT @by_trigger")).toBeNull();
  });

  it("tells LAST_INSERT_ID() of each session's own inserts", async () => {
    const clients = [await proxy.connect(), await proxy.connect(), await proxy.connect()] as const;
    await clients[0].query("INSERT INTO shared (v) VALUES (1), (2)");
    const first = await one(clients[0], "SELECT LAST_INSERT_ID()");
    await clients[1].query("INSERT INTO shared (id, v) VALUES (LAST_INSERT_ID(1000000), 1)");
    await clients[2].query("SELECT LAST_INSERT_ID(18446744073709551615)");
    for (let round = 0; round < 2; round++) {
      expect(await one(clients[0], "SELECT LAST_INSERT_ID()")).toBe(first);
      expect(await one(clients[1], "SELECT LAST_INSERT_ID()")).toBe(1_000_000);
      expect(await one(clients[2], "SELECT CAST(LAST_INSERT_ID() AS CHAR)")).toBe(
        "18446744073709551615",
      );
      expect(await one(clients[0], "SELECT @@last_insert_id = LAST_INSERT_ID()")).toBe(1);
    }
  });

  it("shows warnings to whom they belong", async () => {
    const [warned, other] = [await proxy.connect(), await proxy.connect()];
    const cut = "SELECT CAST('12 monkeys' AS SIGNED)";
    const refused = "INSERT INTO nowhere VALUES (1)";
    for (const [statement, code] of [
      [cut, 1292],
      [refused, 1146],
    ] as const) {
      await errnoOf(warned.query(statement));
      await other.query("SELECT 1");
      const [warnings] = await warned.query("SHOW WARNINGS");
      expect(warnings).toEqual([expect.objectContaining({ Code: code })]);
      const [none] = await other.query("SHOW WARNINGS");
      expect(none).toEqual([]);
    }
    await warned.query(cut);
    await warned.query("SELECT 1");
    await other.query("SELECT 1");
    const [none] = await other.query("SHOW WARNINGS");
    expect(none).toEqual([]);
  });

  describe("schemas", () => {
    it("follow USE, COM_INIT_DB and the login, each session its own", async () => {
      const [second, third] = [await target.database(), await target.database()];
      await target.sql(`ALTER DATABASE ${third} CHARACTER SET latin1`);
      const clients = [
        await proxy.connect(),
        await proxy.connect(),
        await proxy.connect({ database: third }),
        await proxy.connect({ database: "" }),
      ] as const;
      await clients[0].query(`USE ${second}`);
      await clients[1].query(`use \`${third}\``);
      const schemas = [second, third, third, null];
      for (let round = 0; round < 2; round++) {
        for (const [i, schema] of schemas.entries()) {
          expect(await one(clients[i]!, "SELECT DATABASE()")).toBe(schema);
          const letters = schema === third ? "latin1" : "utf8mb4";
          expect(await one(clients[i]!, "SELECT @@character_set_database")).toBe(letters);
        }
      }
      expect(await errnoOf(clients[0].query("USE nowhere_at_all"))).toBe(1049);
      expect(await one(clients[0], "SELECT DATABASE()")).toBe(second);
      expect(proxy.view.pins()).toEqual([]);
      expect(proxy.backends).toBe(1);
    });

    it("end with DROP DATABASE for who was in them, at once or at the next statement", async () => {
      const doomed = await target.database();
      const [inside, other] = [
        await proxy.connect({ database: doomed }),
        await proxy.connect({ database: doomed }),
      ];
      await inside.query(`DROP DATABASE ${doomed}`);
      expect(await one(inside, "SELECT DATABASE()")).toBeNull();
      expect(await errnoOf(other.query("SELECT * FROM t"))).toBeGreaterThan(0);
      expect(await one(await proxy.connect(), "SELECT DATABASE()")).toBe(proxy.database);
      expect(proxy.view.pins()).toEqual([]);
    });

    it("keep their character set when a session that was pinned leaves", async () => {
      const schema = await target.database();
      await target.sql(`ALTER DATABASE ${schema} CHARACTER SET latin1`);
      const pinned = await proxy.connect({ database: schema });
      await pinned.query("SET @left_behind = 1");
      await pinned.end();
      const client = await proxy.connect({ database: schema });
      expect(await one(client, "SELECT @@character_set_database")).toBe("latin1");
    });
  });
});

describe.each(ENGINES)("EXCLUDE_VARIABLE_SETS before %s", (engine) => {
  it("keeps every SET from pinning, and nothing leaks to others", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: { pool: { maxConnections: 1, sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"] } },
    });
    const straight = await proxy.connect({ host: target.host, port: target.port });
    const defaults = await sessionVariables(straight);
    const next = engine === "mysql" ? "@@transaction_isolation" : "@@tx_isolation";
    for (const statement of [
      "SET @left_behind = 1",
      "SET lock_wait_timeout = 77",
      "SET foreign_key_checks = 0, @left_behind = 2, time_zone = '+01:00'",
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
      "SET TRANSACTION READ ONLY",
      `SET ${next} = 'READ-COMMITTED'`,
      "SET ROLE NONE",
      "SET what is this",
      "SET STATEMENT",
    ]) {
      const client = await proxy.connect();
      await errnoOf(client.query(statement));
      await untilIdle(proxy, client);
      const other = await proxy.connect();
      expect(await one(other, "SELECT @left_behind"), statement).toBeNull();
      expect(await sessionVariables(other), statement).toEqual(defaults);
      await other.query("CREATE TABLE writable (i INT)");
      await other.query("DROP TABLE writable");
      await client.end();
      await other.end();
    }
    expect(proxy.view.pins()).toEqual([]);
    expect(proxy.backends).toBe(1);
    expect(proxy.bugs).toEqual([]);
  });

  it("leaves what is set and used in one transaction alone", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: { pool: { maxConnections: 1, sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"] } },
    });
    const client = await proxy.connect();
    await client.query("BEGIN");
    await client.query("SET @left_behind = 5, lock_wait_timeout = 99");
    expect(await one(client, "SELECT CONCAT(@left_behind, ' ', @@lock_wait_timeout)")).toBe("5 99");
    await client.query("COMMIT");
    await untilIdle(proxy, client);
  });

  it("does not keep anything else from pinning", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, {
      spec: { pool: { sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"] } },
    });
    for (const [statement, rule] of [
      ["SELECT @row := 1", "user-variable"],
      ["SELECT GET_LOCK('filtered', 0)", "get-lock"],
      ["CREATE TEMPORARY TABLE filtered (i INT)", "temp-table"],
      ["SET @a = GET_LOCK('filtered too', 0)", "get-lock"],
    ] as const) {
      const client = await proxy.connect();
      await client.query(statement);
      expect(proxy.session(client)?.state, statement).toBe("pinned");
      expect(proxy.view.pins().find(({ session }) => session === client.threadId)?.rule).toBe(rule);
    }
  });
});
