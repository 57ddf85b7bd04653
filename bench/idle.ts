import { serveRequests } from "./child.ts";
import { type Account, Credentials } from "./raw/auth.ts";
import { type Owner, RawClient } from "./raw/client.ts";
import type { Address } from "./raw/transport.ts";
import { encodeQuery } from "./raw/walk.ts";

/** The load generator of idle clients: each logs in, asks once, and stays. */
export interface IdleOptions {
  address: Address;
  account: Account;
  clients: number;
  tls: boolean;
}

const SELECT_1 = encodeQuery("SELECT 1");
const OPENING_AT_ONCE = 16;
/** A proxy that takes no more clients lets them wait: no progress for so long is a failure. */
const STALLED_MS = 20_000;

class IdleClients implements Owner {
  readonly #clients: RawClient[] = [];
  readonly #options: IdleOptions;
  readonly #credentials: Credentials;
  readonly #done: (error: Error | null) => void;
  readonly #stalled: NodeJS.Timeout;
  #started = 0;
  #idle = 0;

  constructor(options: IdleOptions, done: (error: Error | null) => void) {
    this.#options = options;
    this.#credentials = new Credentials(options.account);
    this.#done = done;
    this.#stalled = setTimeout(() => this.#end("no progress"), STALLED_MS);
    for (let opening = 0; opening < OPENING_AT_ONCE; opening++) this.#open();
  }

  ready(client: RawClient): void {
    client.query(SELECT_1);
  }

  answered(): void {
    this.#idle++;
    this.#stalled.refresh();
    if (this.#idle === this.#options.clients) this.#end(null);
    else this.#open();
  }

  closed(_client: RawClient, reason: string | null): void {
    if (reason !== null) this.#end(reason);
  }

  quit(): void {
    clearTimeout(this.#stalled);
    for (const client of this.#clients) client.quit();
  }

  #end(failure: string | null): void {
    clearTimeout(this.#stalled);
    this.#done(failure === null ? null : new Error(`after ${this.#idle} clients: ${failure}`));
  }

  #open(): void {
    if (this.#started >= this.#options.clients) return;
    this.#started++;
    const { address, tls } = this.#options;
    const session = tls ? { tls: { resume: false, session: null } } : {};
    this.#clients.push(
      new RawClient({ address, credentials: this.#credentials, ...session }, this),
    );
  }
}

let clients: IdleClients | null = null;

serveRequests({
  open: (options: IdleOptions) =>
    new Promise<void>((resolve, reject) => {
      clients = new IdleClients(options, (error) => (error ? reject(error) : resolve()));
    }),
  quit: () => clients!.quit(),
});
