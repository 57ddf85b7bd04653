import type { Socket } from "node:net";
import {
  FLUSH_MS,
  LINGER_MS,
  type Link,
  type LinkOwner,
  plainAddress,
  WriteResult,
} from "./link.ts";

/** A link over a documented stream: TLS on either side, and plain sockets where raw handles are not to be had. */
export class StreamLink implements Link {
  owner: LinkOwner;
  readonly encrypted: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  #error: Error | null = null;
  #closed = false;
  #ending = false;
  #unsent = 0;

  constructor(socket: Socket, owner: LinkOwner, encrypted: boolean) {
    this.owner = owner;
    this.encrypted = encrypted;
    this.#socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    socket.pause();
  }

  get localName(): string {
    const { localAddress, localPort } = this.#socket;
    return localAddress === undefined ? "" : `${localAddress}:${localPort}`;
  }

  get pendingBytes(): number {
    return this.#unsent;
  }

  write(bytes: Uint8Array, start: number, end: number): WriteResult {
    if (this.#closed || start === end) return WriteResult.DONE;
    const copy = Buffer.from(bytes.subarray(start, end));
    const size = copy.byteLength;
    this.#unsent += size;
    this.#socket.write(copy, (error) => this.#written(size, error ?? null));
    return this.#unsent > this.#socket.writableHighWaterMark
      ? WriteResult.QUEUED
      : WriteResult.DONE;
  }

  surrenderBuffer(): void {
    // Each read of a stream arrives in memory of its own.
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    const socket = this.#socket;
    let timer = setTimeout(() => socket.destroy(), FLUSH_MS).unref();
    socket.once("close", () => clearTimeout(timer));
    socket.end(() => {
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    });
    socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Hands the socket over, as for TLS: this link is dead afterwards and tells its owner nothing more. */
  detach(): Socket {
    this.#closed = true;
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    // A stream that flows to nobody loses what it reads, and what is put back into it.
    this.#socket.pause();
    // Whoever takes it over hears of errors in its own way.
    this.#socket.on("error", () => {});
    return this.#socket;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#ending && !this.#closed) this.owner.onBytes(chunk, chunk.byteLength);
  };

  readonly #onEnd = (): void => {
    if (!this.#ending && !this.#closed) this.owner.onEnd();
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
  };

  readonly #onClose = (): void => this.#close();

  #written(size: number, error: Error | null): void {
    this.#unsent -= size;
    if (error !== null || this.#closed || this.#ending) return;
    if (this.#unsent === 0) this.owner.onDrained();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.owner.onClosed(this.#error);
  }
}
