import { BOUNDS } from "../base/bounds.ts";
import { Command } from "../wire/command.ts";
import { RequestWalker } from "../wire/request-walker.ts";
import type { ClientSession } from "./client-session.ts";
import { dispatchCommand } from "./commands.ts";
import { Phase } from "./phase.ts";

/** Bytes of a command that is waited for whole before it is looked at. Longer ones are passed on as they come. */
const COLLECT_BYTES = 60_000;
/** Commands that may be longer than that; any other is no command of its kind. */
const LONG_COMMANDS: readonly number[] = [
  Command.QUERY,
  Command.STMT_PREPARE,
  Command.STMT_EXECUTE,
  Command.STMT_BULK_EXECUTE,
  Command.STMT_SEND_LONG_DATA,
];
/** No position: the bytes wait in here, or nobody needs them any more. */
const KEPT = -1;

/**
 * What a client has sent and the session has not yet dealt with: the command that waits for a backend, commands sent ahead, and the rest
 * of a request that is longer than a read. Holds no memory while there is nothing of the kind.
 */
export class ClientInput {
  readonly #session: ClientSession;
  #pending: Buffer | null = null;
  #start = 0;
  #end = 0;
  /** End of the bytes being consumed. */
  #readEnd = 0;
  #request: RequestWalker | null = null;
  #isFile = false;
  #consuming = false;
  /** More waits in here than we take: the client is not read. */
  #full = false;
  /** The backend is slower than the client, which is not read. */
  #held = false;

  constructor(session: ClientSession) {
    this.#session = session;
  }

  /** Nothing waits in here. */
  get isEmpty(): boolean {
    return this.#pending === null;
  }

  /** The client is not read until its backend has taken what it was sent. */
  get isHeld(): boolean {
    return this.#held;
  }

  /** A request has begun whose end has not been seen. */
  get hasRequest(): boolean {
    return this.#request !== null;
  }

  received(bytes: Uint8Array, end: number): void {
    if (this.#pending !== null) {
      this.#keep(bytes, 0, end);
      if (this.#mayConsume || this.#request !== null) this.consumePending();
      return;
    }
    let at = 0;
    if (this.#request !== null) at = this.#relay(bytes, 0, end);
    if (at < end && this.#mayConsume) at = this.#consume(bytes, at, end);
    if (at !== KEPT && at < end && !this.#session.isClosed) this.#keep(bytes, at, end);
  }

  clear(): void {
    this.#pending = null;
    this.#request = null;
  }

  get #mayConsume(): boolean {
    return this.#session.phase === Phase.IDLE && this.#request === null;
  }

  /** Bytes that must wait for what came before them. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const kept = this.#pending === null ? 0 : this.#end - this.#start;
    this.#makeRoom(kept, size);
    const pending = this.#pending as Buffer;
    pending.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      this.#end,
    );
    this.#end += size;
    if (kept + size > BOUNDS.clientPendingBytes) this.#setFull(true);
  }

  /** Room for `size` bytes behind those kept. Doubled where bytes trickle in, so that each is moved only so often. */
  #makeRoom(kept: number, size: number): void {
    const old = this.#pending;
    if (old === null) {
      this.#pending = Buffer.allocUnsafe(size);
      this.#start = 0;
      this.#end = 0;
    } else if (this.#end + size > old.length) {
      const room = Buffer.allocUnsafe(Math.max(kept + size, 2 * kept));
      old.copy(room, 0, this.#start, this.#end);
      this.#pending = room;
      this.#start = 0;
      this.#end = kept;
    }
  }

  /** Keeps the command at `at`, and what follows it, until it can be sent. */
  park(bytes: Uint8Array, at: number): void {
    if (bytes !== this.#pending) this.#keep(bytes, at, this.#readEnd);
  }

  /** Serves what was kept, as far as it goes. */
  consumePending(): void {
    if (this.#consuming) return;
    this.#consuming = true;
    try {
      while (this.#pending !== null && this.#progress(this.#pending)) {}
    } catch (error) {
      this.#session.defect("kept client input", error);
    } finally {
      this.#consuming = false;
    }
    const left = this.#pending === null ? 0 : this.#end - this.#start;
    if (left <= BOUNDS.clientPendingBytes) this.#setFull(false);
  }

  /** One step through what was kept. Returns whether another may follow. */
  #progress(bytes: Buffer): boolean {
    const start = this.#start;
    let at = start;
    if (this.#request !== null) at = this.#relay(bytes, at, this.#end);
    if (at < this.#end && this.#mayConsume) at = this.#consume(bytes, at, this.#end);
    if (at !== KEPT && this.#pending === bytes) this.#advance(at);
    const moved = this.#pending !== bytes || this.#start !== start;
    return moved && this.#session.phase === Phase.IDLE;
  }

  #advance(at: number): void {
    this.#start = at;
    if (at >= this.#end) this.#pending = null;
  }

  /** Takes commands from the bytes in hand. Returns the position up to which they are done with, or KEPT. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    const session = this.#session;
    let at = start;
    while (end - at >= 4 && this.#mayConsume) {
      if (session.link.pendingBytes > BOUNDS.clientPendingBytes) return at;
      const length =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16);
      if (bytes[at + 3] !== 0 || length === 0) {
        const fault = length === 0 ? "malformedPacket" : "packetsOutOfOrder";
        session.refuseAndClose(fault, "malformed-packet");
        return KEPT;
      }
      const whole = end - at >= 4 + length;
      if (!whole && (length <= COLLECT_BYTES || end - at < 5)) return at;
      if (!whole && !LONG_COMMANDS.includes(bytes[at + 4] as number)) {
        session.refuseAndClose("malformedPacket", "malformed-packet");
        return KEPT;
      }
      const stop = whole ? at + 4 + length : end;
      this.#readEnd = end;
      if (bytes === this.#pending) this.#start = at;
      if (!dispatchCommand(session, bytes, at, stop, length)) return KEPT;
      at = stop;
    }
    return at;
  }

  /** Drops the command that waits. False where it has not arrived whole, so that there is no telling where the next one begins. */
  dropCommand(): boolean {
    const bytes = this.#pending;
    if (bytes === null) return true;
    const length = bytes.readUIntLE(this.#start, 3);
    const next = this.#start + 4 + length;
    if (next > this.#end || length === 0xffffff) return false;
    this.#advance(next);
    return true;
  }

  /** Hands the command that waits to its backend. */
  sendCommand(): void {
    const bytes = this.#pending as Buffer;
    const at = this.#start;
    const length = bytes.readUIntLE(at, 3);
    const stop = Math.min(this.#end, at + 4 + length);
    this.#session.sendCommand(bytes, at, stop, length);
    if (this.#pending === bytes) this.#advance(stop);
    if (this.#request !== null) this.consumePending();
  }

  /** Puts a command that was sent before all that waits: it is to be sent again. */
  putBack(packet: Buffer): void {
    const rest = this.#pending?.subarray(this.#start, this.#end) ?? Buffer.alloc(0);
    this.#pending = Buffer.concat([packet, rest]);
    this.#start = 0;
    this.#end = this.#pending.length;
  }

  /** The command that waits, header included. */
  command(): Buffer {
    const bytes = this.#pending as Buffer;
    return bytes.subarray(this.#start, this.#start + 4 + bytes.readUIntLE(this.#start, 3));
  }

  /** Puts another command in the place of the one that waits. */
  replaceCommand(packet: Buffer): void {
    const bytes = this.#pending as Buffer;
    const next = this.#start + 4 + bytes.readUIntLE(this.#start, 3);
    this.#pending = Buffer.concat([packet, bytes.subarray(next, this.#end)]);
    this.#start = 0;
    this.#end = this.#pending.length;
  }

  /** A command was sent as far as it has arrived: what is missing goes after it. `length` is its first packet's. */
  expectRest(length: number, sentPayload: number): void {
    if (sentPayload < length || length === 0xffffff) {
      this.#request = RequestWalker.command(length, sentPayload);
    }
  }

  /** The server wants the file of a LOAD DATA LOCAL. */
  expectFile(): void {
    this.#isFile = true;
    this.#request = RequestWalker.file();
    this.consumePending();
  }

  #relay(bytes: Uint8Array, start: number, end: number): number {
    const request = this.#request as RequestWalker;
    const { backend } = this.#session;
    const stop = request.feed(bytes, start, end);
    if (backend !== null && stop > start && !backend.send(bytes, start, stop)) this.hold();
    if (!request.done) return stop;
    this.#request = null;
    if (this.#isFile) {
      this.#isFile = false;
      backend?.walker.fileSent();
    }
    return stop;
  }

  /** The backend has taken what it was sent, or is no longer the session's. */
  drained(): void {
    if (!this.#held) return;
    this.#held = false;
    if (this.#pending !== null) this.consumePending();
    this.#regulate();
  }

  /** Reads no more until the backend has taken what it was sent. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#regulate();
  }

  #setFull(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    this.#regulate();
  }

  #regulate(): void {
    const { link, isClosed } = this.#session;
    if (isClosed) return;
    if (this.#full || this.#held) link.pause();
    else link.resume();
  }
}
