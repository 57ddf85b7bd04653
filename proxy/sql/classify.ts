import { BOUNDS } from "../base/bounds.ts";
import { Kind } from "./lexer.ts";
import { Pin, Scan } from "./scan.ts";
import { judgeStatement } from "./statements.ts";
import type { Verdict } from "./verdict.ts";

/** Classifying is synchronous and never re-entered: one scan serves all. */
const scan = new Scan();

/**
 * What the statement text in bytes [start, end) does to a session, read as `reading` (bits of `Reading`) says. Takes
 * any bytes. Texts that set no variables share constant verdicts, and classifying them allocates nothing.
 */
export function classify(bytes: Uint8Array, start: number, end: number, reading: number): Verdict {
  scan.begin(bytes, start, end, reading);
  if (end - start > BOUNDS.statementTextBytes) scan.pinBy(Pin.TEXT_OVER_16K);
  scan.advance();
  while (scan.kind !== Kind.END) {
    if (scan.kind === Kind.SEMICOLON) {
      scan.advance();
      continue;
    }
    scan.beginStatement();
    judgeStatement(scan);
    scan.endStatement();
  }
  return scan.verdict();
}
