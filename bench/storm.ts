import { serveRequests } from "./child.ts";
import { type Account, Credentials } from "./raw/auth.ts";
import { type Owner, RawClient, type TlsUse } from "./raw/client.ts";
import type { Address } from "./raw/transport.ts";
import { encodeQuery } from "./raw/walk.ts";

/**
 * The load generator of connection storms: connect, log in, one query, quit, and again; `atOnce` at any time.
 */
export interface StormOptions {
  address: Address;
  account: Account;
  atOnce: number;
  tls: "none" | "new" | "resumed";
}

export interface StormWindow {
  latenciesMs: number[];
  failures: number;
  lastFailure: string | null;
  resumed: number;
  /** Processor time of this generator in the window. */
  cpuMicros: number;
}

const SELECT_1 = encodeQuery("SELECT 1");
/** So many failures without one success in between end the storm. */
const GIVE_UP = 200;

class Storm implements Owner {
  readonly #options: StormOptions;
  readonly #credentials: Credentials;
  readonly #tls: TlsUse | null;
  #window: StormWindow = emptyWindow();
  #cpu = process.cpuUsage();
  #running = 0;
  #failedInRow = 0;
  #stopping: (() => void) | null = null;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.account);
    this.#tls =
      options.tls === "none" ? null : { resume: options.tls === "resumed", session: null };
    for (let started = 0; started < options.atOnce; started++) this.#open();
  }

  begin(): void {
    this.#window = emptyWindow();
    this.#cpu = process.cpuUsage();
  }

  end(): StormWindow {
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#window.cpuMicros = user + system;
    return this.#window;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping = resolve;
      if (this.#running === 0) resolve();
    });
  }

  ready(client: RawClient): void {
    client.query(SELECT_1);
  }

  answered(client: RawClient): void {
    this.#window.latenciesMs.push(performance.now() - client.startedMs);
    if (client.resumed) this.#window.resumed++;
    this.#failedInRow = 0;
    client.quit();
  }

  closed(_client: RawClient, reason: string | null): void {
    this.#running--;
    if (reason !== null) {
      this.#window.failures++;
      this.#window.lastFailure = reason;
      this.#failedInRow++;
    }
    if (this.#stopping === null && this.#failedInRow < GIVE_UP) this.#open();
    else if (this.#running === 0) this.#stopping?.();
  }

  #open(): void {
    this.#running++;
    const client = new RawClient(
      {
        address: this.#options.address,
        credentials: this.#credentials,
        ...(this.#tls ? { tls: this.#tls } : {}),
      },
      this,
    );
    client.startedMs = performance.now();
  }
}

function emptyWindow(): StormWindow {
  return { latenciesMs: [], failures: 0, lastFailure: null, resumed: 0, cpuMicros: 0 };
}

let storm: Storm | null = null;

serveRequests({
  start: (options: StormOptions) => {
    storm = new Storm(options);
  },
  begin: () => storm!.begin(),
  end: () => storm!.end(),
  stop: () => storm!.stop(),
});
