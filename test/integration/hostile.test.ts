import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { Command } from "../../proxy/wire/command.ts";
import { decodeErr } from "../../proxy/wire/err.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { Random } from "../support/random.ts";
import { commandBytes, RawClient } from "../support/raw-client.ts";
import { frame } from "../support/response-samples.ts";
import { server } from "../support/servers.ts";
import { TwistingRelay } from "../support/twisting-relay.ts";
import { until } from "../support/until.ts";

function clientOf(proxy: TestProxy): Promise<RawClient> {
  const { host, port, users, database } = proxy;
  return RawClient.connect({ host, port, ...users[0]!, database });
}

/** Connects by hand, sends these bytes in place of a login, and reads to the end. */
async function sendAtLogin(proxy: TestProxy, bytes: Buffer): Promise<Buffer[]> {
  const client = await RawClient.dial(proxy.host, proxy.port);
  await client.readGreeting();
  client.send(bytes);
  client.socket.end();
  const rest = await client.rest();
  const payloads: Buffer[] = [];
  for (let at = 0; at + 4 <= rest.length; ) {
    const length = rest.readUIntLE(at, 3);
    payloads.push(rest.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return payloads;
}

async function isEmpty(proxy: TestProxy): Promise<void> {
  await until(() => proxy.view.state(9).sessions.length === 0, { what: "no session" });
  expect(proxy.bugs).toEqual([]);
}

const FITTING = [1043, 1045, 1047, 1153, 1156, 1231, 1251, 1835];

describe("a hostile client", () => {
  it("is told what is wrong with its login", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const oversized = Buffer.concat([Buffer.from([0xff, 0xff, 0x10, 1]), Buffer.alloc(70_000)]);
    const cases: [bytes: Buffer, errno: number][] = [
      [frame(Buffer.concat([Buffer.from([0, 2, 0, 0]), Buffer.alloc(10)]), 1), 1043],
      [frame(Buffer.alloc(1), 1), 1043],
      [frame(Buffer.alloc(0), 1), 1043],
      [frame(Buffer.alloc(60), 7), 1156],
      [oversized, 1153],
    ];
    for (const [bytes, errno] of cases) {
      const [error] = await sendAtLogin(proxy, bytes);
      expect(decodeErr(error!).errno, bytes.toString("latin1", 0, 30)).toBe(errno);
    }
    await isEmpty(proxy);
  });

  it("with any bytes in place of a login harms nobody", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const canary = await clientOf(proxy);
    const random = new Random(20_261_120);
    for (let i = 0; i < 150; i++) {
      const body = Buffer.from(Array.from({ length: random.int(300) }, () => random.int(256)));
      const bytes = random.chance(0.5) ? frame(body, 1) : body;
      const payloads = await sendAtLogin(proxy, bytes);
      for (const payload of payloads) {
        if (payload[0] === 0xff) expect(FITTING).toContain(decodeErr(payload).errno);
      }
      if (i % 50 === 0) expect(await canary.rows(`SELECT ${i}`)).toEqual([[String(i)]]);
    }
    canary.destroy();
    await isEmpty(proxy);
  });

  it("that is silent, or dribbles, is ended when its time for the login is up", async () => {
    const clock = new ShiftedClock();
    await using proxy = await startProxy(await server("mysql"), { clock });
    const silent = await RawClient.dial(proxy.host, proxy.port);
    const dribbling = await RawClient.dial(proxy.host, proxy.port);
    await silent.readGreeting();
    await dribbling.readGreeting();
    dribbling.send(Buffer.from([200, 0, 0, 1]));
    for (let i = 0; i < 6; i++) {
      dribbling.send(Buffer.from([1]));
      clock.advance(2_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await silent.ended();
    await dribbling.ended();
    await isEmpty(proxy);
  });

  it("that logged in and sends nonsense is ended with the reason", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const cases: [bytes: Buffer, errno: number][] = [
      [Buffer.from([1, 0, 0, 9, 3]), 1156],
      [Buffer.from([0, 0, 0, 0]), 1835],
      [Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0, 0x0e]), Buffer.alloc(70_000)]), 1835],
      [commandBytes(Command.CHANGE_USER, "x"), 1835],
    ];
    for (const [bytes, errno] of cases) {
      const client = await clientOf(proxy);
      client.send(bytes);
      expect((await client.answer()).error?.errno).toBe(errno);
      await client.ended();
    }
    await isEmpty(proxy);
  });

  it("that sends ahead without reading is not read any further", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const client = await clientOf(proxy);
    client.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const query = commandBytes(Command.QUERY, "SELECT REPEAT('x', 60000)");
    const many = Buffer.concat(Array.from({ length: 2_000 }, () => query));
    let stuck = 0;
    for (let i = 0; i < 400 && stuck < 50; i++) {
      const taken = client.send(many);
      if (!taken) stuck += 1;
      await new Promise((resolve) => setImmediate(resolve));
      if (!taken && client.socket.writableLength > 8 * many.length) break;
    }
    const own = client.socket.writableLength;
    expect(process.memoryUsage().arrayBuffers - before - own).toBeLessThan(24 << 20);
    const canary = await clientOf(proxy);
    expect(await canary.rows("SELECT 1")).toEqual([["1"]]);
    client.destroy();
    canary.destroy();
    await isEmpty(proxy);
  });
});

const write =
  (bytes: Buffer) =>
  (socket: Socket): void => {
    socket.write(bytes);
  };
const end =
  (bytes: Buffer) =>
  (socket: Socket): void => {
    socket.end(bytes);
  };
const REFUSAL = frame(Buffer.from("\xff\x10\x04Too many connections", "latin1"), 0);

const IMPOSTORS: readonly (readonly [name: string, speak: (socket: Socket) => void])[] = [
  ["nothing", () => {}],
  ["nonsense", write(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"))],
  ["an endless packet", write(Buffer.from([0xff, 0xff, 0xff, 0, 10, 1, 1]))],
  ["an empty packet", write(Buffer.from([0, 0, 0, 0]))],
  ["a greeting cut short", end(Buffer.from([74, 0, 0, 0, 10, 56, 46]))],
  ["its refusal", end(REFUSAL)],
  ["FIN at once", end(Buffer.alloc(0))],
  ["RST at once", (socket) => void socket.resetAndDestroy()],
];

describe.each(ENGINES)("a hostile server in place of %s", (engine) => {
  const QUICK = { pool: { connectionBorrowTimeout: 1, maxConnections: 4 } };

  async function behindRelay(
    run: (proxy: TestProxy, relay: TwistingRelay, clock: ShiftedClock) => Promise<void>,
  ) {
    const target = await server(engine);
    await using relay = await TwistingRelay.start(target);
    const clock = new ShiftedClock();
    await using proxy = await startProxy(target, {
      clock,
      spec: { ...QUICK, target: { hosts: [relay.address] } },
    });
    await run(proxy, relay, clock);
    relay.twist = null;
    relay.impostor = null;
    const recovered = await until(async () => {
      const client = await clientOf(proxy);
      try {
        return await client.rows("SELECT 'recovered'");
      } finally {
        client.destroy();
      }
    });
    expect(recovered).toEqual([["recovered"]]);
    await isEmpty(proxy);
  }

  /** One client's try: what it gets is an answer, an error or the end, but it gets something. */
  async function attempt(proxy: TestProxy, sql = "SELECT 1, 'two'"): Promise<string> {
    try {
      const client = await clientOf(proxy);
      try {
        const { error } = await client.query(sql);
        return error === null ? "answer" : String(error.errno);
      } finally {
        client.destroy();
      }
    } catch (error) {
      return (error as Error).message;
    }
  }

  it("that closes after any number of bytes costs one client its connection at most", async () => {
    await behindRelay(async (proxy, relay) => {
      const { user } = proxy.users[0]!;
      const random = new Random(7);
      for (let round = 0; round < 10; round++) {
        relay.twist = {
          user,
          after: round < 4 ? round * 33 : random.int(1_500),
          piece: () => null,
        };
        relay.cut(user);
        await attempt(proxy);
        relay.twist = null;
        expect(
          await until(async () => (await attempt(proxy)) === "answer", { what: `round ${round}` }),
        ).toBe(true);
      }
    });
  }, 120_000);

  it("that sends more than its answer loses the connection, not the client's answer", async () => {
    await behindRelay(async (proxy, relay) => {
      const { user } = proxy.users[0]!;
      const client = await clientOf(proxy);
      expect(await client.rows("SELECT 1")).toEqual([["1"]]);
      const opened = () => proxy.events.filter(({ kind }) => kind === "backend-opened").length;
      const before = opened();
      let armed = false;
      relay.twist = {
        user,
        after: 0,
        piece: (bytes) =>
          armed ? Buffer.concat([bytes, Buffer.from([7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])]) : bytes,
      };
      relay.cut();
      await until(async () => (await attempt(proxy)) === "answer");
      expect(opened()).toBeGreaterThan(before);
      armed = true;
      const fooled = await clientOf(proxy).catch(() => null);
      if (fooled !== null) {
        await fooled.query("SELECT 'mine'").catch(() => {});
        fooled.destroy();
      }
      client.destroy();
      relay.cut();
    });
  });

  it.each([
    [
      "random bytes",
      (random: Random, bytes: Buffer) => Buffer.from(bytes.map(() => random.int(256))),
    ],
    ["single bits turned", (random: Random, bytes: Buffer) => turned(random, bytes)],
    [
      "half of each piece",
      (_random: Random, bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
    ],
    ["zeros", (_random: Random, bytes: Buffer) => Buffer.alloc(bytes.length)],
    ["each piece twice", (_random: Random, bytes: Buffer) => Buffer.concat([bytes, bytes])],
    [
      "endless rows",
      (_random: Random, bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(200_000, 1)]),
    ],
  ] as const)(
    "that sends %s is dropped, and the proxy goes on",
    async (_name, twist) => {
      await behindRelay(async (proxy, relay, clock) => {
        const { user } = proxy.users[0]!;
        const random = new Random(11);
        for (let round = 0; round < 6; round++) {
          relay.twist = { user, after: random.int(900), piece: (bytes) => twist(random, bytes) };
          relay.cut();
          const tries = Promise.all([attempt(proxy), attempt(proxy, "SELECT REPEAT('x', 100000)")]);
          let over = false;
          void tries.then(() => {
            over = true;
          });
          // What waits for bytes that never come is ended by deadlines: of ours, or of the client that goes.
          for (let i = 0; i < 40 && !over; i++) {
            await Promise.race([tries, new Promise((resolve) => setTimeout(resolve, 10))]);
            if (i === 20) clock.advance(11_000);
          }
          relay.twist = null;
          relay.cut();
          await tries;
          expect(
            await until(async () => (await attempt(proxy)) === "answer", {
              what: `round ${round}`,
            }),
          ).toBe(true);
        }
      });
    },
    120_000,
  );

  it.each(IMPOSTORS)(
    "that greets with %s keeps clients waiting no longer than the borrow timeout",
    async (_name, impostor) => {
      await behindRelay(async (proxy, relay, clock) => {
        relay.impostor = impostor;
        relay.cut();
        const client = await clientOf(proxy).catch(() => null);
        if (client !== null) {
          const asked = client.query("SELECT 1").then(
            ({ error }) => error?.errno ?? 0,
            () => -1,
          );
          let answered = false;
          void asked.then(() => {
            answered = true;
          });
          for (let i = 0; i < 200 && !answered; i++) {
            await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 20))]);
            if (i > 10) clock.advance(500);
          }
          expect([9501, 1040, 1105, -1]).toContain(await asked);
          client.destroy();
        }
        relay.impostor = null;
        relay.cut();
      });
    },
  );
});

function turned(random: Random, bytes: Buffer): Buffer {
  const twisted = Buffer.from(bytes);
  const at = random.int(twisted.length);
  twisted[at] = twisted[at]! ^ (1 << random.int(8));
  return twisted;
}
