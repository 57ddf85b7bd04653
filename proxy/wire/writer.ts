import { Buffer } from "node:buffer";

/** Bytes of the header before every packet: length in three bytes, then the sequence number. */
export const HEADER_BYTES = 4;
/** A payload this long or longer goes out as several packets, the last one shorter than this. */
export const MAX_PAYLOAD = 0xff_ffff;

/**
 * Grows as it is written to. Either a bare payload (write, then {@link bytes}), or framed packets
 * (`begin`, write, `end`, again …, then `bytes`).
 */
export class PacketWriter {
  #buffer: Buffer;
  #length = 0;
  #packetStart = -1;
  #sequence = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The sequence number that the next packet will carry. */
  get sequence(): number {
    return this.#sequence;
  }

  /** What was written so far; shares memory with the writer until the writer is {@link reset}. */
  bytes(): Buffer {
    if (this.#packetStart >= 0) throw new Error("A packet is still open");
    return this.#buffer.subarray(0, this.#length);
  }

  /** Starts over with fresh memory, so that what {@link bytes} returned stays valid. */
  reset(): void {
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length);
    this.#length = 0;
    this.#packetStart = -1;
  }

  /** Opens a packet; without `sequence` it continues the previous one's number. */
  begin(sequence = this.#sequence): this {
    if (this.#packetStart >= 0) throw new Error("A packet is already open");
    this.#sequence = sequence & 0xff;
    this.#packetStart = this.#reserve(HEADER_BYTES);
    return this;
  }

  end(): this {
    if (this.#packetStart < 0) throw new Error("No packet is open");
    let header = this.#packetStart;
    let left = this.#length - header - HEADER_BYTES;
    while (left >= MAX_PAYLOAD) {
      this.#putHeader(header, MAX_PAYLOAD);
      header += HEADER_BYTES + MAX_PAYLOAD;
      left -= MAX_PAYLOAD;
      this.#reserve(HEADER_BYTES);
      this.#buffer.copyWithin(header + HEADER_BYTES, header, header + left);
    }
    this.#putHeader(header, left);
    this.#packetStart = -1;
    return this;
  }

  #putHeader(at: number, length: number): void {
    this.#buffer.writeUIntLE(length, at, 3);
    this.#buffer[at + 3] = this.#sequence;
    this.#sequence = (this.#sequence + 1) & 0xff;
  }

  /** Makes room for `length` bytes and returns where they start. */
  #reserve(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  u24(value: number): this {
    const at = this.#reserve(3);
    this.#buffer.writeUIntLE(value, at, 3);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  u64(value: number | bigint): this {
    const at = this.#reserve(8);
    this.#buffer.writeBigUInt64LE(BigInt(value), at);
    return this;
  }

  lenenc(value: number | bigint): this {
    if (value < 0xfb) return this.u8(Number(value));
    if (value <= 0xffff) return this.u8(0xfc).u16(Number(value));
    if (value <= 0xff_ffff) return this.u8(0xfd).u24(Number(value));
    return this.u8(0xfe).u64(value);
  }

  zeros(count: number): this {
    const at = this.#reserve(count);
    this.#buffer.fill(0, at, at + count);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** UTF-8 without length or end. */
  text(text: string): this {
    const length = Buffer.byteLength(text);
    const at = this.#reserve(length);
    this.#buffer.write(text, at, length, "utf8");
    return this;
  }

  nulText(text: string): this {
    return this.text(text).u8(0);
  }

  lenencText(text: string): this {
    return this.lenenc(Buffer.byteLength(text)).text(text);
  }

  lenencBytes(bytes: Uint8Array): this {
    return this.lenenc(bytes.length).raw(bytes);
  }
}

/** Puts the header before a payload (several, where it is too long for one packet). */
export function framePacket(payload: Uint8Array, sequence: number): Buffer {
  if (payload.length >= MAX_PAYLOAD) {
    return new PacketWriter(payload.length + 64).begin(sequence).raw(payload).end().bytes();
  }
  const packet = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  packet.writeUIntLE(payload.length, 0, 3);
  packet[3] = sequence & 0xff;
  packet.set(payload, HEADER_BYTES);
  return packet;
}
