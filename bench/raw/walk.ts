/** Takes each packet of a stream: `bytes[start, start + kept)` holds the first `kept` of `length` payload bytes. */
export interface PacketSink {
  packet(bytes: Buffer, start: number, kept: number, length: number): void;
}

const HEADER_BYTES = 4;
/** Long enough for a greeting, an RSA public key and an error message; the rest of a long packet is skipped. */
const KEPT_BYTES = 1_024;

/**
 * Cuts a byte stream into MySQL packets. A packet that lies whole in one read is handed over in place; of others the
 * first bytes are copied. Nothing is kept between packets, so an idle connection holds no memory here.
 */
export class PacketWalk {
  sequence = 0;
  #header = 0;
  #headerBytes = 0;
  #missing = 0;
  #length = 0;
  #kept: Buffer | null = null;
  #keptBytes = 0;

  feed(bytes: Buffer, size: number, sink: PacketSink): void {
    let at = 0;
    while (at < size) {
      if (this.#headerBytes < HEADER_BYTES) {
        at = this.#readHeader(bytes, at, size);
        if (this.#headerBytes < HEADER_BYTES || (this.#length > 0 && at === size)) return;
      }
      const here = Math.min(this.#missing, size - at);
      if (here === this.#length) {
        this.#headerBytes = 0;
        sink.packet(bytes, at, here, here);
      } else {
        this.#collect(bytes, at, here, sink);
      }
      at += here;
    }
  }

  #readHeader(bytes: Buffer, from: number, size: number): number {
    let at = from;
    while (at < size && this.#headerBytes < HEADER_BYTES) {
      const byte = bytes[at++]!;
      if (this.#headerBytes === 0) this.#header = 0;
      if (this.#headerBytes < 3) this.#header |= byte << (8 * this.#headerBytes);
      else this.sequence = byte;
      this.#headerBytes++;
    }
    if (this.#headerBytes === HEADER_BYTES) {
      this.#length = this.#header;
      this.#missing = this.#length;
      this.#keptBytes = 0;
    }
    return at;
  }

  #collect(bytes: Buffer, at: number, here: number, sink: PacketSink): void {
    this.#kept ??= Buffer.allocUnsafe(KEPT_BYTES);
    const room = Math.min(here, KEPT_BYTES - this.#keptBytes);
    if (room > 0) bytes.copy(this.#kept, this.#keptBytes, at, at + room);
    this.#keptBytes += room;
    this.#missing -= here;
    if (this.#missing > 0) return;
    const kept = this.#kept;
    this.#kept = null;
    this.#headerBytes = 0;
    sink.packet(kept, 0, this.#keptBytes, this.#length);
  }
}

/** One packet of a payload, ready to be written again and again. */
export function encodePacket(sequence: number, payload: Buffer): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + payload.length);
  packet.writeUIntLE(payload.length, 0, 3);
  packet[3] = sequence;
  payload.copy(packet, HEADER_BYTES);
  return packet;
}

/** The packet of a text query. */
export function encodeQuery(sql: string): Buffer {
  return encodePacket(0, Buffer.concat([Buffer.from([0x03]), Buffer.from(sql)]));
}

export const QUIT = encodePacket(0, Buffer.from([0x01]));
