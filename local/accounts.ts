import type { Engine } from "./engine.ts";
import { quoteName, quoteText } from "./sql-text.ts";

export interface Account {
  readonly user: string;
  readonly password: string;
}

/** The accounts of a local server, made before anybody can connect. */
export interface Accounts {
  /** May do everything; also `root@localhost` through the socket. */
  readonly root: Account;
  /** The master user of the cluster, as RDS has one. */
  readonly admin: Account;
  /** What a proxy watches the server with. */
  readonly monitor: Account;
  readonly replication: Account;
  /** The application, with all rights on its own database. */
  readonly application: Account & { readonly database: string };
}

/** MariaDB initialises roots without password for these hosts; they would hide ours, being more specific. */
const DROP_SAMPLES = "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost'";

/**
 * Statements of a server's first start. Not in the binary log: every instance makes its own, so that readers begin with
 * the same accounts and an empty history. May be run again.
 */
export function accountStatements(engine: Engine, accounts: Accounts): string[] {
  const { root, admin, monitor, replication, application } = accounts;
  const database = quoteName(application.database);
  const watch =
    engine === "mysql" ? "PROCESS, REPLICATION CLIENT" : "PROCESS, SLAVE MONITOR, BINLOG MONITOR";
  return [
    "SET SESSION sql_log_bin = 0",
    ...(engine === "mariadb" ? [DROP_SAMPLES] : []),
    ...create(root, "localhost"),
    `GRANT ALL PRIVILEGES ON *.* TO ${at(root, "localhost")} WITH GRANT OPTION`,
    ...[root, admin].flatMap((account) => [
      ...create(account),
      `GRANT ALL PRIVILEGES ON *.* TO ${at(account)} WITH GRANT OPTION`,
    ]),
    // As on RDS the master user may not write on a reader; root here may.
    ...(engine === "mariadb" ? [`REVOKE READ_ONLY ADMIN ON *.* FROM ${at(admin)}`] : []),
    ...create(monitor),
    `GRANT ${watch} ON *.* TO ${at(monitor)}`,
    ...create(replication),
    `GRANT REPLICATION SLAVE ON *.* TO ${at(replication)}`,
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    ...create(application),
    `GRANT ALL PRIVILEGES ON ${database}.* TO ${at(application)}`,
  ];
}

function create(account: Account, host = "%"): string[] {
  const secret = `IDENTIFIED BY ${quoteText(account.password)}`;
  return [
    `CREATE USER IF NOT EXISTS ${at(account, host)} ${secret}`,
    `ALTER USER ${at(account, host)} ${secret}`,
  ];
}

function at(account: Account, host = "%"): string {
  return `${quoteText(account.user)}@${quoteText(host)}`;
}
