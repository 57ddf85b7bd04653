import { spawn } from "node:child_process";
import { cpus } from "node:os";
import type { Values } from "../case.ts";
import type { LoopOptions } from "../closed-loop.ts";
import type { Context } from "../context.ts";
import { track } from "../process.ts";
import { quantiles } from "../stats.ts";
import { TABLE_ROWS } from "../sysbench.ts";

const BATCH = 200;

/**
 * With processors that never sleep: a virtual one takes up to a tenth of a millisecond to wake, and every further
 * process on a query's way is one more to wake. Loops of the lowest scheduling class keep them running and give way at
 * once.
 */
export async function measureLatencyAwake(context: Context): Promise<Map<string, Values>> {
  const loops = cpus().map(() =>
    spawn("chrt", ["--idle", "0", "sh", "-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  for (const loop of loops) track(loop);
  try {
    return await measureLatency(context);
  } finally {
    for (const loop of loops) loop.kill();
  }
}

/** One connection to every peer from one process, batches in turn: all peers meet the same disturbances. */
export async function measureLatency(context: Context): Promise<Map<string, Values>> {
  const load = await context.loads.one("closed-loop.ts");
  await load.call("open", pointQueries(context, context.peers));
  const batches = Math.ceil(context.latencyQueries / BATCH);
  await load.call("alternate", { batches: 2, queries: BATCH });
  const all = await load.call<Record<string, number[]>>("alternate", { batches, queries: BATCH });
  await load.call("quit", null);
  const values = new Map<string, Values>();
  for (const [name, latencies] of Object.entries(all)) {
    const [p50, p99] = quantiles(latencies, 0.5, 0.99);
    values.set(name, { p50Us: p50!, p99Us: p99!, queries: latencies.length });
  }
  const direct = values.get("direct");
  for (const [name, own] of values) {
    if (!direct || name === "direct") continue;
    own["addedP50Us"] = own["p50Us"]! - direct["p50Us"]!;
    own["addedP99Us"] = own["p99Us"]! - direct["p99Us"]!;
  }
  return values;
}

export function pointQueries(
  context: Context,
  targets: readonly { name: string; address: LoopOptions["targets"][number]["address"] }[],
): LoopOptions {
  return {
    targets: targets.map(({ name, address }) => ({ name, address })),
    account: context.backend.account,
    table: "sbtest1",
    rows: TABLE_ROWS,
  };
}
