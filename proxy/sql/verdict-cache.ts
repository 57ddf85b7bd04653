import { classify } from "./classify.ts";
import type { Verdict } from "./verdict.ts";

export interface VerdictCacheLimits {
  /** Texts kept at most. */
  readonly entries: number;
  /** Bytes of text kept at most. */
  readonly bytes: number;
  /** Longest text that is kept. */
  readonly textBytes: number;
}

const LIMITS: VerdictCacheLimits = { entries: 1_024, bytes: 262_144, textBytes: 4_096 };

interface Entry {
  readonly text: Uint8Array;
  readonly reading: number;
  readonly verdict: Verdict;
}

const PRIME = 16777619;

/**
 * Verdicts of texts seen before, for those that are no shared constants: what drivers and frameworks set at every
 * connect. Keyed by the exact bytes and their reading; the oldest goes first. Other texts pass straight through.
 */
export class VerdictCache {
  readonly #limits: VerdictCacheLimits;
  readonly #entries = new Map<number, Entry>();
  #bytes = 0;

  constructor(limits: Partial<VerdictCacheLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Texts kept now. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes of text kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As `classify`. */
  classify(bytes: Uint8Array, start: number, end: number, reading: number): Verdict {
    if (end - start > this.#limits.textBytes || !maySet(bytes, start, end)) {
      return classify(bytes, start, end, reading);
    }
    const key = keyOf(bytes, start, end, reading);
    const known = this.#entries.get(key);
    if (known !== undefined && known.reading === reading && isSame(known.text, bytes, start, end)) {
      return known.verdict;
    }
    const verdict = classify(bytes, start, end, reading);
    if (isOwn(verdict)) this.#keep(key, { text: bytes.slice(start, end), reading, verdict });
    return verdict;
  }

  #keep(key: number, entry: Entry): void {
    this.#drop(key);
    this.#entries.set(key, entry);
    this.#bytes += entry.text.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) return;
      this.#drop(oldest);
    }
  }

  #drop(key: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.text.length;
  }
}

function isOwn(verdict: Verdict): boolean {
  return verdict.assignments.length > 0 || verdict.tracked.length > 0 || verdict.schema !== null;
}

/** The text starts with SET, USE or a comment. */
function maySet(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at]! <= 0x20) at++;
  if (at + 3 > end) return false;
  const first = bytes[at]! | 0x20;
  if (bytes[at] === 0x2f) return true;
  const second = bytes[at + 1]! | 0x20;
  const third = bytes[at + 2]! | 0x20;
  if (first === 0x73) return second === 0x65 && third === 0x74;
  return first === 0x75 && second === 0x73 && third === 0x65;
}

function keyOf(bytes: Uint8Array, start: number, end: number, reading: number): number {
  let hash = reading ^ (end - start);
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  return hash;
}

function isSame(text: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text[i] !== bytes[start + i]) return false;
  return true;
}
