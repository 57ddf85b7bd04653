import { judgeBody, judgeToken, skipBody } from "./body.ts";
import { Kind } from "./lexer.ts";
import { Pin, type Scan } from "./scan.ts";
import { Fact } from "./verdict.ts";
import { W } from "./words.ts";

const PLUS = 0x2b;
const MINUS = 0x2d;

/** INSERT and REPLACE. The token is the word after the verb. */
export function judgeInsert(scan: Scan): void {
  scan.facts |= Fact.INSERT;
  scan.tables++;
  while (scan.kind === Kind.WORD && isModifier(scan.word)) {
    if (scan.word === W.IGNORE) scan.facts |= Fact.INSERT_ID_AMBIGUOUS;
    scan.advance();
  }
  skipName(scan);
  if (scan.accept(W.PARTITION)) skipParentheses(scan);
  if (!judgeRows(scan)) scan.facts |= Fact.INSERT_ID_AMBIGUOUS;
  judgeBody(scan);
}

function isModifier(word: number): boolean {
  return (
    word === W.INTO ||
    word === W.IGNORE ||
    word === W.LOW_PRIORITY ||
    word === W.HIGH_PRIORITY ||
    word === W.DELAYED
  );
}

/** Steps over `name` or `schema.name`. */
export function skipName(scan: Scan): void {
  while (scan.kind === Kind.WORD || scan.kind === Kind.QUOTED) {
    if (scan.advance() !== Kind.DOT) return;
    scan.advance();
  }
}

/** Steps over a parenthesis that opens after a name and calls nothing. */
export function enterParenthesis(scan: Scan): void {
  scan.depth++;
  scan.advance();
}

/** Steps over a parenthesis and what is in it, if the token opens one. */
export function skipParentheses(scan: Scan): void {
  if (scan.kind !== Kind.OPEN) return;
  let open = 0;
  while (!scan.isAtEnd()) {
    if (scan.kind === Kind.OPEN) open++;
    else if (scan.kind === Kind.CLOSE) open--;
    scan.advance();
    if (open === 0) return;
  }
}

/**
 * Columns and values up to the first token that is neither a column's name nor a plain literal. True when that is the
 * end of the statement.
 */
function judgeRows(scan: Scan): boolean {
  // Names may stand in the list of columns, and before each `=` after SET.
  let mayName = true;
  let isSet = false;
  for (;;) {
    switch (scan.kind) {
      case Kind.END:
      case Kind.SEMICOLON:
        return true;
      case Kind.OPEN:
        scan.depth++;
        break;
      case Kind.CLOSE:
        judgeToken(scan);
        break;
      case Kind.COMMA:
        mayName ||= isSet;
        break;
      case Kind.EQUALS:
        if (!isSet) return false;
        mayName = false;
        break;
      case Kind.WORD:
        if (isValues(scan)) mayName = isSet;
        else if (scan.word === W.SET) isSet = mayName = true;
        else if (!mayName && !isPlainWord(scan)) return false;
        else if (mayName && isVerb(scan)) return false;
        break;
      case Kind.QUOTED:
      case Kind.DOT:
        if (!mayName) return false;
        break;
      case Kind.STRING:
      case Kind.NUMBER:
      case Kind.PLACEHOLDER:
      case PLUS:
      case MINUS:
        break;
      default:
        return false;
    }
    scan.advance();
  }
}

function isPlainWord(scan: Scan): boolean {
  switch (scan.word) {
    case W.NULL:
    case W.DEFAULT:
    case W.TRUE:
    case W.FALSE:
    case W.ROW:
      return true;
    default:
      // The character set of the string that follows.
      return scan.word === W.NONE && scan.bytes[scan.from] === 0x5f;
  }
}

/** The word before the rows, and not a column of that name. */
function isValues(scan: Scan): boolean {
  return scan.depth === 0 && (scan.word === W.VALUES || scan.word === W.VALUE);
}

/** The rows come from a query, or a clause follows them. */
function isVerb(scan: Scan): boolean {
  if (scan.prevKind === Kind.DOT) return false;
  switch (scan.word) {
    case W.SELECT:
    case W.WITH:
    case W.TABLE:
    case W.ON:
    case W.AS:
      return true;
    case W.RETURNING:
      return scan.depth === 0;
    default:
      return false;
  }
}

/** LOAD: data into a table, or an index into a cache. The token is the word after LOAD. */
export function judgeLoad(scan: Scan): void {
  if (scan.isWord(W.INDEX)) {
    scan.facts |= Fact.ENDS_TRANSACTION;
    skipBody(scan);
    return;
  }
  scan.facts |= Fact.INSERT | Fact.INSERT_ID_AMBIGUOUS;
  scan.tables++;
  while (!scan.isAtEnd()) {
    // Columns of the file may go into user variables.
    if (scan.kind === Kind.VARIABLE) scan.pinBySet(Pin.USER_VARIABLE);
    if (scan.isWord(W.TABLE)) {
      scan.advance();
      skipName(scan);
      if (scan.accept(W.PARTITION)) skipParentheses(scan);
      if (scan.kind === Kind.OPEN) enterParenthesis(scan);
      continue;
    }
    judgeToken(scan);
    scan.advance();
  }
}
