import { Kind } from "./lexer.ts";
import { Pin, type Scan } from "./scan.ts";
import { Fact } from "./verdict.ts";
import { BUILT_IN, W, WORD_COUNT, wordTraits } from "./words.ts";

/** What a word makes of the statement around it. */
const Act = {
  NONE: 0,
  SELECT: 1,
  FROM: 2,
  DUAL: 3,
  TABLE: 4,
  WITH: 5,
  ROLLUP: 6,
  FOUND_ROWS: 7,
  UPDATE: 8,
  SHARE: 9,
  FILE: 10,
  VALUE: 11,
  INSERT_ID: 12,
  DIAGNOSTICS: 13,
} as const;

const actions = new Uint8Array(WORD_COUNT);
actions[W.SELECT] = Act.SELECT;
actions[W.VALUES] = Act.SELECT;
actions[W.DELETE] = Act.SELECT;
actions[W.FROM] = Act.FROM;
actions[W.DUAL] = Act.DUAL;
actions[W.TABLE] = Act.TABLE;
actions[W.WITH] = Act.WITH;
actions[W.ROLLUP] = Act.ROLLUP;
actions[W.SQL_CALC_FOUND_ROWS] = Act.FOUND_ROWS;
actions[W.UPDATE] = Act.UPDATE;
actions[W.SHARE] = Act.SHARE;
actions[W.OUTFILE] = Act.FILE;
actions[W.DUMPFILE] = Act.FILE;
actions[W.VALUE] = Act.VALUE;
actions[W.IDENTITY] = Act.INSERT_ID;
actions[W.LAST_INSERT_ID] = Act.INSERT_ID;
actions[W.WARNING_COUNT] = Act.DIAGNOSTICS;
actions[W.ERROR_COUNT] = Act.DIAGNOSTICS;

/** Deepest parenthesis at which declarations of common table expressions are told apart. */
const DEEPEST = 30;

/** Judges every token up to the end of the statement. */
export function judgeBody(scan: Scan): void {
  while (scan.kind !== Kind.END && scan.kind !== Kind.SEMICOLON) {
    judgeToken(scan);
    scan.advance();
  }
}

/** Steps over the rest of the statement without judging it. */
export function skipBody(scan: Scan): void {
  while (scan.kind !== Kind.END && scan.kind !== Kind.SEMICOLON) scan.advance();
}

/** Judges the token as a part of some expression or clause. */
export function judgeToken(scan: Scan): void {
  switch (scan.kind) {
    case Kind.WORD: {
      const action = actions[scan.word]!;
      if (action !== Act.NONE) judgeWord(scan, action);
      return;
    }
    case Kind.QUOTED:
      judgeQuoted(scan);
      return;
    case Kind.OPEN:
      if (scan.prevKind === Kind.WORD || scan.prevKind === Kind.QUOTED) judgeCall(scan);
      scan.depth++;
      return;
    case Kind.CLOSE:
      judgeClose(scan);
      return;
    case Kind.VARIABLE:
      if (scan.prevKind === Kind.WORD && scan.prevWord === W.INTO) scan.pinBySet(Pin.USER_VARIABLE);
      return;
    case Kind.ASSIGN:
      scan.pinBySet(Pin.USER_VARIABLE);
      return;
    default:
  }
}

function judgeClose(scan: Scan): void {
  const isBareCall = scan.prevKind === Kind.OPEN && scan.prev3Kind !== Kind.DOT;
  if (isBareCall && scan.prev2Word === W.LAST_INSERT_ID) scan.insertIdReads++;
  if (scan.depth <= DEEPEST) scan.declaring &= ~(1 << scan.depth);
  if (scan.depth > 0) scan.depth--;
}

/** `@@name` and `@@scope.name`: some system variables tell of the statement before. */
function judgeVariable(scan: Scan, action: number): void {
  if (action === Act.INSERT_ID) scan.facts |= Fact.READS_INSERT_ID;
  else if (action === Act.DIAGNOSTICS) scan.facts |= Fact.READS_DIAGNOSTICS;
}

function isVariable(scan: Scan): boolean {
  if (scan.prevKind === Kind.SYSTEM) return true;
  return scan.prevKind === Kind.DOT && scan.prev3Kind === Kind.SYSTEM;
}

function judgeQuoted(scan: Scan): void {
  if (isVariable(scan)) judgeVariable(scan, actions[scan.numberQuoted()]!);
}

function judgeWord(scan: Scan, action: number): void {
  if (isVariable(scan)) {
    judgeVariable(scan, action);
    return;
  }
  if (scan.prevKind === Kind.DOT) return;
  switch (action) {
    case Act.SELECT:
      endDeclarations(scan);
      return;
    case Act.FROM:
    case Act.TABLE:
      scan.tables++;
      endDeclarations(scan);
      return;
    case Act.DUAL:
      if (scan.prevWord === W.FROM) scan.tables--;
      return;
    case Act.WITH:
      if (scan.depth <= DEEPEST) scan.declaring |= 1 << scan.depth;
      return;
    case Act.ROLLUP:
      endDeclarations(scan);
      return;
    case Act.FOUND_ROWS:
      scan.pinBy(Pin.FOUND_ROWS);
      return;
    case Act.UPDATE:
      endDeclarations(scan);
      if (scan.prevWord === W.FOR) scan.facts |= Fact.LOCKING_READ;
      return;
    case Act.SHARE:
      if (scan.prevWord === W.FOR || scan.prevWord === W.IN) scan.facts |= Fact.LOCKING_READ;
      return;
    case Act.FILE:
      scan.writes = true;
      return;
    case Act.VALUE:
      if (scan.prevWord === W.NEXT) scan.writes = true;
      return;
    default:
  }
}

function endDeclarations(scan: Scan): void {
  if (scan.depth <= DEEPEST) scan.declaring &= ~(1 << scan.depth);
}

/** A name stands before the parenthesis at the token: what is called, if anything? */
function judgeCall(scan: Scan): void {
  if (scan.prev2Kind === Kind.SYSTEM) return;
  if (scan.prev2Kind === Kind.DOT) {
    // schema.name( is always a stored function.
    scan.facts |= Fact.OPAQUE;
    return;
  }
  if (scan.prevKind === Kind.QUOTED) scan.prevWord = scan.numberQuotedBefore();
  const traits = wordTraits(scan.prevWord);
  const isKnown = scan.prevKind === Kind.WORD ? traits !== 0 : (traits & BUILT_IN) !== 0;
  if (isKnown) judgeBuiltIn(scan);
  else if (!isDeclaration(scan)) scan.facts |= Fact.OPAQUE;
}

/** `WITH name (`, `AS name (` and `) name (` give names to columns. */
function isDeclaration(scan: Scan): boolean {
  if (scan.prev2Kind === Kind.CLOSE) return true;
  if (scan.prev2Kind === Kind.WORD && scan.prev2Word === W.AS) return true;
  if (scan.depth > DEEPEST || (scan.declaring & (1 << scan.depth)) === 0) return false;
  return (
    scan.prev2Kind === Kind.COMMA || scan.prev2Word === W.WITH || scan.prev2Word === W.RECURSIVE
  );
}

function judgeBuiltIn(scan: Scan): void {
  switch (scan.prevWord) {
    case W.GET_LOCK:
      scan.pinBy(Pin.GET_LOCK);
      return;
    case W.FOUND_ROWS:
      scan.facts |= Fact.READS_FOUND_ROWS;
      scan.pinBy(Pin.FOUND_ROWS);
      return;
    case W.ROW_COUNT:
      scan.facts |= Fact.READS_ROW_COUNT;
      scan.pinBy(Pin.ROW_COUNT);
      return;
    case W.LAST_INSERT_ID:
      scan.insertIdCalls++;
      return;
    case W.NEXTVAL:
    case W.SETVAL:
      scan.writes = true;
      return;
    default:
  }
}
