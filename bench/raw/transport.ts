import { connect, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import {
  type RawBinding,
  type RawConnect,
  type RawHandle,
  rawBinding,
} from "../../proxy/net/raw-binding.ts";

export interface Address {
  host: string;
  port: number;
  /** The source address, to have more ports than one address gives. */
  localAddress?: string;
}

export interface Receiver {
  /** `bytes` is used again after the call. */
  received(bytes: Buffer, size: number): void;
  closed(reason: string): void;
}

export interface Transport {
  write(bytes: Buffer): void;
  pause(): void;
  resume(): void;
  close(): void;
}

/** One read buffer for every connection of the process: what arrives is looked at before the next read. */
const shared = Buffer.alloc(262_144);

/** One for all connections: making one costs as much as a handshake. */
const secureContext = createSecureContext();

/** A connection by the documented API, which can change to TLS. */
export class SocketTransport implements Transport {
  readonly #receiver: Receiver;
  #socket: Socket;
  #closed = false;

  constructor(address: Address, receiver: Receiver) {
    this.#receiver = receiver;
    this.#socket = connect({ ...address, noDelay: true });
    this.#listen();
  }

  /** Goes on inside TLS; `session` resumes an earlier one. Writing may begin at once. */
  startTls(session: Buffer | null, newSession: (session: Buffer) => void): TLSSocket {
    this.#socket.removeAllListeners();
    const secure = connectTls({
      socket: this.#socket,
      secureContext,
      rejectUnauthorized: false,
      ...(session ? { session } : {}),
    });
    secure.on("session", newSession);
    this.#socket = secure;
    this.#listen();
    return secure;
  }

  #listen(): void {
    this.#socket.on("data", (bytes) => this.#receiver.received(bytes, bytes.length));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("closed"));
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver.closed(reason);
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }
}

interface Handle extends RawHandle {
  bind(address: string, port: number): number;
}

interface Connecting extends RawConnect {
  transport: HandleTransport;
}

/**
 * A connection by Node's own socket handle. It costs a third less than a socket object, so that the load generator
 * takes less of the machine than what it measures.
 */
class HandleTransport implements Transport {
  readonly #receiver: Receiver;
  readonly #handle: Handle;
  #closed = false;

  constructor(address: Address, receiver: Receiver, binding: RawBinding) {
    this.#receiver = receiver;
    const handle = new binding.TCP(binding.socketType) as Handle;
    this.#handle = handle;
    handle.sluiceLink = this;
    handle.setNoDelay(true);
    if (address.localAddress) handle.bind(address.localAddress, 0);
    const request = new binding.TCPConnectWrap() as Connecting;
    request.transport = this;
    request.oncomplete = onconnect;
    const status = handle.connect(request, address.host, address.port);
    if (status !== 0) setImmediate(() => this.#end(`connect: error ${status}`));
  }

  connected(status: number): void {
    if (this.#closed) return;
    if (status < 0) {
      this.#end(`connect: error ${status}`);
      return;
    }
    this.#handle.onread = onread;
    this.#handle.useUserBuffer(shared);
    this.#handle.readStart();
  }

  read(size: number): void {
    if (size > 0) this.#receiver.received(shared, size);
    else if (size < 0) this.#end(`read: error ${size}`);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close(() => this.#receiver.closed(reason));
  }

  write(bytes: Buffer): void {
    if (this.#closed) return;
    const request = new rawBinding!.WriteWrap();
    request.oncomplete = onwritten;
    request.buffer = bytes;
    const status = this.#handle.writeBuffer(request, bytes);
    if (status !== 0) this.#end(`write: error ${status}`);
  }

  pause(): void {
    if (!this.#closed) this.#handle.readStop();
  }

  resume(): void {
    if (!this.#closed) this.#handle.readStart();
  }

  close(): void {
    this.#end("closed");
  }
}

function onconnect(this: RawConnect, status: number): void {
  (this as Connecting).transport.connected(status);
}

function onread(this: RawHandle): undefined {
  (this.sluiceLink as HandleTransport).read(rawBinding!.state[rawBinding!.readResult]!);
}

function onwritten(): void {}

/** The cheapest connection this Node offers; addresses are numeric. */
export function openPlain(address: Address, receiver: Receiver): Transport {
  return rawBinding
    ? new HandleTransport(address, receiver, rawBinding)
    : new SocketTransport(address, receiver);
}
