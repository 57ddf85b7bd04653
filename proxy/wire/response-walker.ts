import { NUMBERS } from "./lenenc-numbers.ts";
import { headInHand, payloadLength } from "./packet-head.ts";

/**
 * Follows a server's response to its end without looking at rows: packet lengths, the first byte, and the few numbers of OK,
 * EOF, ERR and PREPARE_OK packets. Works for any cut of the bytes, packets of 16 MiB and more, several result sets, and both
 * end-of-result conventions. One walker lives as long as its backend and is started anew for each command.
 */

/** How a command is answered. */
export const ResponseShape = {
  /** OK, ERR, result sets, LOCAL INFILE: COM_QUERY, COM_STMT_EXECUTE and most others. */
  RESULT: 0,
  /** COM_STMT_PREPARE. */
  PREPARE: 1,
  /** COM_STMT_FETCH: rows, then the end. */
  ROWS: 2,
  /** COM_FIELD_LIST: column definitions, then the end. */
  FIELD_LIST: 3,
  /** COM_STATISTICS: one packet of text. */
  TEXT: 4,
} as const;
export type ResponseShape = (typeof ResponseShape)[keyof typeof ResponseShape];

const Phase = {
  FIRST: 0,
  COLUMNS: 1,
  COLUMNS_END: 2,
  ROWS: 3,
  PARAMETERS: 4,
  PARAMETERS_END: 5,
  ENDING: 6,
} as const;

const SERVER_MORE_RESULTS_EXISTS = 0x0008;
const SERVER_STATUS_CURSOR_EXISTS = 0x0040;
const SERVER_PS_OUT_PARAMS = 0x1000;

/** Bytes of a payload that are ever looked at: an OK packet's numbers take at most 1 + 9 + 9 + 2 + 2. */
const HEAD_BYTES = 23;
const MAX_PAYLOAD = 0xffffff;

export class ResponseWalker {
  /** The response has ended. */
  done = true;
  /** The server asks for a file: the client's packets go to the server until an empty one. */
  wantsFile = false;
  /** The bytes are no response: the server broke the protocol. */
  malformed = false;
  /** Status flags of the last OK or EOF packet. */
  status = 0;
  warnings = 0;
  /** A result before the last one had warnings. */
  warnedBefore = false;
  /** Affected rows of the last OK packet; -1 after a result set or an error. */
  affectedRows = 0;
  insertIdLow = 0;
  insertIdHigh = 0;
  /** Errno of the ERR packet that ended the response, or 0. */
  errorCode = 0;
  /** Rows of the last result set. */
  rows = 0;
  /** A result set was among the results. */
  hadResultSet = false;
  /** Statement id of a PREPARE_OK. */
  statementId = 0;

  deprecateEof = false;
  optionalMetadata = false;

  #phase: number = Phase.FIRST;
  #shape: number = ResponseShape.RESULT;
  #skip = 0;
  #continued = false;
  #left = 0;
  #columnsAfterParameters = 0;
  /** The statement being prepared comes without definitions. */
  #bare = false;
  #held = 0;
  readonly #head = new Uint8Array(4 + HEAD_BYTES);

  /** Begins a new response. */
  start(shape: ResponseShape): void {
    this.done = false;
    this.wantsFile = false;
    this.malformed = false;
    this.errorCode = 0;
    this.warnedBefore = false;
    this.insertIdLow = 0;
    this.insertIdHigh = 0;
    this.affectedRows = 0;
    this.rows = 0;
    this.hadResultSet = false;
    this.#shape = shape;
    this.#phase = shape === ResponseShape.ROWS ? Phase.ROWS : Phase.FIRST;
    this.#skip = 0;
    this.#held = 0;
    this.#continued = false;
    if (shape === ResponseShape.FIELD_LIST) {
      this.#phase = Phase.COLUMNS;
      this.#left = Number.MAX_SAFE_INTEGER;
    }
  }

  /** The client has sent its file: the server's verdict follows. */
  fileSent(): void {
    this.wantsFile = false;
  }

  /** Returns the position after the last byte that belongs to the response: `end` unless it ended, or asked for a file, before. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, end - at);
        this.#skip -= step;
        at += step;
        if (this.#skip > 0) return end;
        if (this.#paused()) return at;
        continue;
      }
      if (this.#held === 0 && this.#phase === Phase.ROWS) {
        at = this.#rows(bytes, at, end);
        if (this.#skip > 0 || at >= end) return end;
      }
      at = this.#packet(bytes, at, end);
      if (this.malformed) return at;
      if (this.#skip === 0 && this.#held === 0 && this.#paused()) return at;
    }
    return at;
  }

  /** Steps over whole rows as long as the bytes in hand show that they are rows. */
  #rows(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let rows = 0;
    while (at + 5 <= end && !this.#continued) {
      const length =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16);
      if (length === 0 || length === MAX_PAYLOAD || (bytes[at + 4] as number) >= 0xfe) break;
      rows += 1;
      at += 4 + length;
      if (at > end) {
        this.#skip = at - end;
        break;
      }
    }
    this.rows += rows;
    return at;
  }

  /** Takes one packet's header and head, from the bytes in hand or joined with those held from before. */
  #packet(bytes: Uint8Array, start: number, end: number): number {
    if (this.#held > 0 || !headInHand(bytes, start, end, HEAD_BYTES))
      return this.#joined(bytes, start, end);
    const length = payloadLength(bytes, start);
    this.#judge(bytes, start + 4, length);
    const after = start + 4 + length;
    if (after <= end) return after;
    this.#skip = after - end;
    return end;
  }

  /** A header or head that arrives in pieces is put together in `#head` first. */
  #joined(bytes: Uint8Array, start: number, end: number): number {
    const head = this.#head;
    let at = start;
    let wanted = this.#held < 4 ? 4 : 4 + Math.min(HEAD_BYTES, payloadLength(head, 0));
    while (at < end && this.#held < wanted) {
      head[this.#held++] = bytes[at++] as number;
      if (this.#held === 4) wanted = 4 + Math.min(HEAD_BYTES, payloadLength(head, 0));
    }
    if (this.#held < wanted) return end;
    const length = payloadLength(head, 0);
    this.#skip = length - (wanted - 4);
    this.#held = 0;
    this.#judge(head, 4, length);
    return at;
  }

  /** What one packet means; `at` is its first payload byte, of which HEAD_BYTES or all are readable. */
  #judge(bytes: Uint8Array, at: number, length: number): void {
    if (this.#continued) {
      this.#continued = length === MAX_PAYLOAD;
      return;
    }
    this.#continued = length === MAX_PAYLOAD;
    if (length === 0) return this.#bad();
    switch (this.#phase) {
      case Phase.FIRST:
        return this.#first(bytes, at, length);
      case Phase.COLUMNS:
        return this.#column(bytes, at, length);
      case Phase.COLUMNS_END:
        return this.#columnsEnd(bytes, at, length);
      case Phase.ROWS:
        return this.#row(bytes, at, length);
      case Phase.PARAMETERS:
        return this.#parameter(bytes, at, length);
      case Phase.PARAMETERS_END:
        if (this.#isEof(bytes, at, length))
          this.#phase = this.#columnsPhase(this.#columnsAfterParameters);
        return;
      default:
        this.malformed = true;
    }
  }

  #first(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at] as number;
    if (first === 0xff) return this.#error(bytes, at, length);
    if (this.wantsFile) return this.#bad();
    if (this.#shape === ResponseShape.TEXT) return this.#end();
    if (this.#shape === ResponseShape.PREPARE) return this.#prepared(bytes, at, length);
    if (first === 0) return this.#ok(bytes, at, length);
    if (first === 0xfe) return this.#eof(bytes, at, length);
    if (first === 0xfb) {
      this.wantsFile = true;
      return;
    }
    this.#columnCount(bytes, at, length);
  }

  #columnCount(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at] as number;
    let columns = first;
    let width = 1;
    if (first === 0xfc && length >= 3) {
      columns = (bytes[at + 1] as number) | ((bytes[at + 2] as number) << 8);
      width = 3;
    } else if (first > 0xfb) return this.#bad();
    if (columns === 0) return this.#bad();
    const metadata = !this.optionalMetadata || length <= width || bytes[at + width] !== 0;
    this.rows = 0;
    this.hadResultSet = true;
    this.#left = metadata ? columns : 0;
    this.#phase = metadata ? Phase.COLUMNS : this.#rowsPhase();
  }

  #rowsPhase(): number {
    return this.deprecateEof ? Phase.ROWS : Phase.COLUMNS_END;
  }

  #column(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at] as number;
    if (first === 0xff) return this.#error(bytes, at, length);
    if (this.#shape === ResponseShape.FIELD_LIST) {
      if (first === 0xfe) this.#endOfRows(bytes, at, length);
      return;
    }
    this.#left -= 1;
    if (this.#left > 0) return;
    if (this.#shape === ResponseShape.PREPARE) {
      this.#phase = Phase.COLUMNS_END;
      if (this.deprecateEof) this.#end();
      return;
    }
    this.#phase = this.#rowsPhase();
  }

  #columnsEnd(bytes: Uint8Array, at: number, length: number): void {
    if (!this.#isEof(bytes, at, length)) return;
    this.#warningsAndStatus(bytes, at + 1);
    if (this.#shape === ResponseShape.PREPARE) return this.#end();
    if (this.status & SERVER_STATUS_CURSOR_EXISTS) return this.#end();
    this.#phase = Phase.ROWS;
  }

  /** Whether it is the EOF packet that has to come here; anything else but an error is malformed. */
  #isEof(bytes: Uint8Array, at: number, length: number): boolean {
    const first = bytes[at] as number;
    if (first === 0xfe && length >= 5 && length < 9) return true;
    if (first === 0xff) this.#error(bytes, at, length);
    else this.malformed = true;
    return false;
  }

  #parameter(bytes: Uint8Array, at: number, length: number): void {
    if (bytes[at] === 0xff) return this.#error(bytes, at, length);
    this.#left -= 1;
    if (this.#left > 0) return;
    if (!this.deprecateEof) this.#phase = Phase.PARAMETERS_END;
    else this.#phase = this.#columnsPhase(this.#columnsAfterParameters);
  }

  /** The phase in which `columns` definitions of a prepared statement follow; ends the response when none do. */
  #columnsPhase(columns: number): number {
    if (columns === 0) return Phase.ENDING;
    return this.#definitionsPhase(columns, Phase.COLUMNS, Phase.COLUMNS_END);
  }

  #row(bytes: Uint8Array, at: number, length: number): void {
    const first = bytes[at] as number;
    if (first === 0xff) return this.#error(bytes, at, length);
    if (first === 0xfe && length < MAX_PAYLOAD) return this.#endOfRows(bytes, at, length);
    this.rows += 1;
  }

  #endOfRows(bytes: Uint8Array, at: number, length: number): void {
    if (length < 7) this.#eof(bytes, at, length);
    else this.#ok(bytes, at, length);
    this.affectedRows = -1;
  }

  #prepared(bytes: Uint8Array, at: number, length: number): void {
    if (length < 12 || bytes[at] !== 0) return this.#bad();
    this.statementId =
      ((bytes[at + 1] as number) |
        ((bytes[at + 2] as number) << 8) |
        ((bytes[at + 3] as number) << 16) |
        ((bytes[at + 4] as number) << 24)) >>>
      0;
    const columns = (bytes[at + 5] as number) | ((bytes[at + 6] as number) << 8);
    const parameters = (bytes[at + 7] as number) | ((bytes[at + 8] as number) << 8);
    this.warnings = (bytes[at + 10] as number) | ((bytes[at + 11] as number) << 8);
    this.#bare = this.optionalMetadata && length > 12 && bytes[at + 12] === 0;
    this.#columnsAfterParameters = columns;
    this.#phase =
      parameters > 0
        ? this.#definitionsPhase(parameters, Phase.PARAMETERS, Phase.PARAMETERS_END)
        : this.#columnsPhase(columns);
  }

  /** Where definitions are left out, the old convention still ends each block of them with EOF. */
  #definitionsPhase(count: number, definitions: number, end: number): number {
    this.#left = count;
    if (!this.#bare) return definitions;
    if (!this.deprecateEof) return end;
    return end === Phase.COLUMNS_END
      ? Phase.ENDING
      : this.#columnsPhase(this.#columnsAfterParameters);
  }

  #ok(bytes: Uint8Array, at: number, length: number): void {
    const limit = at + Math.min(length, HEAD_BYTES);
    let next = NUMBERS.read(bytes, at + 1, limit);
    this.affectedRows = NUMBERS.high * 4_294_967_296 + NUMBERS.low;
    next = NUMBERS.read(bytes, next, limit);
    this.insertIdLow = NUMBERS.low;
    this.insertIdHigh = NUMBERS.high;
    if (next + 4 > limit) return this.#bad();
    this.status = (bytes[next] as number) | ((bytes[next + 1] as number) << 8);
    this.warnings = (bytes[next + 2] as number) | ((bytes[next + 3] as number) << 8);
    this.#resultEnd();
  }

  #eof(bytes: Uint8Array, at: number, length: number): void {
    if (length < 5 || length > 8) return this.#bad();
    // Behind OUT parameters MySQL says only in the EOF of the columns that another result follows.
    const isOut = this.#phase === Phase.ROWS && (this.status & SERVER_PS_OUT_PARAMS) !== 0;
    const before = isOut ? this.status & SERVER_MORE_RESULTS_EXISTS : 0;
    this.#warningsAndStatus(bytes, at + 1);
    this.status |= before;
    this.#resultEnd();
  }

  #warningsAndStatus(bytes: Uint8Array, at: number): void {
    this.warnings = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    this.status = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  }

  #error(bytes: Uint8Array, at: number, length: number): void {
    if (length < 3) return this.#bad();
    this.errorCode = (bytes[at + 1] as number) | ((bytes[at + 2] as number) << 8);
    this.affectedRows = -1;
    this.wantsFile = false;
    // An ERR packet carries no count; the diagnostics area holds at least the error itself.
    this.warnings = 1;
    this.#end();
  }

  #resultEnd(): void {
    if (this.status & SERVER_MORE_RESULTS_EXISTS && this.#shape === ResponseShape.RESULT) {
      this.#phase = Phase.FIRST;
      if (this.warnings > 0) this.warnedBefore = true;
      return;
    }
    this.#end();
  }

  #end(): void {
    this.#phase = Phase.ENDING;
  }

  #bad(): void {
    this.malformed = true;
  }

  /** Whether the packet just passed was the last before somebody else has the word. */
  #paused(): boolean {
    if (this.#phase === Phase.ENDING && !this.#continued) {
      this.done = true;
      return true;
    }
    return this.wantsFile;
  }
}
