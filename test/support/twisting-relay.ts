import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What is done to what a server sends, connection by connection. */
export interface Twist {
  /** Only for logins that carry this name: the monitor's connection is left alone. */
  readonly user: string;
  /** Bytes of the server's that pass untouched. */
  readonly after: number;
  /** From there on, with each piece that comes. Returns what is sent in its place; null closes the connection. */
  readonly piece: (bytes: Buffer, at: number) => Buffer | null;
}

/** Stands between proxy and server, and twists what the server says. */
export class TwistingRelay implements AsyncDisposable {
  /** For connections that open from now on. */
  twist: Twist | null = null;
  /** Takes the server's place: is told of each connection, and says what it likes. */
  impostor: ((socket: Socket) => void) | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** First packets of the connections. */
  readonly #users = new Map<Socket, Buffer>();
  readonly #target: { readonly host: string; readonly port: number };

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (socket) => this.#relay(socket));
  }

  static async start(target: {
    readonly host: string;
    readonly port: number;
  }): Promise<TwistingRelay> {
    const relay = new TwistingRelay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open, those to the proxy alone. */
  get open(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  /** Ends every connection, or those alone whose login carries this name. */
  cut(user?: string): void {
    for (const socket of this.#sockets) {
      if (user === undefined || this.#users.get(socket)?.includes(user)) socket.destroy();
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#users.delete(socket);
    });
    socket.on("error", () => {});
  }

  #relay(client: Socket): void {
    this.#keep(client);
    if (this.impostor !== null) return this.impostor(client);
    const server = connect({ ...this.#target, noDelay: true });
    this.#keep(server);
    const { twist } = this;
    let twisted: Twist | null = null;
    let passed = 0;
    let isFirst = true;
    client.on("data", (bytes: Buffer) => {
      if (isFirst && twist !== null && bytes.includes(twist.user)) twisted = twist;
      if (isFirst) this.#users.set(client, bytes);
      isFirst = false;
      server.write(bytes);
    });
    server.on("data", (bytes: Buffer) => {
      const clean =
        twisted === null
          ? bytes.length
          : Math.min(bytes.length, Math.max(0, twisted.after - passed));
      if (clean > 0) client.write(bytes.subarray(0, clean));
      passed += bytes.length;
      if (clean === bytes.length || twisted === null) return;
      const instead = twisted.piece(bytes.subarray(clean), passed - bytes.length + clean);
      if (instead === null) client.end();
      else if (instead.length > 0) client.write(instead);
    });
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
