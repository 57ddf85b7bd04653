import type { PinRuleId, WarningRuleId } from "./verdict.ts";

export type RuleId = PinRuleId | WarningRuleId;

/**
 * Where something is known from: D documentation of RDS Proxy · O observed at the service by others · I inferred from
 * documentation · U ours, for want of a source.
 */
export type Source = "D" | "O" | "I" | "U";

export interface Rule {
  readonly id: RuleId;
  readonly kind: "pin" | "warning";
  /** What a statement does to meet the rule. */
  readonly when: string;
  /** Reason in a log line, up to the digest. */
  readonly reason: string;
  /** The reason ends with the statement's digest. */
  readonly hasDigest: boolean;
  /** How to do without. */
  readonly fix: string;
  /** Where the rule is known from. */
  readonly source: Source;
  /** Where the wording of the reason is known from. */
  readonly wording: Source;
}

const SETTINGS_REASON =
  "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query.";

function pin(
  id: PinRuleId,
  rule: Omit<Rule, "id" | "kind" | "hasDigest"> & { readonly hasDigest?: boolean },
): Rule {
  return { hasDigest: true, ...rule, id, kind: "pin" };
}

function warning(
  id: WarningRuleId,
  rule: Omit<Rule, "id" | "kind" | "hasDigest" | "source" | "wording">,
): Rule {
  return { ...rule, id, kind: "warning", hasDigest: false, source: "I", wording: "U" };
}

/** Every rule, by its id. Ids are public: never changed, never reused. */
export const RULES: Readonly<Record<RuleId, Rule>> = {
  "text-over-16k": pin("text-over-16k", {
    when: "the statement's text is longer than 16,384 bytes",
    reason: "The connection ran a SQL query which exceeded the 16384 byte limit.",
    hasDigest: false,
    fix: "Send smaller statements: fewer rows for each INSERT, shorter IN lists; load bulk data around the proxy.",
    source: "D",
    wording: "O",
  }),
  "prepare-binary": pin("prepare-binary", {
    when: "the client prepares a statement by the binary protocol (COM_STMT_PREPARE)",
    reason: "A protocol-level prepared statement was detected.",
    hasDigest: false,
    fix: "Let the driver put the parameters into the text: mysql2 `query()` in place of `execute()`, Go `interpolateParams=true`, PDO `ATTR_EMULATE_PREPARES=true`, Connector/J `useServerPrepStmts=false`, Sequelize `replacements` in place of `bind`.",
    source: "D",
    wording: "U",
  }),
  "prepare-sql": pin("prepare-sql", {
    when: "PREPARE, EXECUTE, DEALLOCATE PREPARE or DROP PREPARE as text, EXECUTE IMMEDIATE",
    reason: "A SQL-level prepared statement was detected.",
    fix: "Send the statement itself, with its values quoted by the driver; move dynamic SQL into a stored procedure, which does not pin.",
    source: "D",
    wording: "U",
  }),
  "user-variable": pin("user-variable", {
    when: "a user variable is set: SET @x, `:=`, SELECT … INTO @x, LOAD DATA … (@x), GET DIAGNOSTICS @x",
    reason: SETTINGS_REASON,
    fix: "Keep the value in the application and pass it as a parameter; use window functions (ROW_NUMBER(), LAG()) in place of `@row := @row + 1`. Reading a user variable does not pin.",
    source: "D",
    wording: "I",
  }),
  "untracked-variable": pin("untracked-variable", {
    when: "SET of a system variable that is not on the list of tracked ones, SET ROLE, SET RESOURCE GROUP",
    reason: SETTINGS_REASON,
    fix: "Set it in the parameter group, in the proxy's initialization query, or for one statement with the hint `/*+ SET_VAR(name=value) */`; drop it where it only repeats the default.",
    source: "D",
    wording: "O",
  }),
  "next-txn-isolation": pin("next-txn-isolation", {
    when: "isolation level or access mode for the next transaction only: SET TRANSACTION, SET @@transaction_isolation",
    reason: SETTINGS_REASON,
    fix: "Set the level once for each session with SET SESSION TRANSACTION ISOLATION LEVEL, which is tracked, or in the parameter group; for access mode, START TRANSACTION READ ONLY. In ORMs: leave out the isolation option of each transaction.",
    source: "D",
    wording: "I",
  }),
  "executable-comment": pin("executable-comment", {
    when: "an executable comment /*! … */ or /*M! … */ anywhere in the text (optimizer hints /*+ … */ are fine)",
    reason: "An executable comment was detected.",
    fix: "Write the statement without the version comment; restore dumps straight at the database, around the proxy.",
    source: "D",
    wording: "U",
  }),
  "temp-table": pin("temp-table", {
    when: "CREATE TEMPORARY TABLE or SEQUENCE",
    reason: "A temporary table was created.",
    fix: "Use a common table expression or a derived table; for results that several statements need, an ordinary table with a job id.",
    source: "D",
    wording: "U",
  }),
  "lock-tables": pin("lock-tables", {
    when: "LOCK TABLES, LOCK INSTANCE FOR BACKUP, FLUSH TABLES … FOR EXPORT, HANDLER … OPEN, BACKUP STAGE, BACKUP LOCK",
    reason: "A table lock was detected.",
    fix: "Use row locks in a transaction (SELECT … FOR UPDATE); run backups and exports around the proxy.",
    source: "D",
    wording: "U",
  }),
  "flush-read-lock": pin("flush-read-lock", {
    when: "FLUSH TABLES … WITH READ LOCK",
    reason: "A global read lock was detected.",
    fix: "Run backups around the proxy, with `--single-transaction`, or use snapshots.",
    source: "D",
    wording: "U",
  }),
  "get-lock": pin("get-lock", {
    when: "a call of GET_LOCK(); RELEASE_LOCK(), IS_FREE_LOCK() and IS_USED_LOCK() alone do not pin",
    reason: "A user-level lock was detected.",
    fix: "Lock a row of a table of your own in a transaction (SELECT … FOR UPDATE, with NOWAIT or SKIP LOCKED as needed), or run migrations, which take such locks, around the proxy.",
    source: "D",
    wording: "U",
  }),
  "found-rows": pin("found-rows", {
    when: "SELECT SQL_CALC_FOUND_ROWS, or a call of FOUND_ROWS()",
    reason: "A function that depends on the previous statement of the session was detected.",
    fix: "Ask with SELECT COUNT(*) in a statement of its own.",
    source: "I",
    wording: "U",
  }),
  "row-count": pin("row-count", {
    when: "a call of ROW_COUNT()",
    reason: "A function that depends on the previous statement of the session was detected.",
    fix: "Read the count of affected rows from the driver's result (`affectedRows`, `getUpdateCount()`, `rowcount`).",
    source: "I",
    wording: "U",
  }),
  unparsed: pin("unparsed", {
    when: "a SET of unknown form, or a compound statement outside of a routine (BEGIN NOT ATOMIC, IF, LOOP …)",
    reason: "The proxy couldn't determine which session settings the SQL changes.",
    fix: "Write one plain assignment for each variable; move compound statements into a stored procedure.",
    source: "I",
    wording: "U",
  }),
  "pool-partition": warning("pool-partition", {
    when: "a tracked variable, names or character set is set for the session",
    reason: "Database connections are shared only among sessions that have set the same value.",
    fix: "Give all services the same value, best in the parameter group or in the proxy's initialization query.",
  }),
  "proc-hidden-state": warning("proc-hidden-state", {
    when: "CALL",
    reason:
      "Session state that a stored procedure changes is not seen, and may be lost or met by another client.",
    fix: "Let procedures leave no user variables, temporary tables, locks or settings behind.",
  }),
  "long-transaction": warning("long-transaction", {
    when: "SET autocommit = 0",
    reason:
      "Without autocommit each statement opens a transaction, which holds its database connection until COMMIT or ROLLBACK.",
    fix: "Leave autocommit on and start transactions with BEGIN; commit soon.",
  }),
  "filter-leak": warning("filter-leak", {
    when: "EXCLUDE_VARIABLE_SETS keeps a SET from pinning that would pin without it",
    reason: "The setting stays on the database connection, where other clients may meet it.",
    fix: "Set the same value everywhere, or set and use it within one transaction; else turn the filter off.",
  }),
};

/** The reason of a pin or warning, in the words of the service's log. */
export function reasonFor(id: RuleId, digest: string): string {
  const { reason, hasDigest } = RULES[id];
  return hasDigest ? `${reason} Digest: "${digest}".` : reason;
}

/** Advice for single variables, by who is known to set them. */
const VARIABLE_FIXES: Readonly<Record<string, string>> = {
  foreign_key_checks: "Run migrations, fixtures and restores, which set it, around the proxy.",
  unique_checks: "Run migrations, fixtures and restores, which set it, around the proxy.",
  sql_select_limit: "Connector/J sends it for setMaxRows(): write LIMIT in the statement.",
  session_track_system_variables:
    "MariaDB's Java drivers set it at connect: put it into the parameter group or the initialization query with another driver, or turn on EXCLUDE_VARIABLE_SETS.",
  max_statement_time: "The MariaDB connector sends it for queryTimeout: leave the option out.",
  max_execution_time: "Use the hint /*+ MAX_EXECUTION_TIME(n) */ in the statement.",
  sql_auto_is_null:
    "Old Rails and Django releases send it: upgrade, or set it in the parameter group.",
  innodb_lock_wait_timeout:
    "Hibernate sends it for lock timeouts: set it in the parameter group, or use NOWAIT.",
  lock_wait_timeout: "Set it in the parameter group; run migrations around the proxy.",
  group_concat_max_len:
    "Set it in the parameter group, or use /*+ SET_VAR(group_concat_max_len=n) */.",
};

/** How to do without; with advice of its own for a well-known variable. */
export function fixFor(id: RuleId, variable: string | null): string {
  const own = variable === null ? undefined : VARIABLE_FIXES[variable];
  return own === undefined ? RULES[id].fix : `${own} ${RULES[id].fix}`;
}
