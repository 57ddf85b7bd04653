import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  TLSSocket,
} from "node:tls";
import { type AuroraFacts, mayConcernAurora, rewriteForAurora } from "./aurora-statement.ts";
import { ClientCommands } from "./client-commands.ts";
import { type LinkSession, SessionEnds, type SessionGround } from "./fault-link.ts";
import { LinkPipe } from "./link-pipe.ts";

export interface AuroraSessionOptions {
  readonly tls: SecureContext;
  readonly facts: () => AuroraFacts;
  /** A statement about topology was prepared: what it shows is of that moment. */
  readonly onPrepared: (session: LinkSession) => void;
}

const HEADER_BYTES = 4;
const PROTOCOL_10 = 0x0a;
const CLIENT_COMPRESS = 1 << 5;
const CLIENT_SSL = 1 << 11;
const CLIENT_ZSTD_UPPER = 1 << 10;
const QUERY_ATTRIBUTES_UPPER = 1 << 11;
const TLS_REQUEST_BYTES = 32;
/** Bytes of the greeting after the version's text: thread id, half of the nonce, a zero byte. */
const GREETING_GAP = 4 + 8 + 1;

/**
 * A client's way to an instance that is to look like Aurora's. The login passes as it is, over TLS where the client wants it
 * (ended here and begun anew, as nothing could be read otherwise); then statements are looked at.
 */
export class AuroraSession implements LinkSession {
  readonly ended: Promise<void>;
  readonly #ends: SessionEnds;
  readonly #ground: SessionGround;
  readonly #options: AuroraSessionOptions;
  #pipes: LinkPipe[] = [];
  /** The upper half of the server's capabilities. */
  #offered = 0;

  constructor(ground: SessionGround, options: AuroraSessionOptions) {
    this.#ground = ground;
    this.#options = options;
    this.#ends = new SessionEnds(ground);
    this.ended = this.#ends.ended;
    this.#begin().catch(() => this.reset());
  }

  refresh(): void {
    for (const pipe of this.#pipes) pipe.refresh();
    this.#ends.refresh(this.#ground.faults);
  }

  reset(): void {
    this.#ends.reset();
  }

  halfOpen(): void {
    for (const pipe of this.#pipes) pipe.deafen();
    this.#ends.silence();
  }

  async #begin(): Promise<void> {
    const { client, server } = this.#ends;
    // The pipe back stands from the first byte on, so that faults count for the login too.
    let greeted = false;
    let greeting: Buffer = Buffer.alloc(0);
    const greet = (data: Buffer): Buffer | null => {
      if (greeted) return data;
      greeting = Buffer.concat([greeting, data]);
      if (greeting.length < HEADER_BYTES) return null;
      if (greeting.length < HEADER_BYTES + greeting.readUIntLE(0, 3)) return null;
      greeted = true;
      const edited = withoutCompression(greeting);
      this.#offered = edited.offered;
      return edited.greeting;
    };
    const back = this.#pipe(server, client, greet);
    const first = await firstPacket(client);
    const flags =
      first.packet.length < HEADER_BYTES * 2 ? 0 : first.packet.readUInt32LE(HEADER_BYTES);
    if ((flags & CLIENT_SSL) === 0 || first.packet.length !== HEADER_BYTES + TLS_REQUEST_BYTES) {
      this.#there(client, server, flags).send(Buffer.concat([first.packet, first.rest]));
      return;
    }
    back.detach();
    this.#pipes = [];
    await this.#secure(first.packet, first.rest, flags);
  }

  async #secure(request: Buffer, rest: Buffer, flags: number): Promise<void> {
    const { client, server } = this.#ends;
    this.#ends.secured = true;
    if (rest.length > 0) client.unshift(rest);
    server.write(request);
    const secureServer = connectTls({ socket: server, rejectUnauthorized: false }); // A process of our own.
    const secureClient = new TLSSocket(client, {
      isServer: true,
      secureContext: this.#options.tls,
      allowHalfOpen: true,
    } as ConstructorParameters<typeof TLSSocket>[1]);
    for (const socket of [secureServer, secureClient]) {
      socket.on("error", () => this.reset());
    }
    this.#there(secureClient, secureServer, flags);
    this.#pipe(secureServer, secureClient);
  }

  #there(from: Duplex, to: Duplex, flags: number): LinkPipe {
    const { facts, onPrepared } = this.#options;
    const hasAttributes = ((flags >>> 16) & this.#offered & QUERY_ATTRIBUTES_UPPER) !== 0;
    const commands = new ClientCommands(hasAttributes, (sql, prepared) => {
      if (!mayConcernAurora(sql)) return null;
      const rewritten = rewriteForAurora(sql, facts());
      if (rewritten !== null && prepared) onPrepared(this);
      return rewritten;
    });
    return this.#pipe(from, to, commands.pass, false);
  }

  #pipe(
    from: Duplex,
    to: Duplex,
    change: ((data: Buffer) => Buffer | null) | undefined = undefined,
    answers = true,
  ): LinkPipe {
    const { faults, random } = this.#ground;
    const onReset = () => this.reset();
    const pipe = new LinkPipe({
      from,
      to,
      faults,
      random,
      answers,
      onReset,
      ...(change === undefined ? {} : { change }),
    });
    this.#pipes.push(pipe);
    return pipe;
  }
}

export function auroraTls(cert: Buffer, key: Buffer): SecureContext {
  return createSecureContext({ cert, key });
}

/** Statements in a compressed packet could not be read: no client is offered compression. */
function withoutCompression(greeting: Buffer): { greeting: Buffer; offered: number } {
  if (greeting[HEADER_BYTES] !== PROTOCOL_10) return { greeting, offered: 0 };
  const lower = greeting.indexOf(0, HEADER_BYTES + 1) + 1 + GREETING_GAP;
  const upper = lower + 5; // Two bytes of flags, one of the character set, two of the status.
  const edited = Buffer.from(greeting);
  const offered = edited.readUInt16LE(upper) & ~CLIENT_ZSTD_UPPER;
  edited.writeUInt16LE(edited.readUInt16LE(lower) & ~CLIENT_COMPRESS, lower);
  edited.writeUInt16LE(offered, upper);
  return { greeting: edited, offered };
}

/** The client's first packet, and what came with it; the socket is paused then. */
function firstPacket(client: Socket): Promise<{ packet: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let data: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      data = data.length === 0 ? chunk : Buffer.concat([data, chunk]);
      if (data.length < HEADER_BYTES) return;
      const end = HEADER_BYTES + data.readUIntLE(0, 3);
      if (data.length < end) return;
      client.off("data", take);
      client.pause();
      resolve({ packet: data.subarray(0, end), rest: data.subarray(end) });
    };
    client.on("data", take);
    client.once("close", () => reject(new Error("the client has gone")));
    client.once("end", () => reject(new Error("the client has gone")));
  });
}
