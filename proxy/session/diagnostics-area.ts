import { Fact } from "../sql/verdict.ts";

/** Where a session's diagnostics area is: what SHOW WARNINGS shows. */
export const Area = {
  /** There is nothing in it. */
  EMPTY: 0,
  /** On the backend that the session has borrowed. */
  ON_BACKEND: 1,
  /** Taken from the backend before that was given back. */
  KEPT: 2,
} as const;

/** What a statement without warnings or errors of its own does to the area. REFILLED: it has what the server made of it. */
export const Fate = { STAYS: 0, CLEARED: 1, REFILLED: 2, UNSURE: 3 } as const;

const SHOW = /^\s*(?:\/\*(?![!M+])[^*]*\*\/\s*)*(?:SHOW|GET)\b/i;
/** Statements of MariaDB that use no table, and so clear nothing. */
const MARIADB_STAYS =
  /^\s*(?:(?:BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|USE|DO|XA|KILL|UNLOCK|FLUSH|GRANT|REVOKE)\b|(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA|USER|ROLE|PROCEDURE|FUNCTION)\b)/i;
const NO_TABLE = /^\s*SELECT\b(?!.*\bFROM\b)/is;
const SHOWS_TABLES = /^\s*SHOW\s+(?:GLOBAL\s+|SESSION\s+|LOCAL\s+)?(?:VARIABLES|STATUS|PLUGINS)\b/i;

/**
 * MySQL empties the area at every statement but those that look at it; reading `@@warning_count` is the last that sees it.
 * MariaDB empties it only for statements that use a table.
 */
export function fateOfArea(text: string, flags: number, mariadb: boolean): number {
  if (flags & Fact.OPAQUE) return mariadb ? Fate.UNSURE : Fate.REFILLED;
  if (flags & Fact.MULTI) return fateOfSeveral(text, flags, mariadb);
  if (flags & Fact.READS_DIAGNOSTICS) return SHOW.test(text) || mariadb ? Fate.STAYS : Fate.CLEARED;
  if (!mariadb) return Fate.CLEARED;
  if (flags & Fact.INSERT) return Fate.CLEARED;
  if (flags & Fact.TOUCHES_NO_TABLE) return SHOWS_TABLES.test(text) ? Fate.CLEARED : Fate.STAYS;
  return MARIADB_STAYS.test(text) ? Fate.STAYS : Fate.CLEARED;
}

/** Where a semicolon in a string misleads, it does so to what the server says of its area, which it had of nobody else. */
function fateOfSeveral(text: string, flags: number, mariadb: boolean): number {
  // Who looks at the area between statements looks for what these have put there.
  if (flags & Fact.READS_DIAGNOSTICS) return Fate.REFILLED;
  if (!mariadb) return Fate.CLEARED;
  const stays = text
    .split(";")
    .every(
      (part) => part.trim() === "" || [MARIADB_STAYS, SHOW, NO_TABLE].some((r) => r.test(part)),
    );
  return stays ? Fate.STAYS : Fate.REFILLED;
}
