import { judgeBody, skipBody } from "./body.ts";
import { Kind } from "./lexer.ts";
import { skipCompound } from "./routine.ts";
import { Pin, type Scan } from "./scan.ts";
import { Fact } from "./verdict.ts";
import { W } from "./words.ts";

/** CREATE and ALTER. Bodies of routines are not run now: what is in them does not count. */
export function judgeDefinition(scan: Scan): void {
  const isCreate = scan.word === W.CREATE;
  scan.advance();
  const isTemporary = skipToObject(scan);
  const object = scan.word;
  switch (scan.kind === Kind.WORD ? object : W.NONE) {
    case W.TABLE:
    case W.SEQUENCE:
      if (isCreate) judgeCreateTable(scan, isTemporary);
      else scan.facts |= Fact.ENDS_TRANSACTION;
      break;
    case W.PROCEDURE:
    case W.FUNCTION:
    case W.TRIGGER:
    case W.EVENT:
    case W.PACKAGE:
      scan.facts |= Fact.ENDS_TRANSACTION;
      scan.advance();
      skipCompound(scan, 0, false);
      break;
    default:
      scan.facts |= Fact.ENDS_TRANSACTION;
  }
  skipBody(scan);
}

/** Steps over OR REPLACE, DEFINER = …, TEMPORARY and the like, to the word that names the kind of object. */
function skipToObject(scan: Scan): boolean {
  let isTemporary = false;
  while (!scan.isAtEnd()) {
    if (scan.kind === Kind.EQUALS) scan.advance();
    else if (scan.kind === Kind.WORD && isObjectWord(scan.word)) break;
    else if (scan.isWord(W.TEMPORARY)) isTemporary = true;
    if (!scan.isAtEnd()) scan.advance();
  }
  return isTemporary;
}

function isObjectWord(word: number): boolean {
  switch (word) {
    case W.TABLE:
    case W.SEQUENCE:
    case W.PROCEDURE:
    case W.FUNCTION:
    case W.TRIGGER:
    case W.EVENT:
    case W.PACKAGE:
    case W.VIEW:
    case W.DATABASE:
    case W.SCHEMA:
    case W.INDEX:
    case W.SERVER:
    case W.ROLE:
    case W.RESOURCE:
    case W.INSTANCE:
      return true;
    default:
      return false;
  }
}

function judgeCreateTable(scan: Scan, isTemporary: boolean): void {
  if (isTemporary) scan.pinBy(Pin.TEMP_TABLE);
  else scan.facts |= Fact.ENDS_TRANSACTION;
  // Only a query in the definition is run.
  while (!scan.isAtEnd()) {
    const isQuery = scan.isWord(W.SELECT) || (scan.isWord(W.WITH) && scan.prevWord === W.AS);
    if (isQuery) {
      scan.facts |= Fact.INSERT | Fact.INSERT_ID_AMBIGUOUS;
      judgeBody(scan);
      return;
    }
    scan.advance();
  }
}

/** DROP PREPARE, DROP [TEMPORARY] TABLE, DROP DATABASE, and every other object. */
export function judgeDrop(scan: Scan): void {
  scan.advance();
  if (scan.isWord(W.PREPARE)) scan.pinBy(Pin.PREPARE_SQL);
  else if (!scan.isWord(W.TEMPORARY)) {
    scan.facts |= Fact.ENDS_TRANSACTION;
    if (scan.isWord(W.DATABASE) || scan.isWord(W.SCHEMA)) {
      scan.facts |= Fact.DROPS_SCHEMA;
      scan.track(scan.word === W.DATABASE ? "DROP DATABASE" : "DROP SCHEMA");
    }
  }
}
