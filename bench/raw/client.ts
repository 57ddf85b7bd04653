import {
  CAPABILITY,
  type Credentials,
  commonCapabilities,
  decodeGreeting,
  decodeSwitch,
  encodeLogin,
  encodeTlsRequest,
} from "./auth.ts";
import {
  type Address,
  openPlain,
  type Receiver,
  SocketTransport,
  type Transport,
} from "./transport.ts";
import { encodePacket, type PacketSink, PacketWalk, QUIT } from "./walk.ts";

/** What a client tells its owner. One owner serves many clients, so that no closures are made for each. */
export interface Owner {
  ready(client: RawClient): void;
  /** A response has ended. */
  answered(client: RawClient): void;
  /** The connection is gone; `reason` is null after `quit`. */
  closed(client: RawClient, reason: string | null): void;
  /** Bytes of a response arrived (for readers that count or slow down). */
  progressed?(client: RawClient, size: number): void;
}

export interface ClientOptions {
  address: Address;
  credentials: Credentials;
  tls?: TlsUse;
}

/** TLS of a client: each new session ticket is kept here and, where `resume` is set, used for the next connection. */
export interface TlsUse {
  resume: boolean;
  session: Buffer | null;
}

const OK = 0x00;
const MORE_DATA = 0x01;
const EOF = 0xfe;
const ERR = 0xff;
const FAST_LOGIN_DONE = 0x03;
const ASK_PUBLIC_KEY = 0x02;
/** An EOF packet is shorter than any row that begins with the same byte. */
const EOF_BYTES = 9;

type State = "greeting" | "login" | "ready" | "answer" | "columns" | "rows" | "closing";

/** Speaks just enough of the protocol: logs in, sends text queries one at a time, walks their responses, quits. */
export class RawClient implements Receiver, PacketSink {
  /** For the owner's use: when the running step began, a mark, a count. */
  startedMs = 0;
  resumed = false;
  readonly #owner: Owner;
  readonly #options: ClientOptions;
  readonly #walk = new PacketWalk();
  readonly #transport: Transport;
  #state: State = "greeting";
  #capabilities = 0;
  #nonce: Buffer = Buffer.alloc(0);
  #failure: string | null = null;

  constructor(options: ClientOptions, owner: Owner) {
    this.#options = options;
    this.#owner = owner;
    this.#transport = options.tls
      ? new SocketTransport(options.address, this)
      : openPlain(options.address, this);
  }

  /** Sends a packet made by `encodeQuery`. */
  query(packet: Buffer): void {
    if (this.#state !== "ready") throw new Error(`query while ${this.#state}`);
    this.#state = "answer";
    this.#transport.write(packet);
  }

  quit(): void {
    this.#state = "closing";
    this.#transport.write(QUIT);
    this.#transport.close();
  }

  /** Closes without a word, in mid-response if need be. */
  abort(): void {
    this.#state = "closing";
    this.#transport.close();
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  received(bytes: Buffer, size: number): void {
    this.#walk.feed(bytes, size, this);
    this.#owner.progressed?.(this, size);
  }

  closed(reason: string): void {
    const expected = this.#state === "closing" && this.#failure === null;
    this.#owner.closed(this, expected ? null : (this.#failure ?? `${reason} while ${this.#state}`));
    this.#state = "closing";
  }

  packet(bytes: Buffer, start: number, kept: number, length: number): void {
    const first = kept > 0 ? bytes[start]! : -1;
    if (first === ERR && this.#state !== "closing") {
      this.#fail(decodeError(bytes, start, kept));
      return;
    }
    switch (this.#state) {
      case "greeting":
        this.#greeted(bytes.subarray(start, start + kept));
        break;
      case "login":
        this.#authenticate(first, bytes.subarray(start, start + kept));
        break;
      case "answer":
        if (first === OK) this.#answered();
        else this.#state = this.#capabilities & CAPABILITY.deprecateEof ? "rows" : "columns";
        break;
      case "columns":
        if (first === EOF && length < EOF_BYTES) this.#state = "rows";
        break;
      case "rows":
        if (first === EOF && this.#endsRows(length)) this.#answered();
        break;
      default:
        break;
    }
  }

  /** A row whose first value is longer than 16 MiB begins with the same byte; such rows are longer than any OK. */
  #endsRows(length: number): boolean {
    return this.#capabilities & CAPABILITY.deprecateEof ? length < 0xffffff : length < EOF_BYTES;
  }

  #answered(): void {
    this.#state = "ready";
    this.#owner.answered(this);
  }

  #greeted(payload: Buffer): void {
    const greeting = decodeGreeting(payload);
    const { credentials, tls } = this.#options;
    this.#nonce = greeting.nonce;
    this.#state = "login";
    if (!tls) {
      this.#capabilities = commonCapabilities(greeting, false);
      this.#transport.write(encodeLogin(greeting, credentials, false));
      return;
    }
    this.#capabilities = commonCapabilities(greeting, true);
    this.#transport.write(encodeTlsRequest(this.#capabilities));
    const transport = this.#transport as SocketTransport;
    const secure = transport.startTls(tls.resume ? tls.session : null, (session) => {
      tls.session = session;
    });
    secure.once("secureConnect", () => {
      this.resumed = secure.isSessionReused();
    });
    this.#transport.write(encodeLogin(greeting, credentials, true));
  }

  #authenticate(first: number, payload: Buffer): void {
    const { credentials, tls } = this.#options;
    const next = this.#walk.sequence + 1;
    if (first === OK) {
      this.#state = "ready";
      this.#owner.ready(this);
    } else if (first === EOF) {
      const asked = decodeSwitch(payload);
      this.#nonce = asked.nonce;
      this.#transport.write(encodePacket(next, credentials.scramble(asked.plugin, asked.nonce)));
    } else if (first === MORE_DATA && payload.length > 2) {
      const key = payload.toString("latin1", 1);
      this.#transport.write(encodePacket(next, credentials.encrypted(key, this.#nonce)));
    } else if (first === MORE_DATA && payload[1] !== FAST_LOGIN_DONE) {
      const answer = tls ? credentials.clear : Buffer.from([ASK_PUBLIC_KEY]);
      this.#transport.write(encodePacket(next, answer));
    }
  }

  #fail(reason: string): void {
    this.#failure = reason;
    this.#state = "closing";
    this.#transport.close();
  }
}

function decodeError(bytes: Buffer, start: number, kept: number): string {
  const code = bytes.readUInt16LE(start + 1);
  const from = bytes[start + 3] === 0x23 ? start + 9 : start + 3;
  return `ERROR ${code}: ${bytes.toString("utf8", from, start + kept)}`;
}
