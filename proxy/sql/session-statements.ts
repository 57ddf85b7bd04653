import { judgeBody, judgeToken, skipBody } from "./body.ts";
import { skipName } from "./insert.ts";
import { Kind } from "./lexer.ts";
import { judgeBlock } from "./routine.ts";
import { Pin, type Scan } from "./scan.ts";
import { Fact } from "./verdict.ts";
import { W } from "./words.ts";

/** BEGIN [WORK]; anything else after BEGIN makes it a block. */
export function judgeBegin(scan: Scan): void {
  scan.advance();
  if (scan.accept(W.NOT)) scan.accept(W.ATOMIC);
  else scan.accept(W.WORK);
  if (scan.isAtEnd()) scan.facts |= Fact.BEGINS_TRANSACTION;
  else judgeBlock(scan, 1);
}

export function judgeStart(scan: Scan): void {
  scan.advance();
  scan.facts |= scan.isWord(W.TRANSACTION) ? Fact.BEGINS_TRANSACTION : Fact.ENDS_TRANSACTION;
  skipBody(scan);
}

/** COMMIT and ROLLBACK with WORK, AND [NO] CHAIN, [NO] RELEASE, TO [SAVEPOINT]. */
export function judgeCommit(scan: Scan): void {
  scan.advance();
  scan.accept(W.WORK);
  if (scan.accept(W.TO)) return;
  scan.facts |= Fact.ENDS_TRANSACTION;
  if (scan.accept(W.AND) && scan.isWord(W.CHAIN)) scan.facts |= Fact.BEGINS_TRANSACTION;
}

export function judgeXa(scan: Scan): void {
  scan.advance();
  if (scan.isWord(W.START) || scan.isWord(W.BEGIN)) scan.facts |= Fact.XA_OPENS;
  else if (scan.isWord(W.COMMIT) || scan.isWord(W.ROLLBACK)) scan.facts |= Fact.XA_CLOSES;
}

export function judgeUse(scan: Scan): void {
  scan.advance();
  scan.facts |= Fact.USE | Fact.TOUCHES_NO_TABLE;
  if (scan.kind !== Kind.WORD && scan.kind !== Kind.QUOTED) return;
  scan.schema = scan.name();
  scan.track("USE");
}

/** LOCK TABLES, LOCK INSTANCE FOR BACKUP; in MariaDB BACKUP STAGE and BACKUP LOCK. */
export function judgeLock(scan: Scan): void {
  const isBackup = scan.word === W.BACKUP;
  scan.advance();
  if (isBackup) {
    if (scan.isWord(W.STAGE) || scan.isWord(W.LOCK)) scan.pinBy(Pin.LOCK_TABLES);
  } else if (scan.isWord(W.TABLE) || scan.isWord(W.TABLES)) {
    scan.pinBy(Pin.LOCK_TABLES);
    scan.facts |= Fact.ENDS_TRANSACTION;
  } else if (scan.isWord(W.INSTANCE)) scan.pinBy(Pin.LOCK_TABLES);
  else scan.facts |= Fact.OPAQUE;
}

export function judgeFlush(scan: Scan): void {
  scan.facts |= Fact.ENDS_TRANSACTION;
  while (!scan.isAtEnd()) {
    const before = scan.prevKind === Kind.WORD ? scan.prevWord : W.NONE;
    if (scan.isWord(W.EXPORT) && before === W.FOR) scan.pinBy(Pin.LOCK_TABLES);
    if (scan.isWord(W.LOCK) && before === W.READ && scan.prev2Word === W.WITH) {
      scan.pinBy(Pin.FLUSH_READ_LOCK);
    }
    scan.advance();
  }
}

/** HANDLER name OPEN | READ … | CLOSE. */
export function judgeHandler(scan: Scan): void {
  scan.advance();
  scan.tables++;
  skipName(scan);
  if (scan.isWord(W.OPEN)) scan.pinBy(Pin.LOCK_TABLES);
  else if (scan.isWord(W.READ)) scan.facts |= Fact.READ;
  judgeBody(scan);
}

/** KILL [HARD | SOFT] [CONNECTION | QUERY] id; recorded when the id is a literal number and nothing comes before it. */
export function judgeKill(scan: Scan): void {
  scan.advance();
  scan.facts |= Fact.KILL | Fact.TOUCHES_NO_TABLE;
  if (!scan.accept(W.HARD)) scan.accept(W.SOFT);
  const queryOnly = scan.isWord(W.QUERY);
  if (queryOnly) scan.advance();
  else scan.accept(W.CONNECTION);
  const id = scan.kind === Kind.NUMBER ? Number(scan.text(scan.from, scan.to)) : -1;
  judgeToken(scan);
  scan.step();
  if (Number.isSafeInteger(id) && id >= 0 && scan.isAtEnd()) scan.killBy(queryOnly, id);
  judgeBody(scan);
}
