import { createServer, type Server, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type Faults, LinkPipe, NO_FAULTS } from "./link-pipe.ts";
import { seededRandom } from "./seeded-random.ts";

export interface LinkAddress {
  readonly host: string;
  readonly port: number;
}

/** One client's way through a link. */
export interface LinkSession {
  /** Ends when it is over, for whatever reason. */
  readonly ended: Promise<void>;
  /** The faults have changed. */
  refresh(): void;
  /** Both ends get a RST. */
  reset(): void;
  /** The server's end is closed; the client is not told, and what it sends is lost. */
  halfOpen(): void;
}

/** What a session needs of its link. */
export interface SessionGround {
  readonly client: Socket;
  readonly server: LinkAddress;
  readonly faults: Readonly<Faults>;
  readonly random: () => number;
}

export interface FaultLinkOptions {
  /** Where sessions lead to; asked for each of them. */
  readonly server: () => LinkAddress;
  /** Tried first; another one is taken where it is not free. */
  readonly port?: number;
  readonly seed?: number;
  /** Makes a session; bytes pass as they are when absent. */
  readonly openSession?: (ground: SessionGround) => LinkSession;
}

const HOST = "127.0.0.1";
const LISTEN_MS = 10_000;
const STOP_MS = 2_000;
const POLL_MS = 50;

/** A way to a server that can be made bad: slow, lossy, cut, closed. */
export class FaultLink {
  readonly host = HOST;
  readonly faults: Faults = { ...NO_FAULTS };
  readonly #options: FaultLinkOptions;
  readonly #random: () => number;
  readonly #sessions = new Set<LinkSession>();
  #listener: Server | null = null;
  #port = 0;

  private constructor(options: FaultLinkOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
  }

  static async start(options: FaultLinkOptions): Promise<FaultLink> {
    const link = new FaultLink(options);
    const wanted = options.port ?? 0;
    await link.#listen(wanted).catch(() => link.#listen(0));
    return link;
  }

  get port(): number {
    return this.#port;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Sets some faults; the others stay. */
  set(faults: Partial<Faults>): void {
    Object.assign(this.faults, faults);
    for (const session of this.#sessions) session.refresh();
  }

  heal(): void {
    this.set(NO_FAULTS);
  }

  /** Resets every connection that there is. */
  reset(): void {
    for (const session of this.#sessions) session.reset();
  }

  /** Closes the server's end of every connection without a word to the client. */
  halfOpen(): void {
    for (const session of this.#sessions) session.halfOpen();
  }

  /** Refuses new connections, as a machine does on which no server runs. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = null;
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    const deadline = performance.now() + LISTEN_MS;
    while (this.#listener === null) {
      try {
        await this.#listen(this.#port);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await pause(POLL_MS);
      }
    }
  }

  /** Takes a client that has come another way, such as a cluster's endpoint. */
  take(client: Socket): void {
    if (this.#listener === null) resetSocket(client);
    else this.#open(client);
  }

  async stop(): Promise<void> {
    this.refuse();
    const ends = [...this.#sessions].map((session) => session.ended);
    this.reset();
    // Whoever stops a link goes on, whatever a socket may wait for.
    await Promise.race([Promise.all(ends), pause(STOP_MS, undefined, { ref: false })]);
  }

  async #listen(port: number): Promise<void> {
    const listener = createServer({ noDelay: true, allowHalfOpen: true }, (client) =>
      this.#open(client),
    );
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(port, HOST, 1_024, resolve);
    });
    const address = listener.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
    this.#listener = listener;
  }

  #open(client: Socket): void {
    const { server, openSession = (ground) => new PlainSession(ground) } = this.#options;
    const session = openSession({
      client,
      server: server(),
      faults: this.faults,
      random: this.#random,
    });
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
  }
}

/** Connects to the server's end; nothing of it may surprise the process. */
export function dial({ host, port }: LinkAddress): Socket {
  const socket = new Socket({ allowHalfOpen: true });
  socket.setNoDelay(true);
  return socket.connect(port, host);
}

/** The two ends of a session: whatever ends one of them ends the other in the same way. */
export class SessionEnds {
  readonly client: Socket;
  readonly server: Socket;
  readonly ended: Promise<void>;
  /** TLS sits on both sockets: it sends their ends without their knowledge, and they can be reset no more. */
  secured = false;
  #silent = false;

  constructor({ client, server, faults }: SessionGround) {
    this.client = client;
    this.server = dial(server);
    const closed = (socket: Socket, other: Socket) =>
      new Promise<void>((resolve) => {
        let failed = false;
        socket.on("error", () => {
          failed = true;
        });
        const over = (): void => {
          // A lost packet tells nobody anything; the other end learns of it when packets arrive again.
          if (!faults.dropped && !this.#silent) this.#endLike(other, failed);
          resolve();
        };
        // A client may be gone before its session begins.
        if (socket.closed) over();
        else socket.once("close", over);
      });
    this.ended = Promise.all([closed(client, this.server), closed(this.server, client)]).then(
      () => {},
    );
  }

  refresh(faults: Readonly<Faults>): void {
    if (faults.dropped || this.#silent) return;
    if (this.client.destroyed) this.#reset(this.server);
    if (this.server.destroyed) this.#reset(this.client);
  }

  reset(): void {
    this.#reset(this.client);
    this.#reset(this.server);
  }

  /** Ends the server's end alone. */
  silence(): void {
    this.#silent = true;
    this.server.destroy();
    // What the client does later is nobody's business but ours.
    this.client.once("end", () => this.client.destroy());
  }

  #reset(socket: Socket): void {
    if (this.secured) socket.destroy();
    else resetSocket(socket);
  }

  #endLike(socket: Socket, failed: boolean): void {
    if (socket.destroyed) return;
    if (failed) this.#reset(socket);
    else socket.destroySoon();
  }
}

/** What `resetAndDestroy()` of node:net sets, too. */
interface Resettable {
  resetAndClosing?: boolean;
}

/**
 * Closes with a RST. `resetAndDestroy()` sends the end first, and a socket that fails before that has left is never closed then: neither
 * would its session be, nor could the process end. One that has sent its end already is closed as it is.
 */
export function resetSocket(socket: Socket): void {
  if (!socket.writableEnded && !socket.connecting) (socket as Resettable).resetAndClosing = true;
  socket.destroy();
}

class PlainSession implements LinkSession {
  readonly ended: Promise<void>;
  readonly #ends: SessionEnds;
  readonly #ground: SessionGround;
  readonly #there: LinkPipe;
  readonly #back: LinkPipe;

  constructor(ground: SessionGround) {
    this.#ground = ground;
    this.#ends = new SessionEnds(ground);
    const { client, server, ended } = this.#ends;
    this.ended = ended;
    const { faults, random } = ground;
    const onReset = () => this.reset();
    this.#there = new LinkPipe({
      from: client,
      to: server,
      faults,
      random,
      answers: false,
      onReset,
    });
    this.#back = new LinkPipe({ from: server, to: client, faults, random, answers: true, onReset });
  }

  refresh(): void {
    this.#there.refresh();
    this.#back.refresh();
    this.#ends.refresh(this.#ground.faults);
  }

  reset(): void {
    this.#ends.reset();
  }

  halfOpen(): void {
    this.#there.deafen();
    this.#back.deafen();
    this.#ends.silence();
  }
}
