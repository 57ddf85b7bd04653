import { LoadProcess } from "./child.ts";
import type { Peer } from "./peers.ts";
import type { Backend } from "./server.ts";

/** What a case needs to measure. */
export interface Context {
  backend: Backend;
  peers: readonly Peer[];
  sysbench: string;
  /** Seconds of each window. */
  seconds: number;
  pool: number;
  idleClients: number;
  /** Bytes of the large result. */
  largeBytes: number;
  /** Queries of the latency case, for each peer and round. */
  latencyQueries: number;
  loads: Loads;
  /** Aborted when the run is to end early. */
  signal: AbortSignal;
}

/** Load generators, started when first needed and kept: they take a second to start. */
export class Loads {
  readonly #started = new Map<string, LoadProcess[]>();
  #stopped = false;

  async get(program: string, count: number): Promise<LoadProcess[]> {
    if (this.#stopped) throw new Error("the run is over");
    const started = this.#started.get(program) ?? [];
    this.#started.set(program, started);
    const missing = Math.max(0, count - started.length);
    started.push(
      ...(await Promise.all(Array.from({ length: missing }, () => LoadProcess.start(program)))),
    );
    return started.slice(0, count);
  }

  async one(program: string): Promise<LoadProcess> {
    return (await this.get(program, 1))[0]!;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const all = [...this.#started.values()].flat();
    this.#started.clear();
    await Promise.all(all.map((load) => load.stop()));
  }
}

/** Runs `work` with a freshly started process of the peer where we can start one. */
export async function withFresh<T>(peer: Peer, work: (fresh: Peer) => Promise<T>): Promise<T> {
  if (!peer.another) return work(peer);
  const fresh = await peer.another();
  try {
    return await work(fresh);
  } finally {
    await fresh.stop();
  }
}
