import { parseArgs } from "node:util";
import { decodeErr } from "../../proxy/wire/err.ts";
import { encodeLogin } from "../../proxy/wire/login.ts";
import { OwnServer } from "../support/own-server.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { Random } from "../support/random.ts";
import { RawClient, USUAL } from "../support/raw-client.ts";
import { frame } from "../support/response-samples.ts";
import { TwistingRelay } from "../support/twisting-relay.ts";
import { until } from "../support/until.ts";
import { someCommand, someFlags } from "./conversations.ts";
import { fuzzDecoders } from "./decoders.ts";
import { mutate, pieces, randomBytes } from "./mutations.ts";

/**
 * Throws random, changed and cut-off conversations at a live proxy, from both sides, for some minutes. Ends with 1 where the proxy has
 * had a defect, where a well-behaved client was not answered rightly, or where anything has grown.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    engine: { type: "string", default: "mysql" },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const engine = values.engine === "mariadb" ? "mariadb" : "mysql";

/** A conversation that the other side does not end is ended after this long. */
const PATIENCE_MS = 1_500;
const AT_ONCE = 8;
const CANARY_EVERY_MS = 200;
/** What memory may differ by between the second and the last third of a run. */
const GROWTH_MB = 60;
const HANDLES_MORE = 100;

const counts = {
  conversations: 0,
  bytesSent: 0,
  answeredWithError: 0,
  ended: 0,
  cutByUs: 0,
  decoderRounds: 0,
  canaryAnswers: 0,
};
const errnos = new Map<number, number>();

/** Reads until the end of the connection, or our patience. */
async function drain(client: RawClient): Promise<void> {
  const end = client.ended().then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  const isEnded = await Promise.race([end, patience]);
  clearTimeout(timer);
  if (isEnded) counts.ended += 1;
  else counts.cutByUs += 1;
  const bytes = await client.take(client.waiting);
  for (let at = 0; at + 7 <= bytes.length; at += 4 + bytes.readUIntLE(at, 3)) {
    if (bytes[at + 4] !== 0xff || bytes.readUIntLE(at, 3) < 9) continue;
    try {
      const { errno } = decodeErr(bytes.subarray(at + 4, at + 4 + bytes.readUIntLE(at, 3)));
      errnos.set(errno, (errnos.get(errno) ?? 0) + 1);
      counts.answeredWithError += 1;
    } catch {
      return; // A row that looks like an error.
    }
  }
}

async function send(random: Random, client: RawClient, bytes: Buffer): Promise<void> {
  for (const part of pieces(random, bytes)) {
    client.send(part);
    counts.bytesSent += part.length;
    if (random.chance(0.1)) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Goes in one of the ways that clients go. */
function leave(random: Random, client: RawClient): void {
  // A TLS socket cannot be reset, nor one that has sent its FIN: Node would leave it open.
  const { socket } = client;
  const mayReset = !("encrypted" in socket) && !socket.writableEnded;
  if (mayReset && random.chance(0.5)) socket.resetAndDestroy();
  else client.destroy();
}

async function attackLogin(random: Random, proxy: TestProxy): Promise<void> {
  const client = await RawClient.dial(proxy.host, proxy.port);
  try {
    if (random.chance(0.8)) await client.readGreeting();
    const login = encodeLogin({
      kind: "login",
      capabilities: (USUAL | someFlags(random)) >>> 0,
      mariadbCapabilities: 0,
      maxPacketBytes: 0x100_0000,
      charset: random.int(256),
      user: random.chance(0.5) ? proxy.users[0]!.user : "nobody",
      authResponse: randomBytes(random, 40),
      plugin: random.pick([
        "caching_sha2_password",
        "mysql_native_password",
        "mysql_clear_password",
        "x",
      ]),
      schema: random.pick(["", proxy.database, "none"]),
      attributes: Buffer.alloc(0),
      zstdLevel: 0,
    });
    const framed = frame(login, 1);
    const bytes = random.chance(0.2)
      ? randomBytes(random, 2_000)
      : random.chance(0.7)
        ? mutate(random, framed)
        : framed;
    await send(random, client, bytes);
    if (random.chance(0.3)) await send(random, client, randomBytes(random, 100));
    if (random.chance(0.5)) client.socket.end();
    if (random.chance(0.8)) await drain(client);
  } finally {
    leave(random, client);
  }
}

async function attackSession(random: Random, proxy: TestProxy): Promise<void> {
  const flags = someFlags(random);
  const { host, port, users, database } = proxy;
  const tls = random.chance(0.1) ? { tls: {} } : {};
  const client = await RawClient.connect({
    host,
    port,
    ...users[0]!,
    database,
    with: flags,
    ...tls,
  });
  try {
    for (let left = 1 + random.int(6); left > 0; left--) {
      const command = someCommand(random, flags);
      await send(random, client, random.chance(0.35) ? mutate(random, command) : command);
      if (random.chance(0.1)) client.socket.pause();
      if (random.chance(0.1)) await new Promise((resolve) => setTimeout(resolve, random.int(60)));
    }
    client.socket.resume();
    if (random.chance(0.5)) client.socket.end();
    if (random.chance(0.7)) await drain(client);
  } finally {
    leave(random, client);
  }
}

/** A well-behaved client in between: gets its answers, and right ones. */
class Canary {
  readonly #proxy: TestProxy;
  #client: RawClient | null = null;
  #asked = 0;

  constructor(proxy: TestProxy) {
    this.#proxy = proxy;
  }

  async sing(): Promise<void> {
    const number = this.#asked++;
    const deadline = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error("the canary heard nothing for 30 s")), 30_000).unref(),
    );
    try {
      const { host, port, users, database } = this.#proxy;
      this.#client ??= await RawClient.connect({ host, port, ...users[1]!, database });
      const said = await Promise.race([
        this.#client.rows(`SELECT ${number}, 'canary', REPEAT('c', ${number % 50})`),
        deadline,
      ]);
      const expected = [[String(number), "canary", "c".repeat(number % 50)]];
      if (JSON.stringify(said) !== JSON.stringify(expected))
        throw new Error(`wrong answer: ${JSON.stringify(said)}`);
      counts.canaryAnswers += 1;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  stop(): void {
    this.#client?.destroy();
    this.#client = null;
  }
}

function twister(random: Random, user: string) {
  const kind = random.int(5);
  return {
    user,
    after: random.int(3_000),
    piece: (bytes: Buffer): Buffer | null => {
      if (random.chance(0.5)) return bytes;
      if (kind === 0) return null;
      if (kind === 1) return randomBytes(random, bytes.length);
      if (kind === 2) return Buffer.concat([bytes, randomBytes(random, 30)]);
      return mutate(random, bytes);
    },
  };
}

function handles(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS/i.test(name)).length;
}

/** Until the time is up, so many at once. */
async function keepGoing(
  random: Random,
  until: number,
  attack: (random: Random) => Promise<void>,
): Promise<void> {
  const one = async (own: Random): Promise<void> => {
    while (Date.now() < until && failure === null) {
      counts.conversations += 1;
      // A connection that the proxy ended is what it should have done.
      await attack(own).catch(() => {});
      for (let i = 0; i < 20; i++) fuzzDecoders(own);
      counts.decoderRounds += 20;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => one(new Random(random.int(2 ** 32)))));
}

let failure: unknown = null;

async function singing(canary: Canary, until: number): Promise<void> {
  while (Date.now() < until && failure === null) {
    await canary.sing().catch((error) => {
      failure ??= error;
    });
    await new Promise((resolve) => setTimeout(resolve, CANARY_EVERY_MS));
  }
}

async function settled(proxy: TestProxy): Promise<void> {
  await until(() => proxy.view.state(99).sessions.length === 0, {
    what: "the sessions gone",
    deadlineMs: 20_000,
  });
}

const random = new Random(seed);
const started = Date.now();
const end = started + minutes * 60_000;
process.on("uncaughtException", (error) => {
  failure ??= error;
});
process.on("unhandledRejection", (error) => {
  failure ??= error;
});

const server = await OwnServer.start(engine, { "max-connections": 500 });
try {
  const target = server.server;
  const database = await target.database();
  await target.sql(
    `CREATE TABLE \`${database}\`.fuzz (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT)`,
  );
  const users = [await target.user({ database }), await target.user({ database })];
  await using relay = await TwistingRelay.start(target);
  // Enough for all: connections that a twisted server keeps waiting are taken from everybody.
  const quick = { connectionBorrowTimeout: 3, maxConnections: 200 };
  await using straight = await startProxy(target, { database, users, spec: { pool: quick } });
  await using twisted = await startProxy(target, {
    database,
    users,
    spec: { pool: quick, target: { hosts: [relay.address] } },
  });
  let before: { rss: number; handles: number } | null = null;
  const samples: number[] = [];
  const watching = setInterval(() => {
    const { rss } = process.memoryUsage();
    samples.push(rss);
    if (before === null && Date.now() > started + 20_000) before = { rss, handles: handles() };
    if (relay.twist === null || random.chance(0.2)) relay.twist = twister(random, users[0]!.user);
  }, 500);
  // Another user than the twisted one: nothing of all that may reach them.
  const canaries = [new Canary(straight), new Canary(twisted)];
  await Promise.all([
    singing(canaries[0]!, end),
    singing(canaries[1]!, end),
    keepGoing(random, end, (own) =>
      own.chance(0.5) ? attackLogin(own, straight) : attackSession(own, straight),
    ),
    keepGoing(random, end, (own) => attackSession(own, twisted)),
  ]);
  clearInterval(watching);
  relay.twist = null;
  for (const canary of canaries) canary.stop();
  for (const proxy of [straight, twisted]) {
    await settled(proxy).catch((error) => {
      failure ??= error;
    });
    const [bug] = proxy.bugs;
    if (bug !== undefined) failure ??= new Error(`a defect: ${JSON.stringify(bug)}`);
    const last = new Canary(proxy);
    relay.cut(users[0]!.user);
    await last.sing().catch((error) => {
      failure ??= error;
    });
    last.stop();
  }
  globalThis.gc?.();
  const third = Math.floor(samples.length / 3);
  const mean = (part: number[]): number =>
    Math.round(part.reduce((sum, each) => sum + each, 0) / Math.max(1, part.length) / 1e6);
  const backends = straight.backends + twisted.backends;
  const sessions = straight.view.state(99).sessions.length + twisted.view.state(99).sessions.length;
  const rssMb = {
    middleThird: mean(samples.slice(third, 2 * third)),
    lastThird: mean(samples.slice(2 * third)),
  };
  const late = handles();
  if (before !== null && late > (before as { handles: number }).handles + HANDLES_MORE)
    failure ??= new Error(`${late} sockets are open`);
  if (rssMb.lastThird > rssMb.middleThird + GROWTH_MB)
    failure ??= new Error(`memory grew: ${JSON.stringify(rssMb)}`);
  const report = {
    engine,
    seed,
    seconds: Math.round((Date.now() - started) / 1000),
    ...counts,
    errors: Object.fromEntries([...errnos].sort(([, a], [, b]) => b - a).slice(0, 12)),
    bugs: straight.bugs.length + twisted.bugs.length,
    sessionsLeft: sessions,
    left: [straight, twisted].map((proxy) =>
      proxy.view
        .state(99)
        .sessions.map(({ state, since }) => `${state} for ${Date.now() - since} ms`),
    ),
    backendsLeft: backends,
    rssMb,
    handles: { early: (before as { handles: number } | null)?.handles ?? null, late },
    failure: failure === null ? null : String((failure as Error).stack ?? failure),
  };
  process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
} finally {
  await server[Symbol.asyncDispose]();
}
process.exit(failure === null ? 0 : 1);
