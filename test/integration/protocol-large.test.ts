import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { commandBytes, executeBody, type RawClient } from "../support/raw-client.ts";
import { frame, MAX_PAYLOAD, text } from "../support/response-samples.ts";
import { server, type TestServer } from "../support/servers.ts";
import { SideBySide } from "../support/side-by-side.ts";
import { until } from "../support/until.ts";

const IS_STREAMS = process.env["SLUICE_SOCKETS"] === "streams";
const MIB = 1 << 20;
const AROUND = [-2, -1, 0, 1, 2];

/** Bytes outside of V8's heap: where buffers are. */
function bufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

async function allowingFiles<T>(target: TestServer, run: () => Promise<T>): Promise<T> {
  const [before] = await target.sql("SELECT @@global.local_infile AS v");
  await target.sql("SET GLOBAL local_infile = 1");
  try {
    return await run();
  } finally {
    await target.sql(`SET GLOBAL local_infile = ${Number(before!["v"])}`);
  }
}

/** Sends a file in packets of these sizes, then the empty one. */
function fileOf(content: Buffer, packetBytes: number) {
  return async (client: RawClient): Promise<void> => {
    let sequence = 2;
    for (let at = 0; at < content.length; at += packetBytes) {
      const part = content.subarray(at, at + packetBytes);
      const packet = frame(part, sequence++ & 255);
      // No continuation packet: in a file every packet stands for itself.
      const sent = client.send(packet.subarray(0, 4 + part.length));
      if (!sent && client.end === null)
        await new Promise((resolve) => client.socket.once("drain", resolve).once("close", resolve));
    }
    client.send(Buffer.from([0, 0, 0, sequence & 255]));
  };
}

describe.each(ENGINES)("large packets through a proxy to %s", (engine) => {
  it("come back whole around 16 MiB, in text and binary rows", async () => {
    await using sides = await SideBySide.start(await server(engine));
    for (const flags of [0, Capability.DEPRECATE_EOF]) {
      await sides.compare(
        async (client, note) => {
          // A length takes 4 bytes up to 2^24 - 1, then 9.
          for (const over of AROUND) {
            note(
              `text ${over}`,
              await client.query(`SELECT REPEAT('x', ${MAX_PAYLOAD - 4 + over}), 1`),
            );
          }
          note(
            "9 bytes of length",
            await client.query(`SELECT REPEAT('x', ${MAX_PAYLOAD + 1}), 1`),
          );
          note("three packets", await client.query(`SELECT REPEAT('x', ${2 * MAX_PAYLOAD + 5})`));
          const { id } = await client.prepare(
            `SELECT REPEAT('y', ${MAX_PAYLOAD - 6}), 1 UNION SELECT 2, 3`,
          );
          client.command(Command.STMT_EXECUTE, executeBody(id));
          note("binary", await client.answer());
        },
        { with: flags },
      );
    }
  }, 240_000);

  it("reach the server whole around 16 MiB, in texts and parameters", async () => {
    await using sides = await SideBySide.start(await server(engine));
    await sides.compare(async (client, note) => {
      for (const total of [
        ...AROUND.map((over) => MAX_PAYLOAD + over),
        2 * MAX_PAYLOAD,
        2 * MAX_PAYLOAD + 1,
      ]) {
        const sql = Buffer.from("SELECT LENGTH('') AS n");
        const body = Buffer.concat([
          sql.subarray(0, 15),
          Buffer.alloc(total - 1 - sql.length, 97),
          sql.subarray(15),
        ]);
        client.command(Command.QUERY, body);
        const { payloads, error } = await client.answer();
        note(`text of ${total}`, error?.message ?? payloads.at(-2)!);
      }
      const { id } = await client.prepare("SELECT LENGTH(?) AS n");
      for (const over of AROUND) {
        const value = text(Buffer.alloc(MAX_PAYLOAD - 18 + over, 98));
        const parameters = Buffer.concat([Buffer.from([0, 1, 0xfd, 0]), value]);
        client.command(Command.STMT_EXECUTE, executeBody(id, 0, parameters));
        note(`parameter ${over}`, await client.answer());
      }
      note("alive", await client.query("SELECT 1"));
    });
  }, 240_000);

  it("may come slowly, by a client that takes its time with each piece", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client();
    const request = commandBytes(
      Command.QUERY,
      Buffer.concat([Buffer.from("SELECT LENGTH('"), Buffer.alloc(4 * MIB, 97), Buffer.from("')")]),
    );
    const before = bufferBytes();
    for (let at = 0; at < request.length; at += 40_001) {
      client.send(request.subarray(at, at + 40_001));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bufferBytes() - before).toBeLessThan(16 * MIB);
    const { payloads } = await client.answer();
    expect(payloads.at(-2)!.toString("latin1")).toContain(String(4 * MIB));
  });

  it("above the server's limit end with its error", async () => {
    const target = await server(engine);
    const [before] = await target.sql("SELECT @@global.max_allowed_packet AS v");
    await target.sql(`SET GLOBAL max_allowed_packet = ${MIB}`);
    try {
      await using sides = await SideBySide.start(target);
      const steady = await sides.client();
      expect(await steady.rows("SELECT 1")).toEqual([["1"]]);
      for (const size of [MIB + 100, 3 * MIB, 20 * MIB]) {
        const client = await sides.client();
        client.command(
          Command.QUERY,
          Buffer.concat([Buffer.from("SELECT '"), Buffer.alloc(size, 97)]),
        );
        const said = await client.answer().then(
          ({ error }) => `${error?.errno} ${error?.sqlState}`,
          () => "the end",
        );
        // Node's own sockets forget what is still to be read when a write fails.
        expect(IS_STREAMS ? ["1153 08S01", "the end"] : ["1153 08S01"]).toContain(said);
        client.destroy();
        expect(await steady.rows("SELECT 2")).toEqual([["2"]]);
      }
    } finally {
      await target.sql(`SET GLOBAL max_allowed_packet = ${Number(before!["v"])}`);
    }
  });

  it("of a result nobody reads cost little memory, however many there are", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const sql = `SELECT REPEAT('z', ${MIB}) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS a,
      (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) AS b`;
    const clients = await Promise.all(Array.from({ length: 20 }, () => sides.client()));
    const steady = await sides.client();
    await steady.query("SELECT 1");
    globalThis.gc?.();
    const before = bufferBytes();
    for (const client of clients) {
      client.socket.pause();
      client.command(Command.QUERY, sql);
    }
    const isRunning = () =>
      sides.proxy.view.state(100).sessions.filter(({ state }) => state === "running");
    await until(() => isRunning().length === clients.length, { what: "all running" });
    // While they do nothing others are served, and nothing grows.
    for (let i = 0; i < 200; i++) expect(await steady.rows(`SELECT ${i}`)).toEqual([[String(i)]]);
    expect(bufferBytes() - before).toBeLessThan(clients.length * MIB);
    expect(isRunning().length).toBe(clients.length);
    for (const client of clients) {
      client.socket.resume();
      const { payloads } = await client.answer();
      expect(payloads.filter(({ length }) => length > MIB).length).toBe(20);
    }
    expect(sides.proxy.bugs).toEqual([]);
  }, 120_000);
});

describe.each(ENGINES)("LOAD DATA LOCAL through a proxy to %s", (engine) => {
  const LOAD = "LOAD DATA LOCAL INFILE 'orders.csv' INTO TABLE files (id)";
  const { LOCAL_FILES, DEPRECATE_EOF } = Capability;

  it("takes files of any size in packets of any size", async () => {
    const target = await server(engine);
    await allowingFiles(target, async () => {
      await using sides = await SideBySide.start(target);
      await target.sql(`CREATE TABLE \`${sides.proxy.database}\`.files (id LONGTEXT)`);
      const small = Buffer.from(Array.from({ length: 1_000 }, (_, i) => `${i}\n`).join(""));
      const large = Buffer.from(`${"12345678".repeat(1_000)}\n`.repeat(5_000));
      const files: [string, Buffer, number][] = [
        ["empty", Buffer.alloc(0), 10],
        ["small", small, 65_536],
        ["in little packets", small, 7],
        ["large", large, 65_536],
        ["in the largest packets", large, MAX_PAYLOAD],
      ];
      await sides.compare(
        async (client, note) => {
          await client.query("DELETE FROM files");
          for (const [what, content, packetBytes] of files) {
            note(what, await client.query(LOAD, fileOf(content, packetBytes)));
            note("count", await client.query("SELECT COUNT(*), SUM(LENGTH(id)) FROM files"));
          }
        },
        { with: LOCAL_FILES | DEPRECATE_EOF },
      );
    });
  }, 240_000);

  it("ends in order where a row fails, the server may not or the client will not", async () => {
    const target = await server(engine);
    await allowingFiles(target, async () => {
      await using sides = await SideBySide.start(target);
      const { database } = sides.proxy;
      await target.sql(`CREATE TABLE \`${database}\`.files (id BIGINT)`);
      await target.sql(
        `CREATE TRIGGER \`${database}\`.stop BEFORE INSERT ON \`${database}\`.files FOR EACH ROW
         IF NEW.id = 500 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no 500'; END IF`,
      );
      const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `${i}\n`).join(""));
      await sides.compare(
        async (client, note) => {
          note("fails in the middle", await client.query(LOAD, fileOf(content, 4_000)));
          note("alive", await client.query("SELECT 1"));
          note("refused by the client", await client.query(LOAD, fileOf(Buffer.alloc(0), 1)));
          note("alive", await client.query("SELECT 2"));
        },
        { with: LOCAL_FILES },
      );
      await sides.compare(async (client, note) => {
        note("without the capability", await client.query(LOAD));
        note("alive", await client.query("SELECT 3"));
      });
      const vanishing = await sides.client({ with: LOCAL_FILES });
      await vanishing
        .query(LOAD, async (client) => {
          client.send(frame(Buffer.from("1\n2\n"), 2));
          client.socket.resetAndDestroy();
        })
        .catch(() => {});
      await until(() => sides.proxy.view.state(9).sessions.length === 0, { what: "no session" });
      expect(sides.proxy.bugs).toEqual([]);
    });
  });
});
