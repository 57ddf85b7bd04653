/**
 * What the classifier says of one statement text: the only thing the session layer knows of SQL. A verdict is
 * immutable; typical statements share a few constant verdicts, so that classifying them allocates nothing.
 */

/** Stable ids of the rules that pin (contract, section 4). */
export type PinRuleId =
  | "text-over-16k"
  | "prepare-binary"
  | "prepare-sql"
  | "user-variable"
  | "untracked-variable"
  | "next-txn-isolation"
  | "executable-comment"
  | "temp-table"
  | "lock-tables"
  | "flush-read-lock"
  | "get-lock"
  | "found-rows"
  | "row-count"
  | "unparsed";

/** Stable ids of the rules that only warn. */
export type WarningRuleId =
  | "pool-partition"
  | "proc-hidden-state"
  | "long-transaction"
  | "filter-leak";

/** Facts about a statement text, as bits of `Verdict.flags`. */
export const Fact = {
  /** Starts with SELECT, SHOW, WITH … SELECT, TABLE, VALUES, EXPLAIN, DESCRIBE … and does not write. */
  READ: 1 << 0,
  /** INSERT, REPLACE, LOAD DATA / XML: may set the last insert id. */
  INSERT: 1 << 1,
  /**
   * The insert id in the OK packet may differ from what LAST_INSERT_ID() returns: IGNORE, ON DUPLICATE KEY,
   * INSERT … SELECT, values that are not plain literals, several statements, LOAD DATA, RETURNING.
   */
  INSERT_ID_AMBIGUOUS: 1 << 2,
  /** Reads LAST_INSERT_ID(), @@identity or @@last_insert_id. */
  READS_INSERT_ID: 1 << 3,
  /** LAST_INSERT_ID(expr): sets it. */
  SETS_INSERT_ID: 1 << 4,
  /** Calls ROW_COUNT(). */
  READS_ROW_COUNT: 1 << 5,
  /** Calls FOUND_ROWS(). */
  READS_FOUND_ROWS: 1 << 6,
  /** SHOW WARNINGS / ERRORS / COUNT(*) WARNINGS, GET DIAGNOSTICS, @@warning_count, @@error_count. */
  READS_DIAGNOSTICS: 1 << 7,
  /** COMMIT, ROLLBACK (not TO SAVEPOINT), or a statement that commits implicitly (DDL, ACCOUNT statements …). */
  ENDS_TRANSACTION: 1 << 8,
  /** BEGIN, START TRANSACTION. */
  BEGINS_TRANSACTION: 1 << 9,
  /** CALL, EXECUTE IMMEDIATE, anonymous blocks, a function that is no built-in of MySQL or MariaDB: state may change unseen. */
  OPAQUE: 1 << 10,
  /** Any SET of variables, names or transaction characteristics: see `assignments`. */
  SET: 1 << 11,
  /** USE: see `schema`. */
  USE: 1 << 12,
  /** DROP DATABASE / DROP SCHEMA: the current schema may be gone. */
  DROPS_SCHEMA: 1 << 13,
  /** KILL: see `kill`. */
  KILL: 1 << 14,
  /** More than one statement in the text. */
  MULTI: 1 << 15,
  /** XA START / BEGIN. */
  XA_OPENS: 1 << 16,
  /** XA COMMIT / ROLLBACK. */
  XA_CLOSES: 1 << 17,
  /** A statement that may open no transaction and touches no table: SET, USE, SHOW VARIABLES, SELECT without FROM … */
  TOUCHES_NO_TABLE: 1 << 18,
  /** Needs no backend to be understood as doing nothing: empty text or comments only. */
  EMPTY: 1 << 19,
  /** SELECT … FOR UPDATE / FOR SHARE / LOCK IN SHARE MODE. */
  LOCKING_READ: 1 << 20,
} as const;

/** Where an assignment puts its value. `next` is the next transaction only; `user` is a user variable. */
export type AssignmentScope = "session" | "local" | "global" | "persist" | "next" | "user";

/** One assignment of a SET statement, in the order of the text. */
export interface Assignment {
  readonly scope: AssignmentScope;
  /**
   * Canonical lower-case system variable name: `names` for SET NAMES, `character set` for SET CHARACTER SET,
   * `transaction_isolation` and `transaction_read_only` for every spelling (tx_…, SET SESSION TRANSACTION …).
   * For a user variable, its name without `@`.
   */
  readonly name: string;
  /** The value is a literal or keyword whose effect depends on nothing but the session (not DEFAULT, not an expression). */
  readonly constant: boolean;
}

export interface Verdict {
  /** Bits of {@link Fact}. */
  readonly flags: number;
  /** The first rule that pins the session, or null. EXCLUDE_VARIABLE_SETS is already applied. */
  readonly pin: PinRuleId | null;
  readonly assignments: readonly Assignment[];
  /** Schema named by the last USE, unquoted; null without USE. */
  readonly schema: string | null;
  /** The first statement, where it is a KILL of a literal id. `end`: bytes of the text up to where it ends. */
  readonly kill: { readonly queryOnly: boolean; readonly id: number; readonly end: number } | null;
  /** Names of tracked variables and statements, for `explain`. */
  readonly tracked: readonly string[];
  readonly warnings: readonly WarningRuleId[];
}

/** How the text is to be read, as bits: what of the session's state changes the lexer's reading. */
export const Reading = {
  ANSI_QUOTES: 1 << 0,
  NO_BACKSLASH_ESCAPES: 1 << 1,
  /** The server is MariaDB: its executable comments and syntax extensions apply. */
  MARIADB: 1 << 2,
  /** The client's character set has trail bytes in the ASCII range (big5, cp932, gb18030, gbk, sjis). */
  ASCII_TRAIL_BYTES: 1 << 3,
  /** The session pinning filter EXCLUDE_VARIABLE_SETS is on. */
  EXCLUDE_VARIABLE_SETS: 1 << 4,
  /** With ASCII_TRAIL_BYTES: the bytes 0xA1 to 0xDF are characters of their own (cp932, sjis). */
  KATAKANA_BYTES: 1 << 5,
} as const;
