const HEADER_BYTES = 4;
const COM_QUERY = 0x03;
const COM_STMT_PREPARE = 0x16;
/** Statements about topology are short; longer ones pass unread. */
const READ_BYTES_MAX = 16 * 1_024;

/** Cuts what a client sends into commands and lets statements be replaced; everything else passes as it came. */
export class ClientCommands {
  readonly #replace: (sql: string, prepared: boolean) => string | null;
  readonly #hasAttributes: boolean;
  /** The start of a packet that has not come whole. */
  #kept: Buffer | null = null;
  /** Bytes of the present packet that pass unread. */
  #skip = 0;

  /** `hasAttributes`: the client sends query attributes before a statement's text. */
  constructor(hasAttributes: boolean, replace: (sql: string, prepared: boolean) => string | null) {
    this.#hasAttributes = hasAttributes;
    this.#replace = replace;
  }

  /** What is to be sent on for these bytes; null while nothing is. */
  readonly pass = (chunk: Buffer): Buffer | null => {
    const data = this.#kept === null ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#kept = null;
    const out: Buffer[] = [];
    let sent = 0;
    let at = 0;
    while (at < data.length) {
      if (this.#skip > 0) {
        const bytes = Math.min(this.#skip, data.length - at);
        this.#skip -= bytes;
        at += bytes;
        continue;
      }
      const end = this.#endOfPacket(data, at);
      if (end > data.length) {
        this.#kept = Buffer.from(data.subarray(at));
        break;
      }
      const replaced = this.#skip > 0 ? null : this.#replaced(data.subarray(at, end));
      if (replaced !== null) {
        out.push(data.subarray(sent, at), replaced);
        sent = end;
      }
      at = end;
    }
    if (out.length === 0 && sent === 0 && at === data.length) return data;
    out.push(data.subarray(sent, at));
    const whole = Buffer.concat(out);
    return whole.length === 0 ? null : whole;
  };

  /** Where the packet at `at` ends; for one that is not to be read, where its header does. */
  #endOfPacket(data: Buffer, at: number): number {
    if (data.length - at <= HEADER_BYTES) {
      // An empty packet is only a header.
      const isEmpty = data.length - at === HEADER_BYTES && data.readUIntLE(at, 3) === 0;
      return at + HEADER_BYTES + (isEmpty ? 0 : 1);
    }
    const length = data.readUIntLE(at, 3);
    const command = data[at + HEADER_BYTES];
    const isStatement = command === COM_QUERY || command === COM_STMT_PREPARE;
    if (data[at + 3] === 0 && isStatement && length <= READ_BYTES_MAX) {
      return at + HEADER_BYTES + length;
    }
    this.#skip = length;
    return at + HEADER_BYTES;
  }

  #replaced(packet: Buffer): Buffer | null {
    const command = packet[HEADER_BYTES];
    if (command !== COM_QUERY && command !== COM_STMT_PREPARE) return null;
    let start = HEADER_BYTES + 1;
    if (command === COM_QUERY && this.#hasAttributes) {
      // No attributes, in one set; statements that carry some pass as they are.
      if (packet[start] !== 0 || packet[start + 1] !== 1) return null;
      start += 2;
    }
    const sql = this.#replace(packet.toString("latin1", start), command === COM_STMT_PREPARE);
    if (sql === null) return null;
    const text = Buffer.from(sql, "latin1");
    const header = Buffer.from(packet.subarray(0, start));
    header.writeUIntLE(start - HEADER_BYTES + text.length, 0, 3);
    return Buffer.concat([header, text]);
  }
}
