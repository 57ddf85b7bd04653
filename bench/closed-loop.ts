import { serveRequests } from "./child.ts";
import { type Account, Credentials } from "./raw/auth.ts";
import { type Owner, RawClient } from "./raw/client.ts";
import type { Address } from "./raw/transport.ts";
import { encodeQuery } from "./raw/walk.ts";

/**
 * The load generator of latencies: one connection to each of several addresses, one query at a time. Batches alternate
 * between the addresses, so that whatever else the machine does meets all of them.
 */
export interface LoopTarget {
  name: string;
  address: Address;
}

export interface LoopOptions {
  targets: LoopTarget[];
  account: Account;
  /** Point queries on this table, ids 1 to `rows`. */
  table: string;
  rows: number;
}

const TEXTS = 1_024;
/** Queries at the start of each batch that are not counted: caches and the scheduler turn to the new address. */
const UNCOUNTED = 20;

class Loop implements Owner {
  readonly #client: RawClient;
  readonly #queries: Buffer[];
  #next = 0;
  #left = 0;
  #untilMs = 0;
  #latencies: number[] = [];
  #sentMs = 0;
  #settle: ((error: Error | null) => void) | null = null;

  constructor(address: Address, credentials: Credentials, queries: Buffer[]) {
    this.#queries = queries;
    this.#client = new RawClient({ address, credentials }, this);
  }

  opened(): Promise<void> {
    return this.#promise();
  }

  /** Microseconds of each of `count` queries, one after the other. */
  async batch(count: number): Promise<number[]> {
    this.#left = count + UNCOUNTED;
    this.#latencies = [];
    this.#ask();
    await this.#promise();
    return this.#latencies.slice(UNCOUNTED);
  }

  /** Microseconds of every query until the time is over. */
  async during(milliseconds: number): Promise<number[]> {
    this.#left = Number.POSITIVE_INFINITY;
    this.#untilMs = performance.now() + milliseconds;
    this.#latencies = [];
    this.#ask();
    await this.#promise();
    return this.#latencies;
  }

  /** Ends a running `during` after its present query. */
  finish(): void {
    this.#untilMs = 0;
  }

  quit(): void {
    this.#client.quit();
  }

  ready(): void {
    this.#settle?.(null);
  }

  answered(): void {
    const nowMs = performance.now();
    this.#latencies.push((nowMs - this.#sentMs) * 1_000);
    this.#left--;
    if (this.#left === 0 || (this.#left === Number.POSITIVE_INFINITY && nowMs >= this.#untilMs)) {
      this.#settle?.(null);
    } else {
      this.#ask();
    }
  }

  closed(_client: RawClient, reason: string | null): void {
    if (reason !== null) this.#settle?.(new Error(reason));
  }

  #ask(): void {
    const query = this.#queries[this.#next++ % this.#queries.length]!;
    this.#sentMs = performance.now();
    this.#client.query(query);
  }

  #promise(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
    });
  }
}

const loops = new Map<string, Loop>();

async function open({ targets, account, table, rows }: LoopOptions): Promise<void> {
  const queries = Array.from({ length: TEXTS }, (_, text) =>
    encodeQuery(`SELECT c FROM ${table} WHERE id=${1 + ((text * 7_919) % rows)}`),
  );
  const credentials = new Credentials(account);
  for (const { name, address } of targets) {
    const loop = new Loop(address, credentials, queries);
    await loop.opened();
    loops.set(name, loop);
  }
}

/** `batches` batches of `queries` queries on every connection, in a new random order each time. */
async function alternate(input: {
  batches: number;
  queries: number;
}): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const name of loops.keys()) all[name] = [];
  for (let batch = 0; batch < input.batches; batch++) {
    const order = [...loops.entries()]
      .map(([name, loop]) => ({ name, loop, key: Math.random() }))
      .sort((a, b) => a.key - b.key);
    for (const { name, loop } of order) {
      for (const latency of await loop.batch(input.queries)) all[name]!.push(latency);
    }
  }
  return all;
}

serveRequests({
  open,
  alternate,
  during: ({ name, milliseconds }: { name: string; milliseconds: number }) =>
    loops.get(name)!.during(milliseconds),
  finish: ({ name }: { name: string }) => loops.get(name)!.finish(),
  quit: () => {
    for (const loop of loops.values()) loop.quit();
    loops.clear();
  },
});
