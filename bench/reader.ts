import { serveRequests } from "./child.ts";
import { type Account, Credentials } from "./raw/auth.ts";
import { type Owner, RawClient } from "./raw/client.ts";
import type { Address } from "./raw/transport.ts";
import { encodeQuery } from "./raw/walk.ts";

/** The load generator of large results: one query, read as fast as possible or at a given pace. */
export interface ReadOptions {
  address: Address;
  account: Account;
  sql: string;
  /** Bytes a second; absent: as fast as they come. */
  pace?: number;
  /** After so long a paced reader goes away in mid-response. */
  stopAfterMs?: number;
}

export interface ReadResult {
  bytes: number;
  milliseconds: number;
}

class Reader implements Owner {
  readonly #options: ReadOptions;
  readonly #done: (result: ReadResult | Error) => void;
  #bytes = 0;
  #startedMs = 0;

  constructor(options: ReadOptions, done: (result: ReadResult | Error) => void) {
    this.#options = options;
    this.#done = done;
    new RawClient(
      { address: options.address, credentials: new Credentials(options.account) },
      this,
    );
  }

  ready(client: RawClient): void {
    this.#bytes = 0;
    this.#startedMs = performance.now();
    client.query(encodeQuery(this.#options.sql));
    const { stopAfterMs } = this.#options;
    if (stopAfterMs !== undefined) {
      setTimeout(() => {
        this.#finish();
        client.abort();
      }, stopAfterMs);
    }
  }

  progressed(client: RawClient, size: number): void {
    this.#bytes += size;
    const { pace } = this.#options;
    if (pace === undefined || this.#startedMs === 0) return;
    const dueMs = (this.#bytes / pace) * 1_000;
    const aheadMs = dueMs - (performance.now() - this.#startedMs);
    if (aheadMs <= 1) return;
    client.pause();
    setTimeout(() => client.resume(), aheadMs);
  }

  answered(client: RawClient): void {
    this.#finish();
    client.quit();
  }

  closed(_client: RawClient, reason: string | null): void {
    if (reason !== null) this.#done(new Error(reason));
  }

  #finish(): void {
    this.#done({ bytes: this.#bytes, milliseconds: performance.now() - this.#startedMs });
  }
}

serveRequests({
  read: (options: ReadOptions) =>
    new Promise<ReadResult>((resolve, reject) => {
      new Reader(options, (result) => (result instanceof Error ? reject(result) : resolve(result)));
    }),
});
