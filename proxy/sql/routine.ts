import { skipBody } from "./body.ts";
import { Kind } from "./lexer.ts";
import { Pin, type Scan } from "./scan.ts";
import { Fact } from "./verdict.ts";
import { W } from "./words.ts";

/**
 * Steps over the body of a routine, trigger or event, or over an anonymous block: semicolons inside of compound
 * statements do not end the text's statement. `depth` compound statements are open already; `isRun` when the token starts a
 * statement, as in a block.
 */
export function skipCompound(scan: Scan, depth: number, isRun: boolean): void {
  let open = depth;
  let startsStatement = isRun;
  while (scan.kind !== Kind.END) {
    if (scan.kind === Kind.SEMICOLON) {
      if (open <= 0) return;
      startsStatement = true;
    } else if (scan.kind === Kind.WORD && scan.prevKind !== Kind.DOT) {
      open += openedBy(
        scan,
        startsStatement || scan.prevKind === Kind.CLOSE || scan.prevWord === W.ROW,
      );
      startsStatement = isBeforeStatement(scan.word);
    } else startsStatement = scan.kind === Kind.COLON;
    scan.advance();
  }
  // Nothing closed it: a text that no server takes, or one whose end we misread.
  if (open > 0) scan.pinBy(Pin.UNPARSED);
}

/** How many compound statements the word opens (1), closes (-1) or neither (0). */
function openedBy(scan: Scan, startsStatement: boolean): number {
  const isTail = scan.prevKind === Kind.WORD && scan.prevWord === W.END;
  switch (scan.word) {
    case W.END:
      return -1;
    case W.BEGIN:
      return 1;
    case W.CASE:
    case W.LOOP:
      return isTail ? 0 : 1;
    case W.IF:
    case W.WHILE:
    case W.REPEAT:
    case W.FOR:
      return startsStatement && !isTail ? 1 : 0;
    default:
      return 0;
  }
}

function isBeforeStatement(word: number): boolean {
  return (
    word === W.BEGIN ||
    word === W.THEN ||
    word === W.ELSE ||
    word === W.DO ||
    word === W.LOOP ||
    word === W.REPEAT
  );
}

/** An anonymous block runs at once, and what it does to the session is not followed. */
export function judgeBlock(scan: Scan, depth: number): void {
  scan.facts |= Fact.OPAQUE;
  scan.pinBy(Pin.UNPARSED);
  skipCompound(scan, depth, true);
  skipBody(scan);
}
