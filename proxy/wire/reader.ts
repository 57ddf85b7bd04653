import { MalformedPacket, type PacketSide } from "./malformed-packet.ts";

/**
 * A cursor over one payload. Never reads outside [start, end); what is missing is a {@link MalformedPacket}. Slices
 * share memory with the payload: copy what must outlive it.
 */
export class PacketReader {
  readonly side: PacketSide;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, side: PacketSide, start = 0, end = bytes.length) {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new RangeError("Bad bounds of a payload");
    this.side = side;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at - this.#start;
  }

  /** The next byte without taking it, or -1 at the end. */
  peek(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : -1;
  }

  malformed(what: string): MalformedPacket {
    return new MalformedPacket(this.side, what, this.offset);
  }

  /** Takes `length` bytes and returns where they start in the underlying buffer. */
  #take(length: number, what: string): number {
    const at = this.#at;
    if (length > this.#end - at) throw this.malformed(what);
    this.#at = at + length;
    return at;
  }

  skip(length: number, what: string): void {
    this.#take(length, what);
  }

  u8(what: string): number {
    return this.#bytes[this.#take(1, what)]!;
  }

  u16(what: string): number {
    const at = this.#take(2, what);
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  u24(what: string): number {
    const at = this.#take(3, what);
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8) | (this.#bytes[at + 2]! << 16);
  }

  u32(what: string): number {
    return this.#bytes.readUInt32LE(this.#take(4, what));
  }

  /** A number where that is exact, else a bigint. */
  u64(what: string): number | bigint {
    const at = this.#take(8, what);
    const high = this.#bytes.readUInt32LE(at + 4);
    if (high < 0x20_0000) return high * 0x1_0000_0000 + this.#bytes.readUInt32LE(at);
    return this.#bytes.readBigUInt64LE(at);
  }

  /** Length-encoded integer. NULL (0xfb) and 0xff are malformed here. */
  lenenc(what: string): number | bigint {
    const first = this.u8(what);
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16(what);
    if (first === 0xfd) return this.u24(what);
    if (first === 0xfe) return this.u64(what);
    throw this.malformed(what);
  }

  /** Length-encoded length: one that cannot lie within the payload is malformed, so it is always a number. */
  lenencLength(what: string): number {
    const length = this.lenenc(what);
    if (typeof length === "bigint" || length > this.remaining) throw this.malformed(what);
    return length;
  }

  bytes(length: number, what: string): Buffer {
    const at = this.#take(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  text(length: number, what: string): string {
    const at = this.#take(length, what);
    return this.#bytes.toString("utf8", at, at + length);
  }

  lenencBytes(what: string): Buffer {
    return this.bytes(this.lenencLength(what), what);
  }

  lenencText(what: string): string {
    return this.text(this.lenencLength(what), what);
  }

  /** Bytes up to the next NUL, or -1 without one. */
  #lengthToNul(): number {
    const found = this.#bytes.indexOf(0, this.#at);
    return found < 0 || found >= this.#end ? -1 : found - this.#at;
  }

  nulBytes(what: string): Buffer {
    const length = this.#lengthToNul();
    if (length < 0) throw this.malformed(what);
    const bytes = this.bytes(length, what);
    this.#at++;
    return bytes;
  }

  nulText(what: string): string {
    const length = this.#lengthToNul();
    if (length < 0) throw this.malformed(what);
    const text = this.text(length, what);
    this.#at++;
    return text;
  }

  /** Up to the next NUL or the end of the payload: real peers leave out the last NUL. */
  nulOrRestText(what: string): string {
    const length = this.#lengthToNul();
    if (length < 0) return this.text(this.remaining, what);
    const text = this.text(length, what);
    this.#at++;
    return text;
  }

  nulOrRestBytes(what: string): Buffer {
    const length = this.#lengthToNul();
    if (length < 0) return this.rest();
    const bytes = this.bytes(length, what);
    this.#at++;
    return bytes;
  }

  rest(): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#end);
    this.#at = this.#end;
    return bytes;
  }

  restText(): string {
    const text = this.#bytes.toString("utf8", this.#at, this.#end);
    this.#at = this.#end;
    return text;
  }
}
