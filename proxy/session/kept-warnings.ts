import { BOUNDS } from "../base/bounds.ts";

const HEADER = 4;
/** SHOW WARNINGS or SHOW ERRORS, all of it or a part, and nothing else. */
const SHOWN =
  /^\s*(?:\/\*(?![!M+])[^*]*\*\/\s*)*SHOW\s+(WARNINGS|ERRORS)(?:\s+LIMIT\s+(\d+)(?:\s*,\s*(\d+)|\s+OFFSET\s+(\d+))?)?\s*;?\s*$/i;

/** Level and Message: where their definitions are, and how many characters they have (sql_show.cc). */
const TEXT_COLUMNS = [
  [1, 7],
  [3, 512],
] as const;
/** What ends a column definition: its own length, character set, length, type, flags, decimals, two unused bytes. */
const FIXED_BYTES = 13;

/** A session's diagnostics area, taken from the backend that it was in: the answer to SHOW WARNINGS, in packets. */
export class KeptWarnings {
  readonly #head: Buffer[];
  readonly #rows: Buffer[] = [];
  readonly #deprecateEof: boolean;
  #count = 0;
  #errors = 0;

  private constructor(head: Buffer[], deprecateEof: boolean) {
    this.#head = head;
    this.#deprecateEof = deprecateEof;
  }

  /** From the whole answer to SHOW WARNINGS; null where it is none. */
  static from(answer: Buffer, deprecateEof: boolean): KeptWarnings | null {
    const payloads = split(answer);
    const columns = payloads[0]?.[0] ?? 0xff;
    if (columns === 0 || columns >= 0xfb) return null;
    const first = 1 + columns + (deprecateEof ? 0 : 1);
    const kept = new KeptWarnings(payloads.slice(0, 1 + columns), deprecateEof);
    let bytes = 0;
    for (const row of payloads.slice(first, -1)) {
      kept.#count += 1;
      if (isError(row)) kept.#errors += 1;
      bytes += row.length;
      if (bytes <= BOUNDS.warningBytes) kept.#rows.push(row);
    }
    return kept;
  }

  /** Conditions in the area, errors included. */
  get count(): number {
    return this.#count;
  }

  /**
   * Another character set for results is in force than when they were kept. What is not ASCII stays as it was.
   *
   * @param collation its number, as column definitions carry it
   * @param maxLength the most bytes of a character
   */
  recode(collation: number, maxLength: number): void {
    for (const [at, characters] of TEXT_COLUMNS) {
      const definition = Buffer.from(this.#head[at] as Buffer);
      const fixed = definition.length - FIXED_BYTES;
      definition.writeUInt16LE(collation, fixed + 1);
      definition.writeUInt32LE(characters * maxLength, fixed + 3);
      this.#head[at] = definition;
    }
  }

  /** What the server would say to this statement, or null if it is another than SHOW WARNINGS and SHOW ERRORS. */
  answerTo(text: string, status: number): Buffer | null {
    const match = SHOWN.exec(text);
    if (match === null) return null;
    const [, what, limit, afterComma, offset] = match;
    const skipped = Number((afterComma === undefined ? offset : limit) ?? 0);
    const most = Number(afterComma ?? limit ?? Number.POSITIVE_INFINITY);
    const wanted = what?.toUpperCase() === "ERRORS" ? this.#rows.filter(isError) : this.#rows;
    return this.#framed(wanted.slice(skipped, skipped + most), status);
  }

  /**
   * A statement that leaves as many warnings and errors behind, for those who only count them. It fails where there are errors.
   */
  recount(): string {
    const most = 1_000;
    const warnings = Math.min(most, this.#count - this.#errors);
    const columns = Array.from({ length: warnings }, () => "CAST('x' AS SIGNED)");
    // Not a constant, which would fail before the warnings are there. The other one is wrong in two ways, says MySQL.
    const wrong =
      this.#errors > 1 ? "JSON_EXTRACT(_binary'{','$')" : "(SELECT RAND() UNION SELECT 2)";
    if (this.#errors > 0) columns.push(wrong);
    return `SELECT ${columns.length === 0 ? "1" : columns.join(",")} LIMIT 1`;
  }

  #framed(rows: readonly Buffer[], status: number): Buffer {
    const packets = [...this.#head];
    if (!this.#deprecateEof) packets.push(eof(status));
    packets.push(...rows, this.#deprecateEof ? endOfRows(status) : eof(status));
    return Buffer.concat(packets.map((payload, i) => framed(payload, i + 1)));
  }
}

/** The first column, Level, is "Error". */
function isError(row: Buffer): boolean {
  return row[0] === 5 && row.toString("latin1", 1, 6) === "Error";
}

function split(answer: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at + HEADER <= answer.length; ) {
    const end = at + HEADER + answer.readUIntLE(at, 3);
    payloads.push(Buffer.from(answer.subarray(at + HEADER, end)));
    at = end;
  }
  return payloads;
}

function eof(status: number): Buffer {
  return Buffer.from([0xfe, 0, 0, status & 0xff, status >> 8]);
}

function endOfRows(status: number): Buffer {
  return Buffer.from([0xfe, 0, 0, status & 0xff, status >> 8, 0, 0]);
}

function framed(payload: Buffer, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence & 0xff;
  return Buffer.concat([header, payload]);
}
