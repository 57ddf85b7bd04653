import { setTimeout as wait } from "node:timers/promises";
import type { Values } from "../case.ts";
import type { Context } from "../context.ts";
import { cpuSince, cpuTime } from "../cpu.ts";
import { type Peer, pidsOf } from "../peers.ts";
import { quantiles } from "../stats.ts";
import type { StormOptions, StormWindow } from "../storm.ts";
import { cpuValues } from "./throughput.ts";

const GENERATORS = 2;
const AT_ONCE = 16;
const WARM_UP_MS = 1_000;

export async function measureStorm(
  context: Context,
  peer: Peer,
  tls: StormOptions["tls"],
): Promise<Values> {
  const loads = await context.loads.get("storm.ts", GENERATORS);
  const options: StormOptions = {
    address: peer.address,
    account: context.backend.account,
    atOnce: AT_ONCE / GENERATORS,
    tls,
  };
  const proxyPids = pidsOf(peer);
  const serverPids = [context.backend.pid];
  await Promise.all(loads.map((load) => load.call("start", options)));
  try {
    await wait(WARM_UP_MS);
    await Promise.all(loads.map((load) => load.call("begin", null)));
    const began = performance.now();
    const proxyBefore = cpuTime(proxyPids);
    const serverBefore = cpuTime(serverPids);
    await wait(context.seconds * 1_000);
    const windows = await Promise.all(loads.map((load) => load.call<StormWindow>("end", null)));
    const seconds = (performance.now() - began) / 1_000;
    const proxy = cpuSince(proxyPids, proxyBefore);
    const server = cpuSince(serverPids, serverBefore);
    const latencies = windows.flatMap(({ latenciesMs }) => latenciesMs);
    const sum = (key: "failures" | "resumed" | "cpuMicros") =>
      windows.reduce((total, window) => total + window[key], 0);
    if (latencies.length === 0) {
      throw new Error(`no connection succeeded: ${windows[0]!.lastFailure ?? "no answer"}`);
    }
    const [p50, p95] = quantiles(latencies, 0.5, 0.95);
    return {
      rate: latencies.length / seconds,
      ...cpuValues(peer, proxy, latencies.length),
      serverUs: (server.userMicros + server.systemMicros) / latencies.length,
      p50Ms: p50!,
      p95Ms: p95!,
      generatorUs: sum("cpuMicros") / latencies.length,
      failures: sum("failures"),
      resumedPercent: (100 * sum("resumed")) / latencies.length,
    };
  } finally {
    await Promise.all(loads.map((load) => load.call("stop", null)));
  }
}
