/**
 * The network of a template on this machine: every part has its own loopback address, on which it has its real ports, and its
 * real names. Linux takes all of 127.0.0.0/8; elsewhere the addresses have to be added first.
 */
import { randomInt } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where nobody listens: what a security group keeps away. */
const NOWHERE = "127.255.255.254";

/** One second byte and one third byte for a run, so that several runs do not meet. */
export class AddressPlan {
  readonly #prefix = `127.${randomInt(16, 250)}.${randomInt(1, 250)}`;
  #last = 0;

  next(): string {
    this.#last += 1;
    if (this.#last > 254) throw new Error("there are no more addresses for parts of this run");
    return `${this.#prefix}.${this.#last}`;
  }
}

/** What names mean to one part. Names that it may not connect to lead nowhere. */
export class NameTable {
  readonly #addresses = new Map<string, string>();

  /** null: it may not connect there. */
  add(name: string, address: string | null): void {
    this.#addresses.set(name.toLowerCase(), address ?? NOWHERE);
  }

  /** For the program that looks names up in the part's own process. */
  get variables(): Record<string, string> {
    return { SLUICE_LOCAL_NAMES: JSON.stringify(Object.fromEntries(this.#addresses)) };
  }
}

export interface Destination {
  readonly host: string;
  readonly port: number;
}

export interface ForwarderOptions {
  readonly host: string;
  readonly port: number;
  /** Chosen for each connection; null refuses it. */
  readonly choose: () => Destination | null;
  /** Milliseconds of silence after which a connection is cut; 0: never. */
  readonly idleMs?: number;
}

/** Passes connections on, as a load balancer of the fourth layer does. */
export class Forwarder {
  readonly #server: Server;
  readonly #options: ForwarderOptions;
  readonly #open = new Map<Socket, Destination>();

  private constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#take(client),
    );
  }

  static async start(options: ForwarderOptions): Promise<Forwarder> {
    const forwarder = new Forwarder(options);
    await new Promise<void>((resolve, reject) => {
      forwarder.#server.once("error", reject);
      forwarder.#server.listen(options.port, options.host, 4_096, resolve);
    });
    return forwarder;
  }

  /** Connections that are open to a destination now. */
  openTo({ host, port }: Destination): number {
    let count = 0;
    for (const to of this.#open.values()) if (to.host === host && to.port === port) count += 1;
    return count;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const client of this.#open.keys()) client.destroy();
    await closed;
  }

  #take(client: Socket): void {
    client.on("error", () => {});
    const to = this.#options.choose();
    if (to === null) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...to, allowHalfOpen: true, noDelay: true });
    this.#open.set(client, to);
    const idleMs = this.#options.idleMs ?? 0;
    for (const socket of [client, server]) {
      socket.once("error", () => {});
      if (idleMs > 0) socket.setTimeout(idleMs, () => socket.resetAndDestroy());
    }
    // Either end that is gone takes the other one with it.
    client.once("close", () => {
      this.#open.delete(client);
      server.destroy();
    });
    server.once("close", () => client.destroy());
    client.pipe(server);
    server.pipe(client);
  }
}
