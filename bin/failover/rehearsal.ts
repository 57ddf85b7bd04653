import { setTimeout as pause } from "node:timers/promises";
import {
  type AuroraCluster,
  type ClusterDescription,
  checkLoad,
  describeAurora,
  type Engine,
  type FailoverEvent,
  type FailoverMode,
  type FailoverOptions,
  failOver,
  findCluster,
  Load,
  type LoadCheck,
  type LoadSummary,
  startAuroraCluster,
  summarise,
} from "../../local/index.ts";
import type { ProxyCounts } from "./proxy-watch.ts";
import { attachToProxy, type RehearsalProxy, startRehearsalProxy } from "./rehearsal-proxy.ts";

export interface RehearsalOptions {
  readonly mode: FailoverMode;
  readonly target?: string | undefined;
  /** `direct`, `proxy` or the address of another proxy. */
  readonly through: string;
  readonly promotionSeconds: number;
  /** Of load, in all; longer where the failover is not over by then. */
  readonly seconds: number;
  /** The load has transactions, too, not single statements only. */
  readonly transactions: boolean;
  readonly engine: Engine;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Rehearsal {
  readonly engine: string;
  readonly mode: FailoverMode;
  readonly through: string;
  readonly summary: LoadSummary;
  readonly check: LoadCheck;
  /** By the proxy's count; null where the load went through none of ours. */
  readonly proxyCounts: ProxyCounts | null;
  readonly statementsPerSecond: number;
  readonly load: Load;
  readonly zero: number;
}

/** What a rehearsal needs of a cluster, here or in another process. */
interface Stage {
  describe(): Promise<ClusterDescription>;
  failOver(options: FailoverOptions): Promise<FailoverEvent[]>;
  stop(): Promise<void>;
}

/** Share of the load's time that passes before the failover. */
const BEFORE_SHARE = 0.25;

/** Load, a failover in the middle of it, and the count of what has become of every write. */
export async function rehearse(options: RehearsalOptions): Promise<Rehearsal> {
  const stage = await openStage(options);
  let proxy: RehearsalProxy | null = null;
  try {
    const cluster = await stage.describe();
    if (options.through === "proxy") {
      options.say(cluster.proxy === null ? "starting the proxy" : "using its proxy");
      proxy =
        cluster.proxy === null
          ? await startRehearsalProxy(cluster, options.signal)
          : await attachToProxy(cluster.proxy);
    }
    const address = proxy ?? addressOf(options.through) ?? cluster.login;
    const login = { ...cluster.login, host: address.host, port: address.port };
    return await perform(options, { stage, cluster, proxy, login });
  } finally {
    await proxy?.stop();
    await stage.stop();
  }
}

interface Scene {
  readonly stage: Stage;
  readonly cluster: ClusterDescription;
  readonly proxy: RehearsalProxy | null;
  readonly login: ClusterDescription["login"];
}

async function perform(options: RehearsalOptions, scene: Scene): Promise<Rehearsal> {
  const { mode, target, promotionSeconds, through, seconds, transactions, signal, say } = options;
  const { stage, cluster, proxy, login } = scene;
  say(
    `load through ${through} for ${seconds} s, ${mode} failover after ${seconds * BEFORE_SHARE} s`,
  );
  const began = performance.now();
  const load = await Load.start({ login, transactions });
  let steps: FailoverEvent[];
  try {
    await pause(seconds * BEFORE_SHARE * 1_000, undefined, { signal });
    steps = await stage.failOver({ mode, promotionSeconds, ...(target ? { target } : {}) });
    const left = seconds * 1_000 - (performance.now() - began);
    await pause(Math.max(left, seconds * BEFORE_SHARE * 1_000), undefined, { signal });
  } finally {
    await load.stop();
  }
  const loadSeconds = (performance.now() - began) / 1_000;
  const proxyCounts = (await proxy?.watch.counts()) ?? null;
  // Counted at the writer itself, whatever a proxy would say.
  const writer = (await stage.describe()).instances.find(({ role }) => role === "writer")!;
  const check = await checkLoad(load, { ...cluster.login, host: writer.host, port: writer.port });
  return {
    engine: `${cluster.engine} ${cluster.version}`,
    mode,
    through,
    summary: summarise(load.requests, steps, proxy?.watch.signs ?? []),
    check,
    proxyCounts,
    statementsPerSecond: load.statements / loadSeconds,
    load,
    zero: steps[0]?.at ?? 0,
  };
}

function addressOf(through: string): { host: string; port: number } | null {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(through) ?? [];
  return host === undefined ? null : { host, port: Number(port) };
}

async function openStage(options: RehearsalOptions): Promise<Stage> {
  const running = await findCluster();
  if (running !== null) {
    options.say(`using the cluster of process ${running.pid}`);
    return {
      describe: () => running.describe(),
      failOver: (wanted) => running.failOver(wanted),
      stop: async () => {},
    };
  }
  if (addressOf(options.through) !== null) {
    throw new Error(
      `no cluster runs here that ${options.through} could lead to: start one with sluice cluster`,
    );
  }
  options.say(`no cluster runs here: starting one of ${options.engine}`);
  const { engine, signal, say } = options;
  const aurora: AuroraCluster = await startAuroraCluster({ engine, signal, say });
  return {
    describe: async () => describeAurora(aurora),
    failOver: (wanted) => failOver(aurora, wanted),
    stop: () => aurora.stop(),
  };
}
