import { Kind } from "./lexer.ts";
import type { Scan } from "./scan.ts";
import { numberOf, W } from "./words.ts";

/** What is known of an assigned value. */
export interface Value {
  /** A literal or a bare word: its effect depends on nothing else. */
  readonly constant: boolean;
  /** 0, OFF or FALSE. */
  readonly isOff: boolean;
}

/** Characteristics named by SET TRANSACTION, as bits. */
export const Characteristic = { NONE: 0, ISOLATION: 1, ACCESS: 2 } as const;

/** Bare words that are no value of their own: the default, and functions that need no parentheses. */
const nonConstant = new Set<number>(
  [
    "default",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_role",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "sysdate",
  ].map(numberOf),
);

export function isNonConstantWord(word: number): boolean {
  return word !== W.NONE && nonConstant.has(word);
}

/** `x`, `'x' COLLATE y`, `DEFAULT`: whether it is constant, or null when it is of another form. */
export function judgeNames(scan: Scan, mayCollate: boolean): boolean | null {
  let constant = !scan.isWord(W.DEFAULT);
  if (!isCharsetName(scan)) return null;
  scan.advance();
  if (mayCollate && scan.accept(W.COLLATE)) {
    if (scan.isWord(W.DEFAULT)) constant = false;
    if (!isCharsetName(scan)) return null;
    scan.advance();
  }
  return constant;
}

function isCharsetName(scan: Scan): boolean {
  return scan.kind === Kind.WORD || scan.kind === Kind.QUOTED || scan.kind === Kind.STRING;
}

/** The list after SET TRANSACTION, as bits of {@link Characteristic}; NONE when it is of another form. */
export function judgeCharacteristics(scan: Scan): number {
  let found: number = Characteristic.NONE;
  for (;;) {
    const one = judgeCharacteristic(scan);
    if (one === Characteristic.NONE) return Characteristic.NONE;
    found |= one;
    if (scan.kind !== Kind.COMMA) return found;
    scan.advance();
  }
}

function judgeCharacteristic(scan: Scan): number {
  if (scan.accept(W.READ)) {
    return scan.accept(W.ONLY) || scan.accept(W.WRITE)
      ? Characteristic.ACCESS
      : Characteristic.NONE;
  }
  if (!scan.accept(W.ISOLATION) || !scan.accept(W.LEVEL)) return Characteristic.NONE;
  if (scan.accept(W.SERIALIZABLE)) return Characteristic.ISOLATION;
  if (scan.accept(W.REPEATABLE))
    return scan.accept(W.READ) ? Characteristic.ISOLATION : Characteristic.NONE;
  if (!scan.accept(W.READ)) return Characteristic.NONE;
  return scan.accept(W.COMMITTED) || scan.accept(W.UNCOMMITTED)
    ? Characteristic.ISOLATION
    : Characteristic.NONE;
}
