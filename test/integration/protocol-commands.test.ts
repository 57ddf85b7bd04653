import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { BackendLogin } from "../../proxy/auth/client-exchange.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeChangeUser } from "../../proxy/wire/change-user.ts";
import { Command } from "../../proxy/wire/command.ts";
import { ResponseShape } from "../../proxy/wire/response-walker.ts";
import { commandBytes, number4, type RawClient } from "../support/raw-client.ts";
import { frame } from "../support/response-samples.ts";
import { server } from "../support/servers.ts";
import { SideBySide } from "../support/side-by-side.ts";
import { until } from "../support/until.ts";

const { DEPRECATE_EOF, SESSION_TRACK, OPTIONAL_RESULTSET_METADATA, QUERY_ATTRIBUTES } = Capability;

const FLAGS: readonly (readonly [name: string, flags: number])[] = [
  ["plain", 0],
  ["without EOF packets", DEPRECATE_EOF],
  ["with session tracking", SESSION_TRACK | DEPRECATE_EOF],
  [
    "with all of it",
    DEPRECATE_EOF | SESSION_TRACK | OPTIONAL_RESULTSET_METADATA | QUERY_ATTRIBUTES,
  ],
  [
    "with all of it but DEPRECATE_EOF",
    SESSION_TRACK | OPTIONAL_RESULTSET_METADATA | QUERY_ATTRIBUTES,
  ],
];

/** Logs in anew on an open connection. Returns the last packet. */
async function changeUser(
  client: RawClient,
  login: { user: string; password: string; database?: string },
): Promise<Buffer> {
  const { plugin, nonce } = client.greeting;
  const { user, password, database = "" } = login;
  const options = { password, secure: false, publicKey: null, mayAskForPublicKey: true };
  const exchange = new BackendLogin({ plugin, nonce, ...options });
  const { authResponse, plugin: named } = exchange.first();
  const request = {
    user,
    authResponse,
    schema: database,
    charset: 45,
    plugin: named,
    attributes: Buffer.alloc(0),
  };
  const body = encodeChangeUser(request, client.capabilities);
  client.send(frame(body, 0));
  for (;;) {
    const header = await client.take(4);
    const payload = await client.take(header.readUIntLE(0, 3));
    const step = exchange.receive(payload);
    if (step.kind === "send") client.send(frame(step.payload, (header[3]! + 1) & 255));
    else if (step.kind !== "wait") return payload;
  }
}

describe.each(ENGINES)("commands through a proxy to %s", (engine) => {
  it.each(FLAGS)("are answered as the server answers them (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(
      async (client, note) => {
        const queries = [
          "SELECT 1",
          "SELECT 1, 'two', NULL, '' FROM DUAL WHERE 1 = 0",
          "SELECT REPEAT('x', 70000) AS wide, 2 AS two",
          "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), note TEXT)",
          "INSERT INTO t (name) VALUES ('a'), ('b'), ('c')",
          "SELECT * FROM t ORDER BY id",
          "UPDATE t SET name = 'z' WHERE id > 1",
          "SELECT nothing FROM nowhere",
          "SELEKT",
          "",
          "SELECT 1; SELECT 2, 3; INSERT INTO t (name) VALUES ('d'); SELECT COUNT(*) FROM t",
          "SELECT 1; SELEKT 2; SELECT 3",
          "SELECT 1 UNION ALL SELECT (SELECT 1 UNION ALL SELECT 2)",
          "DELETE FROM t",
          "START TRANSACTION",
          "INSERT INTO t (name) VALUES ('e')",
          "ROLLBACK",
          "DO 1",
          "EXPLAIN SELECT 1",
          "SHOW TABLES",
          "DROP TABLE t",
        ];
        for (const sql of queries) note(sql, await client.query(sql));
        client.command(Command.PING);
        note("ping", await client.answer());
        client.command(Command.INIT_DB, "information_schema");
        note("another schema", await client.answer());
        note("which", await client.query("SELECT DATABASE()"));
        client.command(Command.INIT_DB, "no_such_schema_anywhere");
        note("a schema that is none", await client.answer());
        client.command(Command.INIT_DB, "");
        note("no schema", await client.answer());
        note("still", await client.query("SELECT DATABASE()"));
      },
      { with: flags },
    );
  });

  it.each(FLAGS)("work with sets of fields, options and processes (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(
      async (client, note) => {
        await client.query("CREATE TABLE IF NOT EXISTS f (id INT DEFAULT 7, name VARCHAR(20))");
        client.command(Command.FIELD_LIST, "f\0%");
        note("fields", await client.answer(ResponseShape.FIELD_LIST));
        client.command(Command.FIELD_LIST, "none\0%");
        note("fields of nothing", await client.answer(ResponseShape.FIELD_LIST));
        // A server repeats the last statement's count of warnings here, which a backend of a pool need not have.
        note("a statement without warnings", await client.query("DO 1"));
        client.command(Command.SET_OPTION, Buffer.from([1, 0]));
        note("multi-statements off", await client.answer());
        note("two statements", await client.query("SELECT 1; SELECT 2"));
        note("again one without", await client.query("DO 1"));
        client.command(Command.SET_OPTION, Buffer.from([0, 0]));
        note("multi-statements on", await client.answer());
        note("two statements again", await client.query("SELECT 1; SELECT 2"));
        client.command(Command.SET_OPTION, Buffer.from([9, 0]));
        note("an option that is none", await client.answer());
        client.command(Command.STATISTICS);
        const { bytes } = await client.answer(ResponseShape.TEXT);
        note("statistics", bytes.toString("latin1", 4).replace(/[\d.]+/g, "#"));
        client.command(Command.PROCESS_INFO);
        note("processes", (await client.answer()).error?.errno ?? "shown");
        client.command(Command.DEBUG);
        note("debug", (await client.answer()).error?.errno ?? "done");
        client.command(Command.REFRESH, Buffer.from([1]));
        note("refresh", (await client.answer()).error?.errno ?? "done");
        note("alive", await client.query("SELECT 'alive'"));
      },
      { with: flags },
    );
  });

  it("are refused where they are unknown, and leave the session as it was", async () => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(async (client, note) => {
      for (const code of [0x00, 0x05, 0x06, 0x0b, 0x0f, 0x10, 0x1d, 0x42, 0xc0, 0xff]) {
        client.command(code, "abc");
        const { error } = await client.answer();
        note(`command ${code}`, `${error?.errno} ${error?.sqlState} ${error?.message}`);
      }
      note("alive", await client.query("SELECT 1"));
    });
  });

  it("are refused in clear words where they would make a replica of the client", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client();
    const { BINLOG_DUMP, BINLOG_DUMP_GTID, REGISTER_SLAVE, TABLE_DUMP, CLONE } = Command;
    for (const code of [BINLOG_DUMP, BINLOG_DUMP_GTID, REGISTER_SLAVE, TABLE_DUMP, CLONE]) {
      client.command(code, Buffer.alloc(20));
      const { error } = await client.answer();
      expect(error).toMatchObject({ errno: 1235, sqlState: "42000" });
      expect(error!.message).toContain("replication");
    }
    expect(await client.rows("SELECT 1")).toEqual([["1"]]);
  });

  it("reset a session to its beginning, pinned or not", async () => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(async (client, note) => {
      for (const before of [
        "SET @x = 5",
        "SET NAMES latin1",
        "START TRANSACTION",
        "SET SESSION sql_mode = ''",
      ]) {
        await client.query(before);
        client.command(Command.RESET_CONNECTION);
        note(`reset after ${before}`, await client.answer());
        note(
          "state",
          await client.query("SELECT @x, @@character_set_client, @@sql_mode, DATABASE()"),
        );
      }
    });
  });

  it("change the user, with the new one's rights and schema", async () => {
    const target = await server(engine);
    const database = await target.database();
    const first = await target.user({ database });
    const second = await target.user({ database });
    await using sides = await SideBySide.start(target, { database, users: [first, second] });
    await sides.compare(async (client, note) => {
      await client.query("SET @x = 5");
      note("changed", (await changeUser(client, second))[0]!);
      const [row] = await client.rows("SELECT CURRENT_USER(), DATABASE(), @x");
      note("state", JSON.stringify(row));
      note("with a schema", (await changeUser(client, { ...first, database }))[0]!);
      const [again] = await client.rows("SELECT CURRENT_USER(), DATABASE()");
      note("state", JSON.stringify(again));
    });
    const client = await sides.client();
    const denied = await changeUser(client, { ...second, password: "wrong" });
    expect([denied[0], denied.readUInt16LE(1)]).toEqual([0xff, 1045]);
    await client.ended();
    const idle = await sides.client();
    const unknown = await changeUser(idle, { ...second, database: "no_such_schema" });
    expect([unknown[0], [1044, 1049]]).toEqual([
      0xff,
      expect.arrayContaining([unknown.readUInt16LE(1)]),
    ]);
  });

  it("may come in one piece, in any pieces, or byte by byte", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const commands = [
      commandBytes(Command.QUERY, "SELECT 1"),
      commandBytes(Command.PING),
      commandBytes(Command.QUERY, "SELECT REPEAT('y', 100000)"),
      commandBytes(Command.RESET_CONNECTION),
      commandBytes(Command.QUERY, "SET NAMES latin1"),
      commandBytes(Command.QUERY, "SELECT @@character_set_client, @@collation_connection"),
      commandBytes(Command.INIT_DB, "information_schema"),
      commandBytes(Command.QUERY, "SELECT DATABASE()"),
      commandBytes(Command.QUERY, "SELEKT"),
      commandBytes(Command.QUERY, "SELECT 'last'"),
    ];
    const all = Buffer.concat(commands);
    const pieces = [all.length, 1, 2, 3, 5, 7, 64];
    for (const size of pieces) {
      await sides.compare(async (client, note) => {
        for (let at = 0; at < all.length; at += size) {
          client.send(all.subarray(at, at + size));
          // Let the bytes leave in packets of their own.
          if (at % (size * 8) === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        for (const i of commands.keys()) note(`answer ${i}`, await client.answer());
      });
    }
  });

  it("are answered in order when hundreds are sent ahead", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client();
    const count = 3_000;
    client.send(
      Buffer.concat(
        Array.from({ length: count }, (_, i) =>
          commandBytes(Command.QUERY, `SELECT ${i}, '${"x".repeat(i % 100)}'`),
        ),
      ),
    );
    for (let i = 0; i < count; i++) {
      const { payloads } = await client.answer();
      expect(payloads.at(-2)?.toString("latin1")).toContain(String(i));
    }
  });

  it("with a wrong sequence or no content end the connection with the reason", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const wrong = await sides.client();
    wrong.send(frame(Buffer.from("\x03SELECT 1"), 3));
    expect((await wrong.answer()).error).toMatchObject({ errno: 1156, sqlState: "08S01" });
    await wrong.ended();
    const empty = await sides.client();
    empty.send(Buffer.from([0, 0, 0, 0]));
    expect((await empty.answer()).error).toMatchObject({ errno: 1835 });
    await empty.ended();
    const long = await sides.client();
    long.send(commandBytes(Command.PING, Buffer.alloc(100_000)).subarray(0, 70_000));
    expect((await long.answer()).error).toMatchObject({ errno: 1835 });
    await long.ended();
  });

  it("kill by the id that the proxy's greeting gave: what runs, idles or waits", async () => {
    await using sides = await SideBySide.start(await server(engine), {
      spec: { pool: { maxConnections: 2, connectionBorrowTimeout: 30 } },
    });
    const killer = await sides.client();
    const victim = await sides.client();
    const slow = "SELECT SLEEP(60) FROM (SELECT 1 UNION ALL SELECT 2) AS two";

    const states = () => sides.proxy.view.state(100).sessions;
    const isIn = (client: RawClient, state: string) =>
      until(
        () => states().some((each) => each.id === client.connectionId && each.state === state),
        {
          what: `the session ${state}`,
        },
      );

    const interrupted = victim.query(slow);
    await isIn(victim, "running");
    expect((await killer.query(`KILL QUERY ${victim.connectionId}`)).error).toBeNull();
    const { error, payloads } = await interrupted;
    // A sleep that is interrupted returns 1 rather than an error, unless more is to be done.
    if (error !== null) expect(error.errno).toBe(1317);
    else expect(payloads.length).toBeGreaterThan(1);
    expect(await victim.rows("SELECT 1")).toEqual([["1"]]);

    expect((await killer.query(`KILL QUERY ${victim.connectionId}`)).error).toBeNull();
    expect(await victim.rows("SELECT 2")).toEqual([["2"]]);

    // The pool is taken: one more waits.
    const first = await sides.client();
    const second = await sides.client();
    await first.query("START TRANSACTION");
    await second.query("START TRANSACTION");
    const waiting = victim.query("SELECT 3");
    await isIn(victim, "waiting");
    expect((await killer.query(`KILL QUERY ${victim.connectionId}`)).error).toBeNull();
    expect((await waiting).error).toMatchObject({ errno: 1317, sqlState: "70100" });
    const waitsAgain = victim.query("SELECT 4");
    await isIn(victim, "waiting");
    killer.command(Command.PROCESS_KILL, number4(victim.connectionId));
    expect((await killer.answer()).error).toBeNull();
    await expect(waitsAgain).rejects.toThrow(/closed/);
    await first.query("COMMIT");
    await second.query("COMMIT");

    const idle = await sides.client();
    expect((await killer.query(`KILL ${idle.connectionId}`)).error).toBeNull();
    await idle.ended();

    const runs = await sides.client();
    const dying = runs.query(slow).catch(() => null);
    await isIn(runs, "running");
    killer.command(Command.PROCESS_KILL, number4(runs.connectionId));
    expect((await killer.answer()).error).toBeNull();
    await dying;
    await runs.ended();

    expect((await killer.query(`KILL QUERY ${killer.connectionId}`)).error).toMatchObject({
      errno: 1317,
    });
    expect((await killer.query("KILL QUERY 4294967295")).error).toMatchObject({ errno: 1094 });
    expect((await killer.query(`KILL ${killer.connectionId}`)).error).toMatchObject({
      errno: 1317,
    });
    await killer.ended();
    await until(() => sides.proxy.view.state(100).sessions.length === 2, {
      what: "two sessions left",
    });
    expect(sides.proxy.bugs).toEqual([]);
  });

  it("do not kill sessions of other users", async () => {
    const target = await server(engine);
    const database = await target.database();
    const users = [await target.user({ database }), await target.user({ database })];
    await using sides = await SideBySide.start(target, { database, users });
    const mine = await sides.client();
    const theirs = await sides.client({ ...users[1]! });
    expect((await mine.query(`KILL ${theirs.connectionId}`)).error).toMatchObject({ errno: 1095 });
    const slow = theirs.query("SELECT SLEEP(2)");
    await until(() => sides.proxy.view.state(9).sessions.some(({ state }) => state === "running"));
    expect((await mine.query(`KILL QUERY ${theirs.connectionId}`)).error).toMatchObject({
      errno: 1095,
    });
    expect((await slow).error).toBeNull();
  });
});
