import type { Connection } from "mysql2/promise";
import { rows } from "../../local/database-login.ts";

/** Variables that differ from connection to connection or with time: they say nothing of what a session has set. */
const OWN = new Set([
  "error_count",
  "external_user",
  "gtid_binlog_pos",
  "gtid_binlog_state",
  "gtid_current_pos",
  "gtid_executed",
  "identity",
  "in_predicate_conversion_threshold",
  "insert_id",
  "last_gtid",
  "last_insert_id",
  "pseudo_thread_id",
  "rand_seed1",
  "rand_seed2",
  "statement_id",
  "timestamp",
  "warning_count",
]);

/** Every session variable that sessions of equal settings have in common. */
export async function sessionVariables(client: Connection): Promise<Record<string, string>> {
  const found = await rows(client, "SHOW SESSION VARIABLES");
  const variables: Record<string, string> = {};
  for (const row of found) {
    const name = String(row["Variable_name"]);
    if (!OWN.has(name)) variables[name] = String(row["Value"]);
  }
  return variables;
}

/** The first column of the first row. */
export async function one(client: Connection, sql: string): Promise<unknown> {
  const [row] = await rows(client, sql);
  return row === undefined ? undefined : Object.values(row)[0];
}

/** The server's id of the backend that serves this client just now. */
export async function backendOf(client: Connection): Promise<number> {
  return Number(await one(client, "SELECT CONNECTION_ID()"));
}

/** MySQL's number of the error with which this fails; 0 where it does not. */
export async function errnoOf(work: Promise<unknown>): Promise<number> {
  try {
    await work;
    return 0;
  } catch (error) {
    return (error as { errno?: number }).errno ?? -1;
  }
}
