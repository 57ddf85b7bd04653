import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { BackendLogin } from "../../proxy/auth/client-exchange.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeChangeUser } from "../../proxy/wire/change-user.ts";
import { decodeGreeting, type Greeting } from "../../proxy/wire/greeting.ts";
import { encodeLogin } from "../../proxy/wire/login.ts";
import { BrokenProtocol, type ResponseEnd, responseEnd, type Shape } from "./response-end.ts";

/** The answer to one command: its packets as they came, headers included. */
export type Packets = readonly Buffer[];

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly schema: string;
  readonly charset: number;
  /** Wanted capabilities; those that the server does not offer are left out. */
  readonly capabilities: number;
}

/** The link broke, or nothing came for too long. */
export class LinkLost extends Error {}

/** What the proxy does with a server that breaks the protocol, a client does by itself. */
const CLOSED = "the connection was closed";
const ANSWER_MS = 300_000;
const NEEDED =
  Capability.PROTOCOL_41 |
  Capability.LONG_FLAG |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS;

/** A client that hides nothing: commands go out as they are given, packets come back as the server framed them. */
export class RawClient {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #size = 0;
  #closed = false;
  #stir: (() => void) | null = null;
  #sequence = 0;
  capabilities = 0;
  #greeting: Greeting | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.#received.push(bytes);
      this.#size += bytes.length;
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(address: Address, login: Login): Promise<{ client: RawClient; last: Buffer }> {
    const socket = connect(address);
    await once(socket, "connect");
    const client = new RawClient(socket);
    const last = await client.#logIn(login);
    return { client, last };
  }

  /** Sends a command and reads its answer to the end. */
  async ask(payload: Buffer, shape: Shape): Promise<Packets> {
    this.tell(payload);
    if (shape === "none") return [];
    const packets: Buffer[] = [];
    const end = responseEnd(shape, this.capabilities);
    for (;;) {
      const packet = await this.#packet();
      packets.push(packet);
      if (this.#isLast(end, packet)) return packets;
    }
  }

  #isLast(end: ResponseEnd, packet: Buffer): boolean {
    try {
      return end.isLast(packet.subarray(4));
    } catch (error) {
      if (error instanceof BrokenProtocol) throw new LinkLost(CLOSED);
      throw error;
    }
  }

  /** Sends a command that has no answer. */
  tell(payload: Buffer): void {
    this.#sequence = 0;
    this.#send(payload);
  }

  /** COM_CHANGE_USER; the last packet of the exchange. */
  async changeUser(login: Login): Promise<Buffer> {
    const greeting = this.#greeting as Greeting;
    const exchange = exchangeOf(greeting, login.password);
    const first = exchange.first();
    this.#sequence = 0;
    this.#send(
      encodeChangeUser(
        {
          user: login.user,
          authResponse: first.authResponse,
          schema: login.schema,
          charset: login.charset,
          plugin: first.plugin,
          attributes: Buffer.alloc(0),
        },
        this.capabilities,
      ),
    );
    return this.#finish(exchange);
  }

  /** Says good-bye, and waits until the other side has closed. */
  async quit(): Promise<void> {
    if (!this.#closed) {
      this.tell(Buffer.from([1]));
      // The other side may close before it has read all that was sent: an error then, which is none of a client that has left.
      const closed = new Promise((resolve) => this.#socket.once("close", resolve));
      this.#socket.end();
      await closed;
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #logIn(login: Login): Promise<Buffer> {
    const first = await this.#packet();
    const greeting = decodeGreeting(Buffer.from(first.subarray(4)));
    if (greeting.kind === "err") return first;
    this.#greeting = greeting;
    const wanted =
      login.capabilities | NEEDED | (login.schema === "" ? 0 : Capability.CONNECT_WITH_DB);
    const mariadb = (greeting.capabilities & Capability.LONG_PASSWORD) === 0;
    this.capabilities =
      (greeting.capabilities & (mariadb ? wanted : wanted | Capability.LONG_PASSWORD)) >>> 0;
    const exchange = exchangeOf(greeting, login.password);
    const auth = exchange.first();
    this.#send(
      encodeLogin({
        kind: "login",
        capabilities: this.capabilities,
        mariadbCapabilities: 0,
        maxPacketBytes: 0x4000_0000,
        charset: login.charset,
        user: login.user,
        authResponse: auth.authResponse,
        schema: login.schema,
        plugin: auth.plugin,
        attributes: Buffer.alloc(0),
        zstdLevel: 0,
      }),
    );
    return this.#finish(exchange);
  }

  async #finish(exchange: BackendLogin): Promise<Buffer> {
    for (;;) {
      const packet = await this.#packet();
      const step = exchange.receive(Buffer.from(packet.subarray(4)));
      if (step.kind === "send") this.#send(step.payload);
      else if (step.kind === "done") return packet;
      else if (step.kind === "failed") {
        if (step.failure.kind === "refused") return packet;
        throw new LinkLost(`the login failed: ${JSON.stringify(step.failure)}`);
      }
    }
  }

  #send(payload: Buffer): void {
    if (this.#closed) throw new LinkLost("the connection is closed");
    const header = Buffer.alloc(4);
    header.writeUIntLE(payload.length, 0, 3);
    header[3] = this.#sequence;
    this.#sequence = (this.#sequence + 1) & 0xff;
    this.#socket.write(Buffer.concat([header, payload]));
  }

  async #packet(): Promise<Buffer> {
    await this.#has(4);
    const length = (this.#received[0] as Buffer).readUIntLE(0, 3);
    if (length === 0xffffff) throw new LinkLost("scripts ask for nothing this large");
    await this.#has(4 + length);
    const all = this.#received[0] as Buffer;
    const packet = Buffer.from(all.subarray(0, 4 + length));
    this.#received = all.length > packet.length ? [all.subarray(packet.length)] : [];
    this.#size -= packet.length;
    this.#sequence = ((packet[3] as number) + 1) & 0xff;
    return packet;
  }

  /** Waits until this many bytes are there, in one piece. */
  async #has(bytes: number): Promise<void> {
    const deadline = performance.now() + ANSWER_MS;
    while (this.#size < bytes) {
      if (this.#closed) throw new LinkLost(CLOSED);
      if (performance.now() > deadline) throw new LinkLost("no answer");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#stir = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.#received.length > 1) this.#received = [Buffer.concat(this.#received)];
  }

  #wake(): void {
    const stir = this.#stir;
    this.#stir = null;
    stir?.();
  }
}

/** A login on a plain connection. */
function exchangeOf({ plugin, nonce }: Greeting, password: string): BackendLogin {
  const none = { secure: false, publicKey: null, mayAskForPublicKey: true };
  return new BackendLogin({ plugin, nonce, password, ...none });
}
