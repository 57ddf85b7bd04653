import { Capability } from "../../proxy/wire/capabilities.ts";

/** How a command is answered. */
export type Shape = "result" | "prepare" | "rows" | "fields" | "none";

const MORE_RESULTS = 0x0008;
const CURSOR_EXISTS = 0x0040;

/** The server sends what is no response. */
export class BrokenProtocol extends Error {}

export interface ResponseEnd {
  /** Takes the next packet's payload; true if nothing follows it. */
  isLast(payload: Buffer): boolean;
}

/** Knows the end of a response. Written anew here: the proxy's own walker is among what is tested. */
export function responseEnd(shape: Shape, capabilities: number): ResponseEnd {
  const deprecateEof = (capabilities & Capability.DEPRECATE_EOF) !== 0;
  const optional = (capabilities & Capability.OPTIONAL_RESULTSET_METADATA) !== 0;
  if (shape === "prepare") return new PrepareEnd(deprecateEof);
  return new ResultEnd(shape, deprecateEof, optional);
}

class ResultEnd implements ResponseEnd {
  #state: "first" | "columns" | "columns-end" | "rows";
  #left = 0;
  readonly #deprecateEof: boolean;
  readonly #optional: boolean;

  constructor(shape: Shape, deprecateEof: boolean, optional: boolean) {
    this.#state = shape === "result" ? "first" : "rows";
    this.#deprecateEof = deprecateEof;
    this.#optional = optional;
  }

  isLast(payload: Buffer): boolean {
    const first = payload[0] as number;
    if (first === 0xff && this.#state !== "columns") return true;
    switch (this.#state) {
      case "first":
        return this.#first(payload);
      case "columns":
        this.#left -= 1;
        if (this.#left === 0) this.#state = this.#deprecateEof ? "rows" : "columns-end";
        return false;
      case "columns-end":
        // MySQL 9 now and then ends the definitions of a statement that had a cursor before with an OK. No client understands that.
        if (first !== 0xfe) throw new BrokenProtocol();
        this.#state = "rows";
        return (statusOf(payload) & CURSOR_EXISTS) !== 0;
      case "rows":
        if (first !== 0xfe || payload.length >= 0xffffff) return false;
        return this.#afterResult(payload);
    }
  }

  #first(payload: Buffer): boolean {
    const first = payload[0] as number;
    if (first === 0 || first === 0xfe) return this.#afterResult(payload);
    const [columns, width] = first === 0xfc ? [payload.readUInt16LE(1), 3] : [first, 1];
    const hasMetadata = !this.#optional || payload[width] !== 0;
    this.#left = columns;
    this.#state = hasMetadata ? "columns" : this.#deprecateEof ? "rows" : "columns-end";
    return false;
  }

  #afterResult(payload: Buffer): boolean {
    if ((statusOf(payload) & MORE_RESULTS) === 0) return true;
    this.#state = "first";
    return false;
  }
}

class PrepareEnd implements ResponseEnd {
  #left = -1;
  readonly #deprecateEof: boolean;

  constructor(deprecateEof: boolean) {
    this.#deprecateEof = deprecateEof;
  }

  isLast(payload: Buffer): boolean {
    if (this.#left < 0) {
      if (payload[0] === 0xff) return true;
      const columns = payload.readUInt16LE(5);
      const parameters = payload.readUInt16LE(7);
      const ends = this.#deprecateEof ? 0 : (columns > 0 ? 1 : 0) + (parameters > 0 ? 1 : 0);
      this.#left = columns + parameters + ends;
    } else this.#left -= 1;
    return this.#left === 0;
  }
}

/** Status flags of an OK packet, or of an EOF packet of old. */
export function statusOf(payload: Buffer): number {
  if (payload[0] === 0xfe && payload.length < 7) return payload.readUInt16LE(3);
  let at = 1;
  for (let i = 0; i < 2; i++) at += lenencWidth(payload[at] as number);
  return payload.readUInt16LE(at);
}

export function lenencWidth(first: number): number {
  if (first === 0xfc) return 3;
  if (first === 0xfd) return 4;
  return first === 0xfe ? 9 : 1;
}
