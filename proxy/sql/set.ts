import { judgeBody, judgeToken, skipBody } from "./body.ts";
import { Kind } from "./lexer.ts";
import { Pin, type Scan, Warn } from "./scan.ts";
import { isNonConstantWord, judgeCharacteristics, judgeNames, type Value } from "./set-forms.ts";
import { canonicalVariable, isNextTransactionVariable, isTrackedVariable } from "./variables.ts";
import { type AssignmentScope, Fact } from "./verdict.ts";
import { W } from "./words.ts";

const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const UNDERSCORE = 0x5f;

/** SET: any number of assignments and special forms in one list. The token is the word after SET. */
export function judgeSet(scan: Scan): void {
  scan.facts |= Fact.SET;
  scan.insideSet = true;
  // A scope word holds for the unscoped assignments after it (MySQL and MariaDB alike); `@@scope.` only for its own.
  let scope: AssignmentScope = "session";
  for (;;) {
    const word = scopeOf(scan);
    if (word !== null) {
      scope = word;
      scan.advance();
    }
    const isKnown = judgeItem(scan, scope, word !== null);
    if (isKnown && scan.kind === Kind.COMMA) {
      scan.advance();
      continue;
    }
    if (!isKnown || !scan.isAtEnd()) scan.pinBySet(Pin.UNPARSED);
    break;
  }
  judgeBody(scan);
  if (scan.tables === 0 && (scan.facts & Fact.OPAQUE) === 0) scan.facts |= Fact.TOUCHES_NO_TABLE;
}

function scopeOf(scan: Scan): AssignmentScope | null {
  if (scan.kind !== Kind.WORD) return null;
  switch (scan.word) {
    case W.SESSION:
      return "session";
    case W.LOCAL:
      return "local";
    case W.GLOBAL:
      return "global";
    case W.PERSIST:
    case W.PERSIST_ONLY:
      return "persist";
    default:
      return null;
  }
}

/** One item of the list; false when it is of no known form. */
function judgeItem(scan: Scan, scope: AssignmentScope, isScoped: boolean): boolean {
  if (scan.kind === Kind.VARIABLE) return !isScoped && judgeUserVariable(scan);
  if (scan.kind === Kind.SYSTEM) return !isScoped && judgeSystemVariable(scan);
  if (!isName(scan)) return false;
  if (scan.kind === Kind.WORD) {
    if (scan.word === W.TRANSACTION) return judgeTransaction(scan, isScoped ? scope : "next");
    if (!isScoped) {
      const special = judgeSpecial(scan);
      if (special !== UNDECIDED) return special === ACCEPTED;
    }
  }
  return judgeNamed(scan, scope, false);
}

const UNDECIDED = 0;
const ACCEPTED = 1;
const REFUSED = 2;

/** Forms that start with a word of their own. */
function judgeSpecial(scan: Scan): number {
  switch (scan.word) {
    case W.NAMES:
      scan.advance();
      return assignNames(scan, "names");
    case W.CHARSET:
      scan.advance();
      return assignNames(scan, "character set");
    case W.CHARACTER:
    case W.CHAR:
      scan.advance();
      return scan.accept(W.SET) ? assignNames(scan, "character set") : REFUSED;
    case W.PASSWORD:
      // Changes the account, not the session.
      scan.facts |= Fact.ENDS_TRANSACTION;
      scan.advance();
      if (scan.isWord(W.FOR)) return skipValue(scan);
      return isAssignment(scan) || scan.isWord(W.TO) ? skipValue(scan) : REFUSED;
    case W.ROLE:
      return judgeRole(scan);
    case W.DEFAULT:
      scan.advance();
      if (!scan.isWord(W.ROLE)) return REFUSED;
      scan.facts |= Fact.ENDS_TRANSACTION;
      skipBody(scan);
      return ACCEPTED;
    case W.RESOURCE:
      return judgeResourceGroup(scan);
    default:
      return UNDECIDED;
  }
}

function assignNames(scan: Scan, name: string): number {
  const constant = judgeNames(scan, name === "names");
  if (constant === null) return REFUSED;
  scan.assign({ scope: "session", name, constant });
  scan.track(name);
  scan.warnings |= Warn.POOL_PARTITION;
  return ACCEPTED;
}

function judgeRole(scan: Scan): number {
  scan.pinBySet(Pin.UNTRACKED_VARIABLE);
  skipBody(scan);
  return ACCEPTED;
}

/** Without FOR, the group is that of the session's own thread. */
function judgeResourceGroup(scan: Scan): number {
  scan.advance();
  if (!scan.accept(W.GROUP)) return REFUSED;
  let isOwn = true;
  while (!scan.isAtEnd()) {
    if (scan.isWord(W.FOR)) isOwn = false;
    scan.advance();
  }
  if (isOwn) scan.pinBySet(Pin.UNTRACKED_VARIABLE);
  return ACCEPTED;
}

function judgeTransaction(scan: Scan, scope: AssignmentScope): boolean {
  scan.advance();
  const found = judgeCharacteristics(scan);
  if (found === 0) return false;
  if ((found & 1) !== 0) assignSystem(scan, scope, "transaction_isolation", true);
  if ((found & 2) !== 0) assignSystem(scan, scope, "transaction_read_only", true);
  return scan.isAtEnd();
}

function judgeUserVariable(scan: Scan): boolean {
  const name = userVariableName(scan);
  scan.advance();
  if (!isAssignment(scan)) return false;
  scan.pinBySet(Pin.USER_VARIABLE);
  scan.advance();
  const value = judgeValue(scan);
  if (value === null) return false;
  scan.assign({ scope: "user", name, constant: value.constant });
  return true;
}

function userVariableName(scan: Scan): string {
  const first = scan.from + 1;
  const quote = scan.bytes[first];
  const isQuoted = scan.to > first && (quote === 0x22 || quote === 0x27 || quote === 0x60);
  if (!isQuoted) return scan.text(first, scan.to);
  const mark = String.fromCharCode(quote!);
  const isClosed = scan.to - first > 1 && scan.bytes[scan.to - 1] === quote;
  return scan.text(first + 1, isClosed ? scan.to - 1 : scan.to).replaceAll(mark + mark, mark);
}

/** `@@name`, `@@scope.name`. */
function judgeSystemVariable(scan: Scan): boolean {
  scan.advance();
  if (!isName(scan)) return false;
  const scope = scopeOf(scan);
  if (scope === null) return judgeNamed(scan, "session", true);
  if (scan.advance() !== Kind.DOT) return false;
  scan.advance();
  return judgeNamed(scan, scope, false);
}

/** `name = value`, `part.name = value`; `bare` when it is written @@name, which for some is the next transaction only. */
function judgeNamed(scan: Scan, scope: AssignmentScope, bare: boolean): boolean {
  if (!isName(scan)) return false;
  let name = scan.name().toLowerCase();
  while (scan.advance() === Kind.DOT) {
    scan.advance();
    if (!isName(scan)) return false;
    name += `.${scan.name().toLowerCase()}`;
  }
  if (!isAssignment(scan)) return false;
  scan.advance();
  name = canonicalVariable(name);
  const actual = bare && isNextTransactionVariable(name) ? "next" : scope;
  // Pins before the value is read: the first rule in the text counts.
  pinForSystem(scan, actual, name);
  const value = judgeValue(scan);
  if (value === null) return false;
  if (name === "autocommit" && actual === "session" && value.isOff)
    scan.warnings |= Warn.LONG_TRANSACTION;
  assignSystem(scan, actual, name, value.constant);
  return true;
}

function pinForSystem(scan: Scan, scope: AssignmentScope, name: string): void {
  if (scope === "local") return;
  if (scope === "next") scan.pinBySet(Pin.NEXT_TXN_ISOLATION);
  else if (!isTrackedVariable(name)) scan.pinBySet(Pin.UNTRACKED_VARIABLE);
}

function assignSystem(scan: Scan, scope: AssignmentScope, name: string, constant: boolean): void {
  pinForSystem(scan, scope, name);
  scan.assign({ scope, name, constant });
  if (name === "last_insert_id" || name === "identity") scan.facts |= Fact.SETS_INSERT_ID;
  if (scope !== "session" || !isTrackedVariable(name)) return;
  scan.track(name);
  if (name !== "autocommit") scan.warnings |= Warn.POOL_PARTITION;
}

function isName(scan: Scan): boolean {
  return scan.kind === Kind.WORD || scan.kind === Kind.QUOTED;
}

function isAssignment(scan: Scan): boolean {
  return scan.kind === Kind.EQUALS || scan.kind === Kind.ASSIGN;
}

function skipValue(scan: Scan): number {
  scan.advance();
  judgeValue(scan);
  return ACCEPTED;
}

/** Reads an expression up to the comma or the end of the list; null when there is none. */
export function judgeValue(scan: Scan): Value | null {
  const depth = scan.depth;
  let tokens = 0;
  let signs = 0;
  let constant = true;
  let isOff = false;
  while (!scan.isAtEnd()) {
    if (scan.kind === Kind.COMMA && scan.depth <= depth) break;
    judgeToken(scan);
    tokens++;
    if (scan.kind === MINUS || scan.kind === PLUS) signs++;
    else if (tokens - signs > 1) constant = constant && isLiteralPair(scan);
    else {
      constant = isConstantToken(scan);
      isOff = constant && isOffToken(scan);
    }
    scan.advance();
  }
  scan.depth = depth;
  if (tokens === 0) return null;
  return { constant: constant && tokens > signs, isOff };
}

/** 'a' 'b' is one string; _utf8mb4'a' is a string with its character set. */
function isLiteralPair(scan: Scan): boolean {
  if (scan.kind !== Kind.STRING) return false;
  if (scan.prevKind === Kind.STRING) return true;
  return scan.prevKind === Kind.WORD && scan.bytes[scan.prevFrom] === UNDERSCORE;
}

function isConstantToken(scan: Scan): boolean {
  switch (scan.kind) {
    case Kind.NUMBER:
    case Kind.STRING:
    case Kind.QUOTED:
      return true;
    case Kind.WORD:
      return !isNonConstantWord(scan.word);
    default:
      return false;
  }
}

function isOffToken(scan: Scan): boolean {
  if (scan.kind === Kind.WORD) return scan.word === W.OFF || scan.word === W.FALSE;
  if (scan.kind === Kind.NUMBER) return scan.to - scan.from === 1 && scan.bytes[scan.from] === ZERO;
  return false;
}
