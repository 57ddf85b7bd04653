import type { Values } from "../case.ts";
import type { LoadProcess } from "../child.ts";
import { type Context, withFresh } from "../context.ts";
import { cpuSince, cpuTime, residentBytes } from "../cpu.ts";
import { type Peer, pidsOf } from "../peers.ts";
import type { ReadOptions, ReadResult } from "../reader.ts";
import { quantiles } from "../stats.ts";
import { TABLE_ROWS } from "../sysbench.ts";
import { pointQueries } from "./latency.ts";

const MIB = 1_048_576;
const ROW_BYTES = 65_536;
const ALONE_MS = 1_500;
const SLOW_PACE = MIB;
const SLOW_MS = 5_000;
const SAMPLE_MS = 20;
/** Longer than any result takes; the loop is told to finish. */
const UNTIL_TOLD_MS = 3_600_000;

/** The result is read once alone and once beside point queries. */
export function measureLarge(context: Context, peer: Peer): Promise<Values> {
  return withFresh(peer, async (fresh) => {
    const reader = await context.loads.one("reader.ts");
    const pids = pidsOf(fresh);
    const memory = new MemoryWatch(pids);
    const cpuBefore = cpuTime(pids);
    const alone = await readLarge(context, fresh, reader, {});
    const used = cpuSince(pids, cpuBefore);
    const { read, values } = await besidePoints(context, fresh, {});
    const growth = memory.stop();
    const mib = alone.bytes / MIB;
    return {
      ...values,
      mibPerSecond: rateOf(alone),
      besideMibPerSecond: rateOf(read),
      ...proxyValues(peer, {
        growthMb: growth,
        proxyUsPerMib: (used.userMicros + used.systemMicros) / mib,
      }),
    };
  });
}

export function measureSlowReader(context: Context, peer: Peer): Promise<Values> {
  return withFresh(peer, async (fresh) => {
    const pace = { pace: SLOW_PACE, stopAfterMs: SLOW_MS };
    const memory = new MemoryWatch(pidsOf(fresh));
    const { read, values } = await besidePoints(context, fresh, pace);
    const growthMb = memory.stop();
    return { ...values, ...proxyValues(peer, { growthMb }), mibRead: read.bytes / MIB };
  });
}

/** What can be said of a proxy only where there is one whose process we know. */
function proxyValues(peer: Peer, values: Values): Values {
  return peer.pid === null ? {} : values;
}

function rateOf(read: ReadResult): number {
  return read.bytes / MIB / (read.milliseconds / 1_000);
}

/** Point queries alone, then beside one large read. */
async function besidePoints(
  context: Context,
  peer: Peer,
  pace: Pick<ReadOptions, "pace" | "stopAfterMs">,
): Promise<{ read: ReadResult; values: Values }> {
  const points = await context.loads.one("closed-loop.ts");
  const reader = await context.loads.one("reader.ts");
  const { name } = peer;
  await points.call("open", pointQueries(context, [peer]));
  try {
    const alone = await points.call<number[]>("during", { name, milliseconds: ALONE_MS });
    const running = points.call<number[]>("during", { name, milliseconds: UNTIL_TOLD_MS });
    const read = await readLarge(context, peer, reader, pace).finally(() =>
      points.call("finish", { name }),
    );
    const beside = await running;
    return { read, values: pointValues(alone, beside) };
  } finally {
    await points.call("quit", null);
  }
}

function readLarge(
  context: Context,
  peer: Peer,
  reader: LoadProcess,
  pace: Pick<ReadOptions, "pace" | "stopAfterMs">,
): Promise<ReadResult> {
  const rows = Math.ceil(context.largeBytes / ROW_BYTES);
  if (rows > TABLE_ROWS) throw new Error(`at most ${TABLE_ROWS * ROW_BYTES} bytes of large result`);
  return reader.call<ReadResult>("read", {
    address: peer.address,
    account: context.backend.account,
    sql: `SELECT REPEAT('x', ${ROW_BYTES}) FROM sbtest1 LIMIT ${rows}`,
    ...pace,
  } satisfies ReadOptions);
}

/** Follows a proxy's memory from now on. */
class MemoryWatch {
  readonly #pids: readonly number[];
  readonly #before: number;
  #most: number;
  readonly #timer: NodeJS.Timeout;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#before = residentBytes(pids);
    this.#most = this.#before;
    this.#timer = setInterval(() => this.#look(), SAMPLE_MS);
  }

  /** The most that it has grown, in MB. */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return (this.#most - this.#before) / 1e6;
  }

  #look(): void {
    this.#most = Math.max(this.#most, residentBytes(this.#pids));
  }
}

function pointValues(alone: number[], beside: number[]): Values {
  const [aloneP50, aloneP99] = quantiles(alone, 0.5, 0.99);
  const [besideP50, besideP99, worst] = quantiles(beside, 0.5, 0.99, 1);
  return {
    aloneP50Us: aloneP50!,
    aloneP99Us: aloneP99!,
    besideP50Us: besideP50!,
    besideP99Us: besideP99!,
    besideMaxMs: worst! / 1_000,
  };
}
