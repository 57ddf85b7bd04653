import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { Command } from "../../proxy/wire/command.ts";
import { commandBytes, type RawClient } from "../support/raw-client.ts";
import { server } from "../support/servers.ts";
import { SideBySide } from "../support/side-by-side.ts";
import { until } from "../support/until.ts";

const SLEEPS = "SELECT SLEEP(50) FROM (SELECT 1 UNION ALL SELECT 2) AS two";
const ROWS = Array.from({ length: 12 }, (_, i) => `SELECT ${i}`).join(" UNION ALL ");
const LARGE = `SELECT REPEAT('z', 3000000) FROM (${ROWS}) AS rows_`;

/** Statements of this user that run on the server. */
async function running(sides: SideBySide): Promise<number> {
  const found = await sides.server.sql(
    `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = '${sides.user.user}' AND COMMAND = 'Query'`,
  );
  return Number(found[0]!["n"]);
}

async function isRunning(sides: SideBySide, count: number): Promise<void> {
  await until(async () => (await running(sides)) === count, {
    what: `${count} running statements`,
  });
}

const WAYS: readonly (readonly [name: string, vanish: (client: RawClient) => void])[] = [
  ["with RST", (client) => client.socket.resetAndDestroy()],
  ["with FIN", (client) => client.socket.destroy()],
];

describe.each(ENGINES)("clients of a proxy to %s", (engine) => {
  it.each([false, true])("that close their half still get every answer (TLS: %s)", async (tls) => {
    await using sides = await SideBySide.start(await server(engine));
    const secure = tls ? { tls: {} } : {};
    const single = await sides.client(secure);
    single.command(Command.QUERY, "SELECT 'the answer', SLEEP(0.3)");
    single.socket.end();
    expect((await single.answer()).payloads.at(-2)!.toString("latin1")).toContain("the answer");
    await single.ended();
    expect(single.end).toEqual({ error: null });

    const many = await sides.client(secure);
    many.send(
      Buffer.concat([
        commandBytes(Command.QUERY, "SELECT 1"),
        commandBytes(Command.QUERY, "SET time_zone = '+01:00'"),
        commandBytes(Command.PING),
        commandBytes(Command.QUERY, "SELECT REPEAT('x', 500000), @@time_zone"),
      ]),
    );
    many.socket.end();
    for (let i = 0; i < 3; i++) expect((await many.answer()).error).toBeNull();
    expect((await many.answer()).bytes.toString("latin1")).toContain("+01:00");
    await many.ended();

    const half = await sides.client(secure);
    half.send(commandBytes(Command.QUERY, "SELECT 1").subarray(0, 7));
    half.socket.end();
    await half.ended();
    await until(() => sides.proxy.view.state(9).sessions.length === 0, { what: "no session" });
    expect(sides.proxy.bugs).toEqual([]);
  });

  it("that close their half and read slowly get all of a large answer", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client();
    client.command(Command.QUERY, "SELECT REPEAT('x', 2000000)");
    client.socket.end();
    client.socket.pause();
    await isRunning(sides, 0);
    client.socket.resume();
    expect((await client.answer()).payloads.at(-2)!.length).toBe(2_000_004);
    await client.ended();
  });

  it.each(WAYS)(
    "that vanish in mid-statement have it killed on the server (%s)",
    async (_, vanish) => {
      await using sides = await SideBySide.start(await server(engine));
      const steady = await sides.client();
      const clients = await Promise.all(Array.from({ length: 30 }, () => sides.client()));
      for (const client of clients) client.command(Command.QUERY, SLEEPS);
      await isRunning(sides, 30);
      const [backend] = await steady.rows("SELECT CONNECTION_ID()");
      for (const client of clients) vanish(client);
      await isRunning(sides, 0);
      expect(await steady.rows("SELECT CONNECTION_ID()")).toEqual([backend]);
      await until(() => sides.proxy.view.state(99).sessions.length === 1, { what: "one session" });
      await until(() => sides.proxy.backends <= 2, { what: "the backends gone" });
      expect(sides.proxy.bugs).toEqual([]);
    },
  );

  it.each(WAYS)("that vanish in mid-result leave nothing behind (%s)", async (_, vanish) => {
    await using sides = await SideBySide.start(await server(engine), {
      spec: { pool: { maxConnections: 5 } },
    });
    for (let round = 0; round < 4; round++) {
      const client = await sides.client();
      client.command(Command.QUERY, LARGE);
      await until(() => client.waiting > 100_000, { what: "some of the result" });
      client.socket.pause();
      vanish(client);
    }
    const steady = await sides.client();
    for (let i = 0; i < 20; i++) expect(await steady.rows(`SELECT ${i}`)).toEqual([[String(i)]]);
    await until(() => sides.proxy.view.state(9).sessions.length === 1, { what: "one session" });
    await isRunning(sides, 0);
    expect(sides.proxy.bugs).toEqual([]);
  });

  it.each(WAYS)(
    "that vanish in a transaction or while they wait leave no trace (%s)",
    async (name, vanish) => {
      await using sides = await SideBySide.start(await server(engine), {
        spec: { pool: { maxConnections: 1, connectionBorrowTimeout: 30 } },
      });
      const other = await sides.directClient();
      await other.query("CREATE TABLE t (id INT PRIMARY KEY)");
      const client = await sides.client();
      await client.query("START TRANSACTION");
      await client.query("INSERT INTO t VALUES (1)");
      const waiting = await sides.client();
      waiting.command(Command.QUERY, "INSERT INTO t VALUES (2)");
      const stays = await sides.client();
      const served = stays.query("SELECT COUNT(*) FROM t");
      await until(
        () =>
          sides.proxy.view.state(9).sessions.filter(({ state }) => state === "waiting").length ===
          2,
      );
      vanish(waiting);
      if (name === "with RST")
        await until(() => sides.proxy.view.state(9).sessions.length === 2, {
          what: "the waiting one gone",
        });
      vanish(client);
      const { payloads } = await served;
      const rows = payloads.at(-2)!.toString("latin1");
      // One that closed its half may still have wanted its answer.
      expect(name === "with RST" ? ["\x010"] : ["\x010", "\x011"]).toContain(rows);
      expect(await other.rows("SELECT COUNT(*) FROM t WHERE id = 1")).toEqual([["0"]]);
      expect(sides.proxy.bugs).toEqual([]);
    },
  );

  it("that quit in the middle of a pipeline are gone at once", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client();
    client.send(
      Buffer.concat([
        commandBytes(Command.PING),
        commandBytes(Command.QUIT),
        commandBytes(Command.PING),
      ]),
    );
    await client.answer();
    await client.ended();
    await until(() => sides.proxy.view.state(9).sessions.length === 0, { what: "no session" });
  });
});
