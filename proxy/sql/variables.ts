/**
 * The system variables that RDS Proxy tracks: setting them does not pin. `names` and `character set` stand for the
 * statements SET NAMES and SET CHARACTER SET.
 */
export const TRACKED_VARIABLES: readonly string[] = [
  "autocommit",
  "auto_increment_increment",
  "character set",
  "character_set_client",
  "character_set_connection",
  "character_set_database",
  "character_set_filesystem",
  "character_set_results",
  "character_set_server",
  "collation_connection",
  "collation_database",
  "collation_server",
  "interactive_timeout",
  "names",
  "net_write_timeout",
  "query_cache_type",
  "session_track_schema",
  "sql_mode",
  "time_zone",
  "transaction_isolation",
  "transaction_read_only",
  "wait_timeout",
];

const tracked = new Set(TRACKED_VARIABLES);

export function isTrackedVariable(canonical: string): boolean {
  return tracked.has(canonical);
}

/** The one name of a variable that has several. */
export function canonicalVariable(name: string): string {
  if (name === "tx_isolation") return "transaction_isolation";
  if (name === "tx_read_only") return "transaction_read_only";
  return name;
}

/** Written `@@name` without a scope, these are set for the next transaction only. */
export function isNextTransactionVariable(canonical: string): boolean {
  return canonical === "transaction_isolation" || canonical === "transaction_read_only";
}
