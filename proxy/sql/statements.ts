import { judgeBody, judgeToken, skipBody } from "./body.ts";
import { judgeDefinition, judgeDrop } from "./definitions.ts";
import { enterParenthesis, judgeInsert, judgeLoad } from "./insert.ts";
import { Kind } from "./lexer.ts";
import { judgeBlock } from "./routine.ts";
import { Pin, type Scan, Warn } from "./scan.ts";
import {
  judgeBegin,
  judgeCommit,
  judgeFlush,
  judgeHandler,
  judgeKill,
  judgeLock,
  judgeStart,
  judgeUse,
  judgeXa,
} from "./session-statements.ts";
import { judgeSet } from "./set.ts";
import { Fact } from "./verdict.ts";
import { W } from "./words.ts";

/** Judges one statement; the token is its first. Leaves the token at the statement's end. */
export function judgeStatement(scan: Scan): void {
  if (scan.kind === Kind.OPEN) judgeQuery(scan);
  else if (scan.kind !== Kind.WORD) judgeUnknown(scan);
  else if (!judgeCommon(scan) && !judgeRare(scan)) judgeUnknown(scan);
  skipBody(scan);
}

/** The statements of every day. */
function judgeCommon(scan: Scan): boolean {
  switch (scan.word) {
    case W.SELECT:
    case W.TABLE:
    case W.VALUES:
    case W.WITH:
      judgeQuery(scan);
      return true;
    case W.INSERT:
    case W.REPLACE:
      scan.advance();
      judgeInsert(scan);
      return true;
    case W.UPDATE:
    case W.DELETE:
      scan.tables++;
      judgeBody(scan);
      return true;
    case W.SET:
      judgeSetStatement(scan);
      return true;
    case W.BEGIN:
      judgeBegin(scan);
      return true;
    case W.START:
      judgeStart(scan);
      return true;
    case W.COMMIT:
    case W.ROLLBACK:
      judgeCommit(scan);
      return true;
    case W.SHOW:
      judgeShow(scan);
      return true;
    case W.USE:
      judgeUse(scan);
      return true;
    case W.CALL:
      scan.facts |= Fact.OPAQUE;
      scan.warnings |= Warn.PROC_HIDDEN_STATE;
      judgeBody(scan);
      return true;
    case W.DO:
      judgeBody(scan);
      if (scan.tables === 0 && (scan.facts & Fact.OPAQUE) === 0)
        scan.facts |= Fact.TOUCHES_NO_TABLE;
      return true;
    default:
      return false;
  }
}

function judgeRare(scan: Scan): boolean {
  switch (scan.word) {
    case W.CREATE:
    case W.ALTER:
      judgeDefinition(scan);
      return true;
    case W.DROP:
      judgeDrop(scan);
      return true;
    case W.LOCK:
    case W.BACKUP:
      judgeLock(scan);
      return true;
    case W.FLUSH:
      judgeFlush(scan);
      return true;
    case W.LOAD:
      scan.advance();
      judgeLoad(scan);
      return true;
    case W.HANDLER:
      judgeHandler(scan);
      return true;
    case W.KILL:
      judgeKill(scan);
      return true;
    case W.XA:
      judgeXa(scan);
      return true;
    case W.EXPLAIN:
    case W.DESCRIBE:
    case W.DESC:
      judgeExplain(scan);
      return true;
    case W.ANALYZE:
      judgeAnalyze(scan);
      return true;
    case W.GET:
      judgeDiagnostics(scan);
      return true;
    default:
      return judgePlain(scan);
  }
}

/** Statements that their first word says all about. */
function judgePlain(scan: Scan): boolean {
  switch (scan.word) {
    case W.PREPARE:
    case W.DEALLOCATE:
      scan.pinBy(Pin.PREPARE_SQL);
      return true;
    case W.EXECUTE:
      scan.pinBy(Pin.PREPARE_SQL);
      scan.facts |= Fact.OPAQUE;
      return true;
    case W.TRUNCATE:
    case W.RENAME:
    case W.GRANT:
    case W.REVOKE:
    case W.OPTIMIZE:
    case W.REPAIR:
    case W.CHECK:
    case W.CACHE:
    case W.RESET:
    case W.STOP:
    case W.CHANGE:
    case W.INSTALL:
    case W.UNINSTALL:
    case W.IMPORT:
      scan.facts |= Fact.ENDS_TRANSACTION;
      return true;
    case W.UNLOCK:
    case W.SAVEPOINT:
    case W.RELEASE:
    case W.CHECKSUM:
    case W.PURGE:
    case W.CLONE:
    case W.SHUTDOWN:
    case W.RESTART:
      return true;
    case W.SIGNAL:
    case W.RESIGNAL:
      judgeBody(scan);
      return true;
    case W.HELP:
      scan.facts |= Fact.READ;
      return true;
    case W.IF:
    case W.CASE:
    case W.LOOP:
    case W.WHILE:
    case W.REPEAT:
    case W.FOR:
    case W.DECLARE:
      judgeBlock(scan, 0);
      return true;
    default:
      return false;
  }
}

/** Nobody's statement, or one that we do not know: what it does cannot be followed. */
function judgeUnknown(scan: Scan): void {
  const isName = scan.kind === Kind.WORD;
  scan.facts |= Fact.OPAQUE;
  judgeToken(scan);
  scan.advance();
  // `label: LOOP …`
  if (isName && scan.kind === Kind.COLON) judgeBlock(scan, 0);
  else judgeBody(scan);
}

/** SELECT, TABLE, VALUES, WITH … and the same in parentheses. */
function judgeQuery(scan: Scan): void {
  const isWith = scan.word === W.WITH;
  let isRead = true;
  let isDecided = !isWith;
  if (scan.kind === Kind.OPEN) enterParenthesis(scan);
  while (!scan.isAtEnd()) {
    if (!isDecided && scan.depth === 0 && scan.kind === Kind.WORD) {
      isDecided = isQueryVerb(scan.word);
      isRead =
        !isDecided || scan.word === W.SELECT || scan.word === W.TABLE || scan.word === W.VALUES;
    }
    judgeToken(scan);
    scan.advance();
  }
  if (!isRead) return;
  if (!scan.writes) scan.facts |= Fact.READ;
  if (scan.tables === 0 && !scan.writes && (scan.facts & Fact.OPAQUE) === 0) {
    scan.facts |= Fact.TOUCHES_NO_TABLE;
  }
}

function isQueryVerb(word: number): boolean {
  switch (word) {
    case W.SELECT:
    case W.TABLE:
    case W.VALUES:
    case W.UPDATE:
    case W.DELETE:
    case W.INSERT:
    case W.REPLACE:
      return true;
    default:
      return false;
  }
}

function judgeSetStatement(scan: Scan): void {
  scan.advance();
  if (!scan.isWord(W.STATEMENT)) {
    judgeSet(scan);
    return;
  }
  // MariaDB: variables for the one statement after FOR.
  scan.advance();
  while (!scan.isAtEnd()) {
    if (scan.depth === 0 && scan.accept(W.FOR)) {
      judgeStatement(scan);
      return;
    }
    judgeToken(scan);
    scan.advance();
  }
  scan.facts |= Fact.SET;
  scan.insideSet = true;
  scan.pinBySet(Pin.UNPARSED);
}

function judgeShow(scan: Scan): void {
  scan.advance();
  scan.facts |= Fact.READ;
  while (scan.isWord(W.GLOBAL) || scan.isWord(W.SESSION) || scan.isWord(W.LOCAL)) scan.advance();
  switch (scan.kind === Kind.WORD ? scan.word : W.NONE) {
    case W.WARNINGS:
    case W.ERRORS:
    case W.COUNT:
      scan.facts |= Fact.READS_DIAGNOSTICS | Fact.TOUCHES_NO_TABLE;
      break;
    case W.VARIABLES:
    case W.STATUS:
    case W.PROCESSLIST:
    case W.PLUGINS:
    case W.PRIVILEGES:
    case W.GRANTS:
      scan.facts |= Fact.TOUCHES_NO_TABLE;
      break;
    default:
  }
  judgeBody(scan);
}

/** EXPLAIN does not run what it explains, but is judged by the same pins; EXPLAIN ANALYZE runs it. */
function judgeExplain(scan: Scan): void {
  scan.advance();
  let runs = false;
  for (;;) {
    if (scan.accept(W.ANALYZE)) runs = true;
    else if (scan.accept(W.FORMAT)) {
      scan.step();
      scan.step();
    } else if (scan.accept(W.INTO)) {
      if (scan.kind === Kind.VARIABLE) scan.pinBy(Pin.USER_VARIABLE);
      scan.step();
    } else if (scan.accept(W.FOR)) {
      scan.step();
      scan.step();
    } else if (!scan.accept(W.EXTENDED) && !scan.accept(W.PARTITIONS)) break;
  }
  judgeExplained(scan, runs);
}

const JUDGED_BY_EXPLAIN =
  Fact.READS_INSERT_ID | Fact.READS_ROW_COUNT | Fact.READS_FOUND_ROWS | Fact.OPAQUE;

function judgeExplained(scan: Scan, runs: boolean): void {
  const isStatement =
    scan.kind === Kind.OPEN ||
    (scan.kind === Kind.WORD && (isQueryVerb(scan.word) || scan.word === W.WITH));
  if (!isStatement) {
    scan.facts |= Fact.READ;
    skipBody(scan);
    return;
  }
  judgeStatement(scan);
  if (!runs) scan.facts = (scan.facts & JUDGED_BY_EXPLAIN) | Fact.READ;
}

/** ANALYZE TABLE …; in MariaDB also ANALYZE in front of a statement, which runs it. */
function judgeAnalyze(scan: Scan): void {
  scan.advance();
  if (scan.accept(W.FORMAT)) {
    scan.step();
    scan.step();
  }
  const isStatement =
    scan.kind === Kind.OPEN ||
    (scan.kind === Kind.WORD &&
      scan.word !== W.TABLE &&
      (isQueryVerb(scan.word) || scan.word === W.WITH));
  if (isStatement) judgeStatement(scan);
  else scan.facts |= Fact.ENDS_TRANSACTION;
}

/** GET DIAGNOSTICS puts what it reads into variables. */
function judgeDiagnostics(scan: Scan): void {
  scan.facts |= Fact.READS_DIAGNOSTICS | Fact.TOUCHES_NO_TABLE;
  while (!scan.isAtEnd()) {
    if (scan.kind === Kind.VARIABLE) scan.pinBy(Pin.USER_VARIABLE);
    scan.advance();
  }
}
