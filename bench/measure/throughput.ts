import type { Values } from "../case.ts";
import type { Context } from "../context.ts";
import { type CpuTime, cpuSince, cpuTime, residentBytes } from "../cpu.ts";
import { type Peer, pidsOf } from "../peers.ts";
import { runSysbench } from "../sysbench.ts";

export interface Workload {
  script: string;
  prepared: boolean;
  threads: number;
}

const IDLE_CPU: CpuTime = { userMicros: 0, systemMicros: 0 };

/** One sysbench run against one peer; processor time is read at both ends of its window. */
export async function measureThroughput(
  context: Context,
  peer: Peer,
  { script, prepared, threads }: Workload,
): Promise<Values> {
  if (prepared && peer.name === "sluice" && threads > context.pool) {
    throw new Error(
      `left out: RDS Proxy pins sessions that prepare, so ${threads} of them need more than ${context.pool} backends`,
    );
  }
  const proxyPids = pidsOf(peer);
  const serverPids = [context.backend.pid];
  let proxy = IDLE_CPU;
  let server = IDLE_CPU;
  let rss = 0;
  const result = await runSysbench({
    program: context.sysbench,
    script,
    address: peer.address,
    account: context.backend.account,
    threads,
    seconds: context.seconds,
    prepared,
    windowBegins: () => {
      proxy = cpuTime(proxyPids);
      server = cpuTime(serverPids);
    },
    windowEnds: () => {
      proxy = cpuSince(proxyPids, proxy);
      server = cpuSince(serverPids, server);
      rss = residentBytes(proxyPids);
    },
  });
  return {
    qps: result.queries / result.seconds,
    ...cpuValues(peer, proxy, result.queries),
    serverUs: (server.userMicros + server.systemMicros) / result.queries,
    p50Ms: result.p50Ms,
    p95Ms: result.p95Ms,
    p99Ms: result.p99Ms,
    ...(peer.pid === null ? {} : { proxyMb: rss / 1e6 }),
    ignoredErrors: result.ignoredErrors,
  };
}

/** Microseconds of a proxy for each of `count` things; nothing where there is no proxy process. */
export function cpuValues(peer: Peer, used: CpuTime, count: number): Values {
  if (peer.pid === null) return {};
  return {
    proxyUs: (used.userMicros + used.systemMicros) / count,
    proxyUserUs: used.userMicros / count,
  };
}
