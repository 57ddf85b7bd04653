import { Reading } from "./verdict.ts";
import { addToHash, FOLD, findWord, startHash } from "./words.ts";

/** Kinds of tokens. A single punctuation byte is its own kind (33 to 126). */
export const Kind = {
  END: 0,
  /** Unquoted identifier or keyword. */
  WORD: 1,
  /** Identifier in back-quotes, or in double quotes with ANSI_QUOTES. */
  QUOTED: 2,
  /** String, hexadecimal, bit or national literal in quotes. */
  STRING: 3,
  NUMBER: 4,
  /** User variable: `@name` with its name, quoted or not. */
  VARIABLE: 5,
  /** `@@`: the name of the system variable follows as tokens of its own. */
  SYSTEM: 6,
  /** `:=` */
  ASSIGN: 7,
  OPEN: 40,
  CLOSE: 41,
  COMMA: 44,
  DOT: 46,
  COLON: 58,
  SEMICOLON: 59,
  EQUALS: 61,
  PLACEHOLDER: 63,
} as const;

const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const QUOTE = 4;
const AT = 5;
const COMMENT = 6;

/** What a token that starts with a byte may be. */
const CLASS = new Uint8Array(256);
/** Bytes of an unquoted identifier, folded to lower case; 0 for all others. */
const NAME = new Uint8Array(256);
const charCode = (text: string): number => text.charCodeAt(0);
for (let byte = 0; byte < 256; byte++) {
  const text = String.fromCharCode(byte);
  if (byte >= 0x80) CLASS[byte] = LETTER;
  else if (/[A-Za-z_$]/.test(text)) CLASS[byte] = LETTER;
  else if (/[0-9]/.test(text)) CLASS[byte] = DIGIT;
  else if (/['"`]/.test(text)) CLASS[byte] = QUOTE;
  else if (/[#\-/*]/.test(text)) CLASS[byte] = COMMENT;
  else if (byte <= 0x20 || byte === 0x7f) CLASS[byte] = SPACE;
  else if (text === "@") CLASS[byte] = AT;
  NAME[byte] = CLASS[byte] === LETTER || CLASS[byte] === DIGIT ? FOLD[byte]! : 0;
}

const APOSTROPHE = charCode("'");
const DOUBLE_QUOTE = charCode('"');
const BACKSLASH = charCode("\\");
const STAR = charCode("*");
const SLASH = charCode("/");
const DASH = charCode("-");
const NEWLINE = charCode("\n");

/**
 * Cuts a slice of bytes into tokens, one at a time, and remembers a few tokens back. Makes no strings. Reads nothing
 * outside of the slice, moves forward with every call, and takes any bytes: what a server would refuse is some token.
 */
export class Lexer {
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  reading = 0;
  kind: number = Kind.END;
  /** Number of the unquoted word, or 0. */
  word = 0;
  /** The token is in bytes [from, to), with its quotes. */
  from = 0;
  to = 0;
  prevKind: number = Kind.END;
  prevWord = 0;
  prevFrom = 0;
  prevTo = 0;
  prev2Kind: number = Kind.END;
  prev2Word = 0;
  prev3Kind: number = Kind.END;
  /** An executable comment was met. */
  executable = false;
  #insideExecutable = false;
  #escapes = true;
  #wide = false;

  open(bytes: Uint8Array, start: number, end: number, reading: number): void {
    this.bytes = bytes;
    this.end = Math.min(end, bytes.length);
    this.reading = reading;
    this.to = Math.max(0, Math.min(start, this.end));
    this.from = this.to;
    this.kind = Kind.END;
    this.word = 0;
    this.prevKind = this.prev2Kind = this.prev3Kind = Kind.END;
    this.prevWord = this.prev2Word = 0;
    this.executable = this.#insideExecutable = false;
    this.#escapes = (reading & Reading.NO_BACKSLASH_ESCAPES) === 0;
    this.#wide = (reading & Reading.ASCII_TRAIL_BYTES) !== 0;
  }

  /** Moves to the next token and returns its kind. */
  advance(): number {
    this.prev3Kind = this.prev2Kind;
    this.prev2Kind = this.prevKind;
    this.prev2Word = this.prevWord;
    this.prevKind = this.kind;
    this.prevWord = this.word;
    this.prevFrom = this.from;
    this.prevTo = this.to;
    const at = this.#skipBlank(this.to);
    this.from = at;
    this.word = 0;
    this.kind = at >= this.end ? this.#atEnd() : this.#scan(at);
    return this.kind;
  }

  /** Where the content of the quoted token ends. */
  contentEnd(): number {
    return this.#contentEnd(this.from, this.to);
  }

  /** Number of the word in the quoted token before this one. Few are ever asked for theirs. */
  numberQuotedBefore(): number {
    return this.#quotedNumber(this.prevFrom, this.prevTo);
  }

  /** Number of the word in the quoted token. */
  numberQuoted(): number {
    return this.#quotedNumber(this.from, this.to);
  }

  #quotedNumber(from: number, to: number): number {
    const end = this.#contentEnd(from, to);
    let hash = startHash();
    for (let at = from + 1; at < end; at++) hash = addToHash(hash, FOLD[this.bytes[at]!]!);
    return findWord(this.bytes, from + 1, end, hash);
  }

  #contentEnd(from: number, to: number): number {
    return to - from > 1 && this.bytes[to - 1] === this.bytes[from] ? to - 1 : to;
  }

  #atEnd(): number {
    this.to = this.end;
    return Kind.END;
  }

  #scan(at: number): number {
    const byte = this.bytes[at]!;
    switch (CLASS[byte]) {
      case LETTER:
        return this.#scanWord(at);
      case DIGIT:
        return this.#scanNumber(at);
      case QUOTE:
        return this.#scanQuote(at, byte);
      case AT:
        return this.#scanAt(at);
      default:
        return this.#scanPunctuation(at, byte);
    }
  }

  #scanPunctuation(at: number, byte: number): number {
    const next = at + 1 < this.end ? this.bytes[at + 1]! : 0;
    this.to = at + 1;
    if (byte === Kind.COLON && next === Kind.EQUALS) {
      this.to = at + 2;
      return Kind.ASSIGN;
    }
    if (byte === Kind.DOT && CLASS[next] === DIGIT && !this.#follows(at))
      return this.#scanNumber(at);
    return byte;
  }

  /** The token at `at` touches an identifier before it. */
  #follows(at: number): boolean {
    return this.prevTo === at && (this.prevKind === Kind.WORD || this.prevKind === Kind.QUOTED);
  }

  #scanWord(at: number): number {
    const { bytes, end } = this;
    const wide = this.#wide;
    let hash = startHash();
    let to = at;
    while (to < end) {
      const folded = NAME[bytes[to]!]!;
      if (folded === 0) break;
      hash = addToHash(hash, folded);
      to += folded >= 0x81 && wide ? this.#width(to) : 1;
    }
    this.to = to;
    this.word = findWord(bytes, at, to, hash);
    return to - at === 1 && this.#isLiteralPrefix(at)
      ? this.#scanString(to, APOSTROPHE)
      : Kind.WORD;
  }

  /** x'…', b'…' and n'…' are one literal. */
  #isLiteralPrefix(at: number): boolean {
    if (at + 1 >= this.end || this.bytes[at + 1] !== APOSTROPHE) return false;
    const letter = this.bytes[at]! | 0x20;
    return letter === 0x78 || letter === 0x62 || letter === 0x6e;
  }

  #scanString(at: number, quote: number): number {
    this.word = 0;
    this.to = this.#closingQuote(at + 1, quote);
    return Kind.STRING;
  }

  #scanQuote(at: number, quote: number): number {
    if (this.#isString(quote)) return this.#scanString(at, quote);
    this.to = this.#closingQuote(at + 1, quote);
    return Kind.QUOTED;
  }

  /** What the quote encloses is a string, not a name. */
  #isString(quote: number): boolean {
    if (quote === DOUBLE_QUOTE) return (this.reading & Reading.ANSI_QUOTES) === 0;
    return quote === APOSTROPHE;
  }

  /** Position after the quote that closes what was opened before `at`; the end when nothing does. */
  #closingQuote(at: number, quote: number): number {
    const { bytes, end } = this;
    const escapeByte = this.#escapes && this.#isString(quote) ? BACKSLASH : -1;
    const wide = this.#wide;
    while (at < end) {
      const byte = bytes[at++]!;
      if (byte === quote) {
        if (at >= end || bytes[at] !== quote) return at;
        at++;
      } else if (byte === escapeByte) at++;
      else if (wide) at += this.#width(at - 1) - 1;
    }
    return end;
  }

  /** Bytes of the character that starts at `at`, in a character set whose trail bytes may look like ASCII. */
  #width(at: number): number {
    const lead = this.bytes[at]!;
    if (lead < 0x81 || lead === 0xff || at + 1 >= this.end) return 1;
    if (lead >= 0xa1 && lead <= 0xdf && (this.reading & Reading.KATAKANA_BYTES) !== 0) return 1;
    const trail = this.bytes[at + 1]!;
    return trail >= 0x40 && trail !== 0x7f && trail !== 0xff ? 2 : 1;
  }

  #scanNumber(at: number): number {
    const { bytes } = this;
    let to = this.#digits(at);
    const radix = to === at + 1 && bytes[at] === 0x30 && to < this.end ? bytes[to] : 0;
    if (radix === 0x78 || radix === 0x62) return this.#scanWordOrRadix(at, radix === 0x78);
    const isInteger = to < this.end && bytes[to] === Kind.DOT;
    if (isInteger) to = this.#digits(to + 1);
    const exponent = this.#exponent(to);
    if (exponent > to) to = exponent;
    else if (!isInteger && to < this.end && NAME[bytes[to]!] !== 0) return this.#scanWord(at);
    this.to = to;
    return Kind.NUMBER;
  }

  /** 0x1F and 0b01 are numbers, 0xyz is a name. */
  #scanWordOrRadix(at: number, isHex: boolean): number {
    this.#scanWord(at);
    for (let i = at + 2; i < this.to; i++) {
      const byte = this.bytes[i]! | 0x20;
      const isDigit = isHex
        ? (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
        : byte === 0x30 || byte === 0x31;
      if (!isDigit) return Kind.WORD;
    }
    return this.to > at + 2 ? Kind.NUMBER : Kind.WORD;
  }

  #digits(at: number): number {
    while (at < this.end && CLASS[this.bytes[at]!] === DIGIT) at++;
    return at;
  }

  /** Position after `e5`, `E-5`; `at` when there is no exponent. */
  #exponent(at: number): number {
    if (at >= this.end || (this.bytes[at]! | 0x20) !== 0x65) return at;
    const sign = at + 1 < this.end ? this.bytes[at + 1]! : 0;
    const first = sign === 0x2b || sign === DASH ? at + 2 : at + 1;
    const last = this.#digits(first);
    return last > first ? last : at;
  }

  #scanAt(at: number): number {
    const next = at + 1 < this.end ? this.bytes[at + 1]! : 0;
    if (CLASS[next] === AT) {
      this.to = at + 2;
      return Kind.SYSTEM;
    }
    if (CLASS[next] === QUOTE) {
      this.to = this.#closingQuote(at + 2, next);
      return Kind.VARIABLE;
    }
    let to = at + 1;
    while (to < this.end && (NAME[this.bytes[to]!] !== 0 || this.bytes[to] === Kind.DOT)) to++;
    this.to = to;
    return Kind.VARIABLE;
  }

  #skipBlank(at: number): number {
    const { bytes, end } = this;
    while (at < end) {
      const kind = CLASS[bytes[at]!];
      if (kind === SPACE) at++;
      else if (kind !== COMMENT) return at;
      else {
        const after = this.#skipComment(at, bytes[at]!);
        if (after === at) return at;
        at = after;
      }
    }
    return end;
  }

  /** Position after the comment at `at`, or `at`. */
  #skipComment(at: number, byte: number): number {
    const next = at + 1 < this.end ? this.bytes[at + 1]! : 0;
    if (byte === STAR)
      return this.#insideExecutable && next === SLASH ? this.#leaveExecutable(at) : at;
    if (byte === SLASH) return next === STAR ? this.#skipBlockComment(at) : at;
    if (byte === DASH) {
      const third = at + 2 < this.end ? this.bytes[at + 2]! : 0;
      if (next !== DASH || CLASS[third] !== SPACE) return at;
    }
    while (at < this.end && this.bytes[at] !== NEWLINE) at++;
    return at;
  }

  #leaveExecutable(at: number): number {
    this.#insideExecutable = false;
    return at + 2;
  }

  #skipBlockComment(at: number): number {
    const third = at + 2 < this.end ? this.bytes[at + 2] : 0;
    const fourth = at + 3 < this.end ? this.bytes[at + 3] : 0;
    const isOurs = third === 0x21;
    const isMaria = third === 0x4d && fourth === 0x21;
    if (isOurs || isMaria) this.executable = true;
    if (isOurs || (isMaria && (this.reading & Reading.MARIADB) !== 0)) {
      this.#insideExecutable = true;
      const first = at + (isOurs ? 3 : 4);
      return Math.min(this.#digits(first), first + 6);
    }
    for (let i = at + 2; i + 1 < this.end; i++) {
      if (this.bytes[i] === STAR && this.bytes[i + 1] === SLASH) return i + 2;
    }
    return this.end;
  }
}
