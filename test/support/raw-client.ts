import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { BackendLogin } from "../../proxy/auth/client-exchange.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { decodeErr, type ErrPacket } from "../../proxy/wire/err.ts";
import { decodeGreeting, type Greeting } from "../../proxy/wire/greeting.ts";
import { encodeAttributes, encodeLogin, encodeSslRequest } from "../../proxy/wire/login.ts";
import { ResponseShape } from "../../proxy/wire/response-walker.ts";
import { Status } from "../../proxy/wire/status.ts";
import { frame, MAX_PAYLOAD } from "./response-samples.ts";

export interface RawLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database?: string;
  /** Flags beside the usual ones. */
  readonly with?: number;
  /** MariaDB's extended flags. */
  readonly mariadb?: number;
  readonly charset?: number;
  readonly tls?: ConnectionOptions;
  /** The SSL request and the first bytes of the handshake leave in one piece. */
  readonly tlsAtOnce?: boolean;
}

/** What every client here can do. */
export const USUAL =
  Capability.LONG_FLAG |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.MULTI_STATEMENTS |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CONNECT_ATTRS;

/** One whole answer, as it came. */
export interface RawAnswer {
  readonly bytes: Buffer;
  readonly payloads: readonly Buffer[];
  readonly error: ErrPacket | null;
  /** Of the last OK or EOF packet. */
  readonly status: number;
}

/** A client that sends any bytes and reads answers as bytes: for what drivers would never do, and for comparisons. */
export class RawClient {
  readonly capabilities: number;
  readonly greeting: Greeting;
  socket: Socket;
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #error: Error | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket, greeting: Greeting, capabilities: number) {
    this.socket = socket;
    this.greeting = greeting;
    this.capabilities = capabilities;
  }

  /** A socket whose bytes can be read as packets, before any login. */
  static async dial(host: string, port: number): Promise<RawClient> {
    const socket = connectSocket({ host, port, allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    const client = new RawClient(socket, null as unknown as Greeting, 0);
    client.#listen(socket);
    return client;
  }

  static async connect(login: RawLogin): Promise<RawClient> {
    const first = await RawClient.dial(login.host, login.port);
    try {
      return await RawClient.#over(first, login);
    } catch (error) {
      first.destroy();
      throw error;
    }
  }

  static async #over(first: RawClient, login: RawLogin): Promise<RawClient> {
    const greeting = await first.readGreeting();
    const asked =
      (USUAL |
        (login.with ?? 0) |
        (login.database === undefined ? 0 : Capability.CONNECT_WITH_DB)) &
      greeting.capabilities;
    const capabilities = (asked | (login.tls === undefined ? 0 : Capability.SSL)) >>> 0;
    const client = new RawClient(first.socket, greeting, capabilities);
    first.#unlisten();
    client.#listen(client.socket);
    await client.#logIn(login);
    return client;
  }

  /** Reads and decodes the first packet; throws the server's error if it is one. */
  async readGreeting(): Promise<Greeting> {
    const greeting = decodeGreeting(await this.payload());
    if (greeting.kind === "err") throw new Error(`${greeting.errno} ${greeting.message}`);
    return greeting;
  }

  get connectionId(): number {
    return this.greeting.connectionId;
  }

  async #logIn(login: RawLogin): Promise<void> {
    const head = {
      capabilities: this.capabilities,
      mariadbCapabilities: login.mariadb ?? 0,
      maxPacketBytes: 0x4000_0000,
      charset: login.charset ?? 45,
    };
    if (login.tls !== undefined) {
      const request = frame(encodeSslRequest({ kind: "sslRequest", ...head }), 1);
      await this.startTls(login.tls, request, login.tlsAtOnce === true);
    }
    const exchange = new BackendLogin({
      plugin: this.greeting.plugin,
      nonce: this.greeting.nonce,
      password: login.password,
      secure: login.tls !== undefined,
      publicKey: null,
      mayAskForPublicKey: true,
    });
    const first = exchange.first();
    const packet = encodeLogin({
      kind: "login",
      ...head,
      user: login.user,
      authResponse: first.authResponse,
      plugin: first.plugin,
      schema: login.database ?? "",
      attributes: encodeAttributes([["_client_name", "raw"]]),
      zstdLevel: 0,
    });
    let sequence = login.tls === undefined ? 1 : 2;
    this.send(frame(packet, sequence));
    for (;;) {
      const header = await this.take(4);
      const payload = await this.take(header.readUIntLE(0, 3));
      sequence = (header[3]! + 1) & 0xff;
      const step = exchange.receive(payload);
      if (step.kind === "done") return;
      if (step.kind === "send") this.send(frame(step.payload, sequence));
      if (step.kind === "failed") {
        const { failure } = step;
        const said =
          failure.kind === "refused" ? `${failure.err.errno} ${failure.err.message}` : "";
        throw new Error(`login failed: ${failure.kind} ${said}`);
      }
    }
  }

  /** From here on under TLS. */
  async startTls(options: ConnectionOptions, request: Buffer, atOnce = false): Promise<TLSSocket> {
    const plain = this.socket;
    this.#unlisten();
    if (!atOnce) plain.write(request);
    const secure = connectTls({
      rejectUnauthorized: false,
      ...options,
      socket: atOnce ? (new Prefixed(plain, request) as unknown as Socket) : plain,
    });
    secure.on("error", () => {});
    const failed = once(secure, "close").then(() => {
      throw new Error("the TLS handshake failed");
    });
    await Promise.race([once(secure, "secureConnect"), failed]);
    failed.catch(() => {});
    this.socket = secure;
    this.#listen(secure);
    return secure;
  }

  #listen(socket: Socket): void {
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", this.#onError);
    socket.resume();
  }

  #unlisten(): void {
    const { socket } = this;
    socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onEnd);
    socket.off("error", this.#onError).on("error", () => {});
    socket.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake();
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
    this.#ended = true;
    this.#wake();
  };

  /** The peer has ended the connection: by FIN (null) or with this error. */
  get end(): { readonly error: Error | null } | null {
    return this.#ended ? { error: this.#error } : null;
  }

  /** Bytes that have arrived and were not taken. */
  get waiting(): number {
    return this.#size;
  }

  send(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }

  /** Sends a command of any length. */
  command(code: number, body: Uint8Array | string = ""): void {
    this.send(commandBytes(code, body));
  }

  /** Takes exactly so many bytes; throws where the connection ends before. */
  async take(size: number): Promise<Buffer> {
    while (this.#size < size) {
      if (this.#ended) throw new Error(`the peer closed the connection (${this.#error ?? "FIN"})`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (size === 0) return Buffer.alloc(0);
    const first = this.#chunks[0]!;
    this.#size -= size;
    if (first.length > size) {
      this.#chunks[0] = first.subarray(size);
      return first.subarray(0, size);
    }
    const parts: Buffer[] = [];
    for (let missing = size; missing > 0; ) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Resolves when the peer has ended the connection. */
  async ended(): Promise<void> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Buffer> {
    await this.ended();
    return this.take(this.#size);
  }

  /** One payload, however many packets it takes. */
  async payload(raw: Buffer[] = []): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const header = await this.take(4);
      const length = header.readUIntLE(0, 3);
      const body = await this.take(length);
      raw.push(header, body);
      parts.push(body);
      if (length < MAX_PAYLOAD) return parts.length === 1 ? body : Buffer.concat(parts);
    }
  }

  /**
   * One answer to a command, read by the rules of the protocol's description rather than by the proxy's walker. `file` is sent when the
   * server asks for one.
   */
  async answer(shape: ResponseShape = ResponseShape.RESULT, file?: FileSender): Promise<RawAnswer> {
    const raw: Buffer[] = [];
    const payloads: Buffer[] = [];
    const next = async (): Promise<Buffer> => {
      const payload = await this.payload(raw);
      payloads.push(payload);
      return payload;
    };
    const end = await this.#readAnswer(next, shape, file);
    const error = end.payload[0] === 0xff ? decodeErr(end.payload) : null;
    return { bytes: Buffer.concat(raw), payloads, error, status: end.status };
  }

  async #readAnswer(
    next: () => Promise<Buffer>,
    shape: ResponseShape,
    file: FileSender | undefined,
  ): Promise<AnswerEnd> {
    if (shape === ResponseShape.TEXT) return { payload: await next(), status: 0 };
    if (shape === ResponseShape.PREPARE) return this.#readPrepared(next);
    if (shape === ResponseShape.ROWS || shape === ResponseShape.FIELD_LIST)
      return this.#readRows(next);
    for (;;) {
      const result = await this.#readResult(next, file);
      if (result.payload[0] === 0xff || !(result.status & Status.MORE_RESULTS_EXISTS))
        return result;
    }
  }

  async #readResult(next: () => Promise<Buffer>, file: FileSender | undefined): Promise<AnswerEnd> {
    const first = await next();
    if (first[0] === 0xff) return { payload: first, status: 0 };
    if (first[0] === 0x00) return { payload: first, status: okStatus(first) };
    if (first[0] === 0xfe) return { payload: first, status: first.readUInt16LE(3) };
    if (first[0] === 0xfb) {
      if (file === undefined) throw new Error("the server wants a file");
      await file(this, first.toString("utf8", 1));
      const last = await next();
      return { payload: last, status: last[0] === 0xff ? 0 : okStatus(last) };
    }
    const wide = first[0] === 0xfc;
    const columns = wide ? first.readUInt16LE(1) : first[0]!;
    const bare =
      (this.capabilities & Capability.OPTIONAL_RESULTSET_METADATA) !== 0 &&
      first[wide ? 3 : 1] === 0;
    for (let i = 0; i < columns && !bare; i++) await next();
    if (!(this.capabilities & Capability.DEPRECATE_EOF)) {
      const eof = await next();
      if (eof[0] !== 0xfe || eof.length !== 5) throw new Error("no EOF behind the columns");
      const status = eof.readUInt16LE(3);
      if (status & Status.CURSOR_EXISTS) return { payload: eof, status };
      const end = await this.#readRows(next);
      const more = status & Status.PS_OUT_PARAMS ? status & Status.MORE_RESULTS_EXISTS : 0;
      return { ...end, status: end.status | more };
    }
    return this.#readRows(next);
  }

  async #readRows(next: () => Promise<Buffer>): Promise<AnswerEnd> {
    for (;;) {
      const row = await next();
      if (row[0] === 0xff) return { payload: row, status: 0 };
      if (row[0] !== 0xfe || row.length >= MAX_PAYLOAD) continue;
      const modern = (this.capabilities & Capability.DEPRECATE_EOF) !== 0;
      return { payload: row, status: modern ? okStatus(row) : row.readUInt16LE(3) };
    }
  }

  async #readPrepared(next: () => Promise<Buffer>): Promise<AnswerEnd> {
    const first = await next();
    const ended = { payload: first, status: 0 };
    if (first[0] === 0xff) return ended;
    const modern = (this.capabilities & Capability.DEPRECATE_EOF) !== 0;
    const optional = (this.capabilities & Capability.OPTIONAL_RESULTSET_METADATA) !== 0;
    const bare = optional && first[12] === 0;
    for (const count of [first.readUInt16LE(7), first.readUInt16LE(5)]) {
      for (let i = 0; i < count && !bare; i++) await next();
      if (count > 0 && !modern) await next();
    }
    return ended;
  }

  async query(sql: string, file?: FileSender): Promise<RawAnswer> {
    this.command(Command.QUERY, this.queryBody(sql));
    return this.answer(ResponseShape.RESULT, file);
  }

  /** What follows the command byte of a query without attributes. */
  queryBody(sql: string | Buffer): Buffer {
    const attributes = (this.capabilities & Capability.QUERY_ATTRIBUTES) !== 0;
    return Buffer.concat([attributes ? Buffer.from([0, 1]) : EMPTY, Buffer.from(sql as Buffer)]);
  }

  /** Text rows of a query; throws the server's error. */
  async rows(sql: string): Promise<(string | null)[][]> {
    const { payloads, error } = await this.query(sql);
    if (error !== null) throw new Error(`${error.errno} ${error.message}`);
    const columns = payloads[0]![0]!;
    const modern = (this.capabilities & Capability.DEPRECATE_EOF) !== 0;
    return payloads
      .slice(1 + columns + (modern ? 0 : 1), -1)
      .map((row) => textValues(row, columns));
  }

  /** The statement's id, and the answer with 0 in the place of it: servers count ids by connection. */
  async prepare(sql: string): Promise<{ id: number; answer: Buffer }> {
    this.command(Command.STMT_PREPARE, sql);
    const { bytes, payloads, error } = await this.answer(ResponseShape.PREPARE);
    const answer = Buffer.from(bytes);
    if (error !== null) return { id: -1, answer };
    answer.writeUInt32LE(0, 5);
    return { id: payloads[0]!.readUInt32LE(1), answer };
  }

  quit(): void {
    this.command(Command.QUIT);
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export type FileSender = (client: RawClient, name: string) => Promise<void>;

interface AnswerEnd {
  readonly payload: Buffer;
  readonly status: number;
}

const EMPTY = Buffer.alloc(0);

export function commandBytes(code: number, body: Uint8Array | string = ""): Buffer {
  return frame(Buffer.concat([Buffer.from([code]), Buffer.from(body as Uint8Array)]), 0);
}

/** The body of COM_STMT_EXECUTE for a statement without parameters, or with these bytes behind the head. */
export function executeBody(id: number, flags = 0, parameters: Uint8Array = EMPTY): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(id >>> 0, 0);
  head[4] = flags;
  head.writeUInt32LE(1, 5);
  return Buffer.concat([head, parameters]);
}

export function number4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0, 0);
  return bytes;
}

function okStatus(ok: Buffer): number {
  let at = 1;
  for (let i = 0; i < 2; i++) {
    const first = ok[at]!;
    at += first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
  }
  return ok.readUInt16LE(at);
}

function textValues(row: Buffer, columns: number): (string | null)[] {
  const values: (string | null)[] = [];
  for (let at = 0; values.length < columns; ) {
    const first = row[at]!;
    if (first === 0xfb) {
      values.push(null);
      at += 1;
      continue;
    }
    const width = first === 0xfc ? 2 : first === 0xfd ? 3 : first === 0xfe ? 6 : 0;
    const length = width === 0 ? first : row.readUIntLE(at + 1, width);
    at += width === 0 ? 1 : width === 6 ? 9 : 1 + width;
    values.push(row.toString("utf8", at, at + length));
    at += length;
  }
  return values;
}

/** Puts bytes in front of the first that are written, in one piece with them. */
class Prefixed extends Duplex {
  readonly #socket: Socket;
  #prefix: Buffer | null;

  constructor(socket: Socket, prefix: Buffer) {
    super();
    this.#socket = socket;
    this.#prefix = prefix;
    socket.on("data", (chunk) => this.push(chunk));
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const prefix = this.#prefix;
    this.#prefix = null;
    this.#socket.write(prefix === null ? chunk : Buffer.concat([prefix, chunk]), done);
  }

  override _read(): void {}

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }
}
