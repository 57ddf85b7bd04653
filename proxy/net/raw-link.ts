import { getSystemErrorName } from "node:util";
import { FLUSH_MS, LINGER_MS, type Link, type LinkOwner, WriteResult } from "./link.ts";
import { type RawBinding, type RawHandle, type RawWrite, rawBinding } from "./raw-binding.ts";

const UV_EOF = -4095;
const binding = rawBinding as RawBinding;
/** Undefined where there is no binding, and then no RawLink either. */
const STATE = rawBinding?.state as Int32Array;
const READ_RESULT = rawBinding?.readResult as number;
const LAST_WRITE_WAS_ASYNC = rawBinding?.lastWriteWasAsync as number;

/** An error of libuv, by its negative number. */
function systemError(status: number, call: string): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`${call} ${code}`), { code, syscall: call });
}

function onRead(this: RawHandle): Uint8Array | undefined {
  const link = this.sluiceLink as RawLink;
  return link.readDone(STATE[READ_RESULT] as number);
}

function onWritten(this: RawWrite, status: number): void {
  const link = (this.handle as RawHandle).sluiceLink as RawLink | null;
  const bytes = (this.buffer as Uint8Array).byteLength;
  this.handle = null;
  this.buffer = null;
  link?.writeDone(status, bytes);
}

/**
 * A plain socket driven by its handle. Reads go into `buffer`: one shared by all clients (they copy what must last), one
 * for each backend. A write that finishes at once, the normal case, makes no object.
 */
export class RawLink implements Link {
  owner: LinkOwner;
  readonly encrypted = false;
  remoteAddress = "";
  remotePort = 0;
  #handle: RawHandle | null;
  #buffer: Uint8Array;
  /** The part of the buffer that the last read filled: kept, since responses of one size are common and views cost. */
  #filled: Uint8Array;
  #shared: boolean;
  #surrendered = false;
  #reading = false;
  #pendingWrites = 0;
  #pendingBytes = 0;
  #ending = false;
  /** It has sent FIN. */
  #peerEnded = false;
  #error: Error | null = null;
  /** While ending: closes what the peer lets hang. */
  #timer: NodeJS.Timeout | null = null;
  /** The request object of the next write; replaced only after a write that did not finish at once. */
  static #spare: RawWrite | null = null;

  constructor(handle: RawHandle, owner: LinkOwner, buffer: Uint8Array, shared: boolean) {
    this.owner = owner;
    this.#handle = handle;
    this.#buffer = buffer;
    this.#filled = buffer;
    this.#shared = shared;
    handle.sluiceLink = this;
    handle.onread = onRead;
    handle.useUserBuffer(buffer);
  }

  get localName(): string {
    const name: { address?: string; port?: number } = {};
    this.#handle?.getsockname(name);
    return name.address === undefined ? "" : `${name.address}:${name.port}`;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Called by the handle: the result of one read. A returned buffer replaces the one read into. */
  readDone(count: number): Uint8Array | undefined {
    if (this.#ending) {
      this.#endingRead(count);
      return undefined;
    }
    if (count > 0) {
      if (this.#shared) {
        this.owner.onBytes(this.#buffer, count);
        return undefined;
      }
      if (this.#filled.byteLength !== count) this.#filled = this.#buffer.subarray(0, count);
      this.owner.onBytes(this.#filled, count);
      if (!this.#surrendered) return undefined;
      this.#surrendered = false;
      this.#buffer = new Uint8Array(this.#buffer.byteLength);
      this.#filled = this.#buffer;
      return this.#buffer;
    }
    if (count === 0 || this.#handle === null) return undefined;
    this.pause();
    if (count === UV_EOF) {
      this.#peerEnded = true;
      this.owner.onEnd();
    } else this.#fail(systemError(count, "read"));
    return undefined;
  }

  /** What still comes is for nobody; only that the peer is gone matters, or that it has said all and heard all. */
  #endingRead(count: number): void {
    if (count >= 0) return;
    this.#peerEnded = true;
    if (count !== UV_EOF || this.#pendingWrites === 0) this.#fail(null);
    else this.pause();
  }

  writeDone(status: number, bytes: number): void {
    this.#pendingWrites -= 1;
    this.#pendingBytes -= bytes;
    if (this.#handle === null) return;
    if (status < 0) return this.#cannotWrite(systemError(status, "write"));
    if (this.#pendingWrites > 0) return;
    if (this.#ending) this.#shutdown();
    else this.owner.onDrained();
  }

  write(bytes: Uint8Array, start: number, end: number): WriteResult {
    const handle = this.#handle;
    if (handle === null || start === end || this.#error !== null) return WriteResult.DONE;
    const request = RawLink.#spare ?? new binding.WriteWrap();
    RawLink.#spare = request;
    const view = start === 0 && end === bytes.byteLength ? bytes : bytes.subarray(start, end);
    const status = handle.writeBuffer(request, view);
    if (status < 0) {
      this.#cannotWrite(systemError(status, "write"));
      return WriteResult.DONE;
    }
    if (STATE[LAST_WRITE_WAS_ASYNC] === 0) return WriteResult.DONE;
    RawLink.#spare = null;
    request.handle = handle;
    request.buffer = view;
    request.oncomplete = onWritten;
    this.#pendingWrites += 1;
    this.#pendingBytes += view.byteLength;
    return WriteResult.HELD;
  }

  surrenderBuffer(): void {
    if (this.#shared) throw new Error("a shared read buffer cannot be surrendered");
    this.#surrendered = true;
  }

  pause(): void {
    if (!this.#reading || this.#handle === null) return;
    this.#reading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#reading || this.#handle === null) return;
    this.#reading = true;
    const status = this.#handle.readStart();
    if (status < 0) this.#failLater(systemError(status, "read"));
  }

  end(): void {
    if (this.#handle === null || this.#ending) return;
    this.#ending = true;
    if (this.#pendingWrites === 0) return this.#shutdown();
    this.#closeAfter(FLUSH_MS);
    // Not for its bytes: that a peer is gone is seen by reading alone.
    if (!this.#peerEnded) this.resume();
  }

  destroy(): void {
    this.#fail(null);
  }

  /** Hands the handle over, as for TLS: this link is dead afterwards and tells its owner nothing more. */
  detach(): RawHandle | null {
    const handle = this.#handle;
    this.pause();
    this.#handle = null;
    if (handle === null) return null;
    handle.sluiceLink = null;
    // The handle knows the memory by its address alone: as long as it lives, so must the memory.
    handle.sluiceBuffer = this.#buffer;
    return handle;
  }

  /**
   * Half-closes and waits for the peer's FIN. Closing at once would answer bytes not yet read with RST, and the peer could lose
   * the error packet that says why.
   */
  #shutdown(): void {
    const handle = this.#handle;
    if (handle === null) return;
    const request = new binding.ShutdownWrap();
    request.handle = handle;
    request.oncomplete = null;
    if (handle.shutdown(request) < 0 || this.#peerEnded) return this.#fail(null);
    this.resume();
    this.#closeAfter(LINGER_MS);
  }

  #closeAfter(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(this.#error), ms).unref();
  }

  /** The peer takes no more, but what it said last, as why it closes, may still be to be read: the reads find the end. */
  #cannotWrite(error: Error): void {
    if (!this.#reading || this.#ending) return this.#failLater(error);
    if (this.#error !== null) return;
    this.#error = error;
    this.#closeAfter(LINGER_MS);
  }

  #failLater(error: Error): void {
    if (this.#error === null) this.#error = error;
    process.nextTick(() => this.#fail(this.#error));
  }

  #fail(error: Error | null): void {
    const handle = this.#handle;
    if (handle === null) return;
    this.#handle = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#reading) handle.readStop();
    this.#reading = false;
    handle.sluiceLink = null;
    handle.onread = ignoreRead;
    handle.close();
    process.nextTick(() => this.owner.onClosed(error));
  }
}

function ignoreRead(): undefined {
  return undefined;
}
