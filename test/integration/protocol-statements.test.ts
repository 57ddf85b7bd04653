import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { ResponseShape } from "../../proxy/wire/response-walker.ts";
import { commandBytes, executeBody, number4, type RawClient } from "../support/raw-client.ts";
import { lenenc, text } from "../support/response-samples.ts";
import { server } from "../support/servers.ts";
import { SideBySide } from "../support/side-by-side.ts";

const { DEPRECATE_EOF, SESSION_TRACK, OPTIONAL_RESULTSET_METADATA, QUERY_ATTRIBUTES } = Capability;
const FLAGS: readonly (readonly [name: string, flags: number])[] = [
  ["plain", 0],
  ["without EOF packets", DEPRECATE_EOF],
  ["with all of it", DEPRECATE_EOF | SESSION_TRACK | OPTIONAL_RESULTSET_METADATA],
  ["with all of it but DEPRECATE_EOF", SESSION_TRACK | OPTIONAL_RESULTSET_METADATA],
];
const CURSOR_READ_ONLY = 1;
const VAR_STRING = 0xfd;
const LONG = 0x03;

/** Behind the head of COM_STMT_EXECUTE: one string or one number as parameter. */
function stringParameter(value: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 1, VAR_STRING, 0]), text(value)]);
}

function numberParameter(value: number): Buffer {
  return Buffer.concat([Buffer.from([0, 1, LONG, 0]), number4(value)]);
}

async function execute(client: RawClient, id: number, flags = 0, parameters?: Buffer) {
  client.command(Command.STMT_EXECUTE, executeBody(id, flags, parameters));
  return client.answer();
}

async function fetch(client: RawClient, id: number, rows: number) {
  client.command(Command.STMT_FETCH, Buffer.concat([number4(id), number4(rows)]));
  return client.answer(ResponseShape.ROWS);
}

describe.each(ENGINES)("statements through a proxy to %s", (engine) => {
  it.each(FLAGS)("are prepared and executed as at the server (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(
      async (client, note) => {
        await client.query("CREATE TEMPORARY TABLE p (id INT PRIMARY KEY, name TEXT)");
        await client.query("INSERT INTO p VALUES (1, 'a'), (2, NULL), (3, 'c')");
        const texts = [
          "SELECT 1",
          "SELECT id, name FROM p ORDER BY id",
          "DO 1",
          "SELEKT ?",
          "SELECT * FROM none_such",
          "UPDATE p SET name = 'x' WHERE id > 1",
        ];
        for (const sql of texts) {
          const { id, answer } = await client.prepare(sql);
          note(`prepare ${sql}`, answer);
          if (id < 0) continue;
          note(`execute ${sql}`, await execute(client, id));
          note(`again ${sql}`, await execute(client, id));
          client.command(Command.STMT_RESET, number4(id));
          note("reset", await client.answer());
          client.command(Command.STMT_CLOSE, number4(id));
          note("after close", await execute(client, id));
        }
        const wide = `SELECT ${Array.from({ length: 300 }, (_, i) => `${i} AS c${i}`).join(", ")}`;
        const { id: wideId, answer } = await client.prepare(wide);
        note("300 columns", answer);
        note("300 values", await execute(client, wideId));
        const { id, answer: one } = await client.prepare("SELECT ? AS value, LENGTH(?) AS length");
        note("two parameters", one);
        const two = Buffer.concat([
          Buffer.from([0, 1, VAR_STRING, 0, VAR_STRING, 0]),
          text("x".repeat(300)),
          text("y".repeat(70_000)),
        ]);
        note("their values", await execute(client, id, 0, two));
        note("an unknown statement", await execute(client, 987_654));
        client.command(Command.STMT_RESET, number4(987_654));
        note("reset of it", await client.answer());
        note("a short packet", await short(client));
        note("alive", await client.query("SELECT 1"));
      },
      { with: flags },
    );
  });

  it.each(FLAGS)("read by cursors, some rows at a time (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(
      async (client, note) => {
        await client.query("CREATE TEMPORARY TABLE c (id INT PRIMARY KEY, name VARCHAR(200))");
        for (let i = 0; i < 10; i++)
          await client.query(`INSERT INTO c VALUES (${i}, REPEAT('x', ${i * 20}))`);
        const { id, answer } = await client.prepare("SELECT id, name FROM c ORDER BY id");
        note("prepare", answer);
        note("open", await execute(client, id, CURSOR_READ_ONLY));
        note("4", await fetch(client, id, 4));
        note("4 more", await fetch(client, id, 4));
        note("between", await client.query("SELECT COUNT(*) FROM c"));
        note("the rest", await fetch(client, id, 4));
        note("beyond", await fetch(client, id, 4));
        note("open again", await execute(client, id, CURSOR_READ_ONLY));
        client.command(Command.STMT_RESET, number4(id));
        note("reset", await client.answer());
        note("without a cursor", await fetch(client, id, 1));
        note("of nothing", await fetch(client, 4_711, 1));
      },
      { with: flags },
    );
  });

  it.each(FLAGS)("with long data, in pieces of any size (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(
      async (client, note) => {
        const { id } = await client.prepare("SELECT LENGTH(?) AS length");
        for (const sizes of [
          [1],
          [10, 20],
          [70_000, 5, 70_000],
          Array(50).fill(3_000),
          [16_777_220],
        ]) {
          for (const size of sizes) {
            const head = Buffer.concat([number4(id), Buffer.from([0, 0])]);
            const data = Buffer.concat([head, Buffer.alloc(size, 97)]);
            client.command(Command.STMT_SEND_LONG_DATA, data);
          }
          const typed = Buffer.from([0, 1, VAR_STRING, 0]);
          note(`length of ${sizes.length}`, await execute(client, id, 0, typed));
          client.command(Command.STMT_RESET, number4(id));
          note("reset", await client.answer());
        }
      },
      { with: flags },
    );
  });

  it.each(FLAGS)("with several results and OUT parameters (%s)", async (_name, flags) => {
    await using sides = await SideBySide.start(await server(engine));
    const { proxy } = sides;
    await sides.server.sql(
      `CREATE PROCEDURE \`${proxy.database}\`.several(IN a INT, OUT b INT, INOUT c VARCHAR(20))
       BEGIN SELECT a AS first; SELECT 2 AS second, NULL AS third; SET b = a + 1, c = CONCAT(c, '!'); END`,
    );
    await sides.compare(
      async (client, note) => {
        note("set", await client.query("SET @c = 'x'"));
        note("text", await client.query("CALL several(1, @b, @c)"));
        note("values", await client.query("SELECT @b, @c"));
        const { id, answer } = await client.prepare("CALL several(?, @b, @c)");
        note("prepare", answer);
        note("execute", await execute(client, id, 0, numberParameter(41)));
        const { id: bound } = await client.prepare("CALL several(?, ?, ?)");
        const three = Buffer.concat([
          Buffer.from([0, 1, LONG, 0, LONG, 0, VAR_STRING, 0]),
          number4(5),
          number4(6),
          text("y"),
        ]);
        note("bound", await execute(client, bound, 0, three));
        note("wrong", await client.query("CALL several(1)"));
      },
      { with: flags },
    );
  });

  it("may be prepared, executed and closed in one piece", async () => {
    await using sides = await SideBySide.start(await server(engine));
    // MariaDB takes -1 as the statement prepared last; MySQL counts from 1.
    const id = engine === "mariadb" ? 0xffff_ffff : 1;
    await sides.compare(async (client, note) => {
      client.send(
        Buffer.concat([
          commandBytes(Command.STMT_PREPARE, "SELECT ? AS value"),
          commandBytes(Command.STMT_EXECUTE, executeBody(id, 0, stringParameter("first"))),
          commandBytes(
            Command.STMT_EXECUTE,
            executeBody(id, 0, stringParameter("z".repeat(20_000))),
          ),
          commandBytes(Command.STMT_CLOSE, number4(id)),
          commandBytes(Command.QUERY, "SELECT 'behind'"),
          commandBytes(Command.PING),
        ]),
      );
      note("prepared", (await client.answer(ResponseShape.PREPARE)).payloads.slice(1).length);
      for (const what of ["executed", "again", "behind", "ping"]) note(what, await client.answer());
    });
  });

  it("that were never prepared here are closed without an answer", async () => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(async (client, note) => {
      client.command(Command.STMT_CLOSE, number4(3));
      client.command(Command.STMT_SEND_LONG_DATA, Buffer.alloc(40));
      note("then", await client.query("SELECT 'still here'"));
    });
  });
});

async function short(client: RawClient) {
  client.command(Command.STMT_EXECUTE, Buffer.from([1, 0]));
  return client.answer();
}

/** COM_QUERY with attributes: count, sets, NULL bits, types, names, values, text. */
function queryWith(
  attributes: readonly (readonly [name: string, type: number, value: Buffer])[],
  sql: string,
): Buffer {
  if (attributes.length === 0) return Buffer.concat([Buffer.from([0, 1]), Buffer.from(sql)]);
  return Buffer.concat([
    lenenc(attributes.length),
    Buffer.from([1]),
    Buffer.alloc((attributes.length + 7) >> 3),
    Buffer.from([1]),
    ...attributes.flatMap(([name, type]) => [Buffer.from([type, 0]), text(name)]),
    ...attributes.map(([, , value]) => value),
    Buffer.from(sql),
  ]);
}

describe("what MySQL alone has", () => {
  const flags = DEPRECATE_EOF | QUERY_ATTRIBUTES | OPTIONAL_RESULTSET_METADATA;

  it("queries with attributes of every type", async () => {
    await using sides = await SideBySide.start(await server("mysql"));
    await sides.compare(
      async (client, note) => {
        const values: [type: number, value: Buffer][] = [
          [VAR_STRING, text("a trace id")],
          [0xfe, text("x".repeat(300))],
          [0x01, Buffer.from([7])],
          [0x02, Buffer.from([7, 0])],
          [LONG, number4(7)],
          [0x08, Buffer.alloc(8, 1)],
          [0x04, Buffer.alloc(4)],
          [0x05, Buffer.alloc(8)],
          [0x0a, Buffer.from([4, 0xe7, 7, 1, 2])],
          [0x0c, Buffer.from([7, 0xe7, 7, 1, 2, 3, 4, 5])],
          [0x0b, Buffer.from([0])],
          [0x07, Buffer.from([4, 0xe7, 7, 1, 2])],
        ];
        for (const count of [0, 1, 2, 9]) {
          for (const [type, value] of values) {
            const attributes = Array.from(
              { length: count },
              (_, i) => [`a${i}`, type, value] as const,
            );
            client.command(Command.QUERY, queryWith(attributes, "SELECT 1 AS one"));
            note(`${count} of type ${type}`, await client.answer());
          }
        }
      },
      { with: flags },
    );
  });

  it("queries whose attributes no text can be found behind are never shared with others", async () => {
    await using sides = await SideBySide.start(await server("mysql"));
    for (let type = 0; type < 256; type++) {
      for (const value of [Buffer.alloc(1, 1), Buffer.from([4, 0, 0, 0]), Buffer.alloc(8, 8)]) {
        const client = await sides.client({ with: flags });
        client.command(Command.QUERY, queryWith([["a", type, value]], "SET @leaked = 'yes'"));
        await client.answer();
        client.destroy();
        if (type > 0x20 && type < 0xf0) break;
      }
    }
    const client = await sides.client({ with: flags });
    client.command(Command.QUERY, queryWith([], "SELECT @leaked IS NULL AS clean"));
    const { payloads } = await client.answer();
    expect(payloads.at(-2)?.toString("latin1")).toBe("\x011");
  }, 60_000);

  it("results without metadata, of queries and statements", async () => {
    await using sides = await SideBySide.start(await server("mysql"));
    for (const modern of [0, DEPRECATE_EOF]) {
      await sides.compare(
        async (client, note) => {
          note("metadata", await client.query("SELECT 1, 2 UNION SELECT 3, 4"));
          note("off", await client.query("SET resultset_metadata = NONE"));
          note("rows alone", await client.query("SELECT 1, 2 UNION SELECT 3, 4"));
          note("none", await client.query("SELECT 1 FROM DUAL WHERE 1 = 0"));
          note(
            "wide",
            await client.query(`SELECT ${Array.from({ length: 300 }, (_, i) => i).join()}`),
          );
          note("several", await client.query("SELECT 1; SELECT 2, 3; DO 1"));
          const { id, answer } = await client.prepare("SELECT ?, 2");
          note("prepare", answer);
          note("execute", await execute(client, id, 0, numberParameter(5)));
          const { id: cursor, answer: second } = await client.prepare(
            "SELECT 5 UNION ALL SELECT 6",
          );
          note("prepare for a cursor", second);
          note("open", await execute(client, cursor, CURSOR_READ_ONLY));
          note("fetch", await fetch(client, cursor, 1));
          note("fetch on", await fetch(client, cursor, 5));
          note("on", await client.query("SET resultset_metadata = FULL"));
          note("metadata again", await client.query("SELECT 1, 2"));
        },
        { with: OPTIONAL_RESULTSET_METADATA | modern },
      );
    }
  });
});
