import { Kind, Lexer } from "./lexer.ts";
import {
  type Assignment,
  Fact,
  type PinRuleId,
  Reading,
  type Verdict,
  type WarningRuleId,
} from "./verdict.ts";

/** Numbers of the pin rules while a text is judged: indexes of {@link PIN_RULES}. */
export const Pin = {
  NONE: 0,
  TEXT_OVER_16K: 1,
  PREPARE_SQL: 2,
  USER_VARIABLE: 3,
  UNTRACKED_VARIABLE: 4,
  NEXT_TXN_ISOLATION: 5,
  EXECUTABLE_COMMENT: 6,
  TEMP_TABLE: 7,
  LOCK_TABLES: 8,
  FLUSH_READ_LOCK: 9,
  GET_LOCK: 10,
  FOUND_ROWS: 11,
  ROW_COUNT: 12,
  UNPARSED: 13,
} as const;

const PIN_RULES: readonly (PinRuleId | null)[] = [
  null,
  "text-over-16k",
  "prepare-sql",
  "user-variable",
  "untracked-variable",
  "next-txn-isolation",
  "executable-comment",
  "temp-table",
  "lock-tables",
  "flush-read-lock",
  "get-lock",
  "found-rows",
  "row-count",
  "unparsed",
];

/** Bits of the warnings while a text is judged, in the order of {@link WARNINGS}. */
export const Warn = {
  POOL_PARTITION: 1,
  PROC_HIDDEN_STATE: 2,
  LONG_TRANSACTION: 4,
  FILTER_LEAK: 8,
} as const;

const WARNINGS: readonly WarningRuleId[] = [
  "pool-partition",
  "proc-hidden-state",
  "long-transaction",
  "filter-leak",
];

/** Facts that hold for a text only when they hold for each of its statements. */
const COMMON_FACTS = Fact.READ | Fact.TOUCHES_NO_TABLE;
/** Plain verdicts kept for sharing; far more than real texts make. */
const SHARED_MAX = 4_096;
const NOTHING: readonly never[] = Object.freeze([]);
const shared = new Map<number, Verdict>();
const utf8 = new TextDecoder();

/** One text under judgement: the lexer's place in it, and what was found so far. */
export class Scan extends Lexer {
  /** Facts of the statement being judged. */
  facts = 0;
  pin: number = Pin.NONE;
  warnings = 0;
  schema: string | null = null;
  kill: Verdict["kill"] = null;
  /** Parentheses open at the token. */
  depth = 0;
  /** Tables named after FROM, INTO, TABLE … */
  tables = 0;
  /** The statement writes although it starts like a read. */
  writes = false;
  /** A SET statement: the pinning filter covers what it sets. */
  insideSet = false;
  /** Depths (as bits) at which names of common table expressions are being declared. */
  declaring = 0;
  /** Calls of LAST_INSERT_ID(…) and, of those, with no argument. */
  insertIdCalls = 0;
  insertIdReads = 0;
  #assignments: Assignment[] | null = null;
  #tracked: string[] | null = null;
  #start = 0;
  #statements = 0;
  #any = 0;
  #all = 0;

  begin(bytes: Uint8Array, start: number, end: number, reading: number): void {
    this.open(bytes, start, end, reading);
    this.#start = start;
    this.pin = Pin.NONE;
    this.warnings = 0;
    this.schema = null;
    this.kill = null;
    this.#assignments = null;
    this.#tracked = null;
    this.#statements = 0;
    this.#any = 0;
    this.#all = COMMON_FACTS;
  }

  beginStatement(): void {
    this.facts = 0;
    this.depth = 0;
    this.tables = 0;
    this.writes = false;
    this.insideSet = false;
    this.declaring = 0;
    this.insertIdCalls = 0;
    this.insertIdReads = 0;
  }

  endStatement(): void {
    if (this.insertIdReads > 0) this.facts |= Fact.READS_INSERT_ID;
    if (this.insertIdCalls > this.insertIdReads) this.facts |= Fact.SETS_INSERT_ID;
    this.#statements++;
    this.#any |= this.facts;
    this.#all &= this.facts;
  }

  /** The first rule found is the one that pins. */
  pinBy(rule: number): void {
    if (this.pin === Pin.NONE) this.pin = this.executable ? Pin.EXECUTABLE_COMMENT : rule;
  }

  /** Pins for something that SET does, unless the filter covers it. */
  pinBySet(rule: number): void {
    if (this.insideSet && (this.reading & Reading.EXCLUDE_VARIABLE_SETS) !== 0) {
      this.warnings |= Warn.FILTER_LEAK;
    } else this.pinBy(rule);
  }

  assign(assignment: Assignment): void {
    this.#assignments ??= [];
    this.#assignments.push(assignment);
  }

  /** A KILL that ends at the token. */
  killBy(queryOnly: boolean, id: number): void {
    const end = this.from - this.#start;
    if (this.#statements === 0) this.kill = { queryOnly, id, end };
  }

  track(name: string): void {
    this.#tracked ??= [];
    if (!this.#tracked.includes(name)) this.#tracked.push(name);
  }

  isAtEnd(): boolean {
    return this.kind === Kind.END || this.kind === Kind.SEMICOLON;
  }

  /** Moves on, but not past the end of the statement. */
  step(): void {
    if (!this.isAtEnd()) this.advance();
  }

  /** The token is this unquoted word, and no part of a dotted name. */
  isWord(number: number): boolean {
    return this.kind === Kind.WORD && this.word === number && this.prevKind !== Kind.DOT;
  }

  /** Steps over this unquoted word, if the token is it. */
  accept(number: number): boolean {
    if (!this.isWord(number)) return false;
    this.advance();
    return true;
  }

  /** Text of bytes [from, to) of the slice. */
  text(from: number, to: number): string {
    return utf8.decode(this.bytes.subarray(from, to));
  }

  /** The identifier at the token, without quotes. */
  name(): string {
    if (this.kind === Kind.WORD) return this.text(this.from, this.to);
    const quote = String.fromCharCode(this.bytes[this.from]!);
    return this.text(this.from + 1, this.contentEnd()).replaceAll(quote + quote, quote);
  }

  verdict(): Verdict {
    let flags = (this.#any & ~COMMON_FACTS) | (this.#statements > 0 ? this.#all : 0);
    if (this.#statements > 1) {
      flags |= Fact.MULTI;
      if ((flags & Fact.INSERT) !== 0) flags |= Fact.INSERT_ID_AMBIGUOUS;
    }
    if (this.executable) {
      this.pinBy(Pin.EXECUTABLE_COMMENT);
      // What is inside runs or not, depending on the server's version.
      flags |= Fact.OPAQUE;
    } else if (this.#statements === 0) flags |= Fact.EMPTY | Fact.TOUCHES_NO_TABLE;
    const isPlain =
      this.#assignments === null &&
      this.#tracked === null &&
      this.schema === null &&
      this.kill === null;
    return isPlain ? sharedVerdict(flags, this.pin, this.warnings) : this.#ownVerdict(flags);
  }

  #ownVerdict(flags: number): Verdict {
    return {
      flags,
      pin: PIN_RULES[this.pin]!,
      assignments: this.#assignments ?? NOTHING,
      schema: this.schema,
      kill: this.kill,
      tracked: this.#tracked ?? NOTHING,
      warnings: warningIds(this.warnings),
    };
  }
}

function sharedVerdict(flags: number, pin: number, warnings: number): Verdict {
  const key = flags | (pin << 21) | (warnings << 25);
  const known = shared.get(key);
  if (known !== undefined) return known;
  const verdict: Verdict = Object.freeze({
    flags,
    pin: PIN_RULES[pin]!,
    assignments: NOTHING,
    schema: null,
    kill: null,
    tracked: NOTHING,
    warnings: warningIds(warnings),
  });
  if (shared.size < SHARED_MAX) shared.set(key, verdict);
  return verdict;
}

function warningIds(bits: number): readonly WarningRuleId[] {
  return bits === 0 ? NOTHING : WARNINGS.filter((_, index) => (bits & (1 << index)) !== 0);
}
