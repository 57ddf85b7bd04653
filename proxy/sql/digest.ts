import { CALL_KEYWORDS, KEYWORDS } from "./keywords.ts";
import { Kind, Lexer } from "./lexer.ts";

/** Bytes of a text that are read for its digest; a longer one ends in dots. */
const TEXT_MAX = 65_536;
const DOTS = "...";
const END = " .";

/** What performance_schema puts in the place of values and of lists of values. */
const VALUE = "?";
const VALUES = "?, ...";
const ROW_OF_ONE = "(?)";
const ROWS_OF_ONE = "(?) /* , ... */";
const ROW = "(...)";
const ROWS = "(...) /* , ... */";
const IN_LIST = "IN (...)";

/** After these, a sign belongs to the number that follows it. */
const BEFORE_EXPRESSION: ReadonlySet<string> = new Set(
  `( , = := < > <= >= <> != <=> + - * / % ^ | || & && << >> AND BETWEEN CASE DEFAULT DIV ELSE ELSEIF IF INTERVAL LIKE LIMIT MOD
  NOT OFFSET OR REGEXP RETURN RLIKE SELECT THEN UNTIL WHEN WHERE WHILE XOR`.split(/\s+/),
);

const OPERATORS: ReadonlySet<string> = new Set([
  "<=",
  ">=",
  "<>",
  "!=",
  "||",
  "&&",
  "<<",
  ">>",
  "->",
  "<=>",
  "->>",
]);

const lexer = new Lexer();
const utf8 = new TextDecoder();

/** The pieces of a digest, folded as they come. */
class Pieces {
  readonly list: string[] = [];
  /** Pieces before this one are out of reach for folding: a name stands there. */
  #barrier = 0;
  chars = 0;

  push(piece: string): void {
    this.list.push(piece);
    this.chars += piece.length + 1;
  }

  pushName(name: string): void {
    this.push(name);
    this.#barrier = this.list.length;
  }

  /** Puts a mark in the place of the last piece. */
  replaceName(mark: string): void {
    this.drop(1);
    this.push(mark);
  }

  /** The piece `back` places from the end, unless a name is at or after it. */
  at(back: number): string {
    const index = this.list.length - back;
    return index < this.#barrier ? "" : (this.list[index] ?? "");
  }

  drop(count: number): void {
    for (let i = 0; i < count; i++) this.chars -= (this.list.pop()?.length ?? 0) + 1;
  }

  pushValue(isNumber: boolean): void {
    while (
      isNumber &&
      (this.at(1) === "-" || this.at(1) === "+") &&
      BEFORE_EXPRESSION.has(this.at(2))
    )
      this.drop(1);
    const before = this.at(2);
    if (this.at(1) === "," && (before === VALUE || before === VALUES)) {
      this.drop(2);
      this.push(VALUES);
    } else this.push(VALUE);
  }

  close(): void {
    if (this.at(2) === "(" && this.at(1) === VALUE) this.#closeRow(ROW_OF_ONE, ROWS_OF_ONE);
    else if (this.at(2) === "(" && this.at(1) === VALUES) this.#closeRow(ROW, ROWS);
    else this.push(")");
  }

  #closeRow(row: string, rows: string): void {
    this.drop(2);
    const before = this.at(2);
    if (this.at(1) === "IN") {
      this.drop(1);
      this.push(IN_LIST);
    } else if (this.at(1) === "," && (before === row || before === rows)) {
      this.drop(2);
      this.push(rows);
    } else this.push(row);
  }

  text(): string {
    let text = "";
    for (const piece of this.list) text += piece === "@" || piece === "@@" ? piece : `${piece} `;
    return text.trimEnd();
  }
}

/**
 * The statement without its values, in the look of performance_schema and of RDS Proxy's log: names in back-quotes,
 * `?` for each literal, one space between tokens, and the lonely dot at the end. Never longer than `maxChars`.
 */
export function digest(
  bytes: Uint8Array,
  start: number,
  end: number,
  reading: number,
  maxChars: number,
): string {
  const limit = Math.max(0, maxChars - END.length - DOTS.length - 1);
  const pieces = new Pieces();
  const stop = Math.min(end, start + TEXT_MAX);
  lexer.open(bytes, start, stop, reading);
  while (lexer.advance() !== Kind.END && pieces.chars <= limit + TEXT_SLACK) addToken(pieces);
  if (pieces.at(1) === ";") pieces.drop(1);
  const text = pieces.text();
  const isWhole = lexer.kind === Kind.END && stop === end && text.length <= limit;
  if (isWhole) return `${text}${END}`.trimStart().slice(0, maxChars);
  return `${cutAtSpace(text, limit)} ${DOTS}${END}`.slice(0, maxChars);
}

/** Characters past the limit after which folding can no longer bring the text back under it. */
const TEXT_SLACK = 64;

function cutAtSpace(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const space = text.lastIndexOf(" ", limit);
  return text.slice(0, Math.max(0, space));
}

function addToken(pieces: Pieces): void {
  switch (lexer.kind) {
    case Kind.WORD:
      addWord(pieces);
      return;
    case Kind.QUOTED:
      pieces.pushName(quoted(nameText(lexer.from + 1, lexer.contentEnd())));
      return;
    case Kind.STRING:
      addString(pieces);
      return;
    case Kind.NUMBER:
      pieces.pushValue(true);
      return;
    case Kind.PLACEHOLDER:
      pieces.pushValue(false);
      return;
    case Kind.VARIABLE:
      addVariable(pieces);
      return;
    case Kind.SYSTEM:
      pieces.push("@@");
      return;
    case Kind.ASSIGN:
      pieces.push(":=");
      return;
    case Kind.CLOSE:
      pieces.close();
      return;
    default:
      addMark(pieces);
  }
}

/** The name of a character set before a string is none of ours. */
function addString(pieces: Pieces): void {
  const isIntroduced = lexer.prevKind === Kind.WORD && lexer.bytes[lexer.prevFrom] === 0x5f;
  if (isIntroduced && lexer.prev2Kind !== Kind.DOT) pieces.replaceName("(_charset)");
  pieces.pushValue(false);
}

/** A name given as text or without quotes counts as a value, as in performance_schema; back-quoted it is a name. */
function addVariable(pieces: Pieces): void {
  pieces.push("@");
  const isName = lexer.bytes[lexer.from + 1] === 0x60 && lexer.to > lexer.from + 1;
  if (!isName) {
    pieces.pushValue(false);
    return;
  }
  const isClosed = lexer.to - lexer.from > 2 && lexer.bytes[lexer.to - 1] === 0x60;
  pieces.pushName(quoted(nameText(lexer.from + 2, isClosed ? lexer.to - 1 : lexer.to)));
}

function addWord(pieces: Pieces): void {
  const name = nameText(lexer.from, lexer.to);
  const upper = name.toUpperCase();
  const next = lexer.to < lexer.end ? lexer.bytes[lexer.to] : 0;
  const isPart = lexer.prevKind === Kind.DOT;
  const isKeyword = KEYWORDS.has(upper) || (next === Kind.OPEN && CALL_KEYWORDS.has(upper));
  if (isPart || !isKeyword) pieces.pushName(quoted(name));
  else if (upper === "NULL" && pieces.at(1) !== "IS" && pieces.at(1) !== "NOT")
    pieces.pushValue(false);
  else pieces.push(upper);
}

function addMark(pieces: Pieces): void {
  const mark = String.fromCharCode(lexer.kind);
  const joined = pieces.at(1) + mark;
  if (lexer.from === lexer.prevTo && OPERATORS.has(joined)) {
    pieces.drop(1);
    pieces.push(joined);
  } else pieces.push(mark);
}

function nameText(from: number, to: number): string {
  // A log line is one line.
  return utf8.decode(lexer.bytes.subarray(from, to)).replace(/\p{Cc}/gu, " ");
}

function quoted(name: string): string {
  return `\`${name}\``;
}
