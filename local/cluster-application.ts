import { resolve } from "node:path";
import type { Accounts } from "./accounts.ts";
import type { Cluster } from "./cluster.ts";
import { readClusterState } from "./cluster-state.ts";
import { withLogin } from "./database-login.ts";
import { quoteName, quoteText } from "./sql-text.ts";

/** The application's account of a data folder from an earlier run, so that saved connection strings stay good. */
export async function keptApplication(dataDir: string): Promise<Accounts["application"] | null> {
  const state = await readClusterState(resolve(dataDir));
  return state?.accounts.application ?? null;
}

/** Makes an account the cluster's master user: every right, and the right to give rights. */
export async function grantEverything(cluster: Cluster, user: string): Promise<void> {
  const { login } = cluster.server(cluster.writer.id);
  await withLogin(login, async (connection) => {
    await connection.query(
      `GRANT ALL PRIVILEGES ON *.* TO ${quoteText(user)}@'%' WITH GRANT OPTION`,
    );
  });
}

/** Readers follow, as with any other statement. */
export async function setPassword(cluster: Cluster, user: string, password: string): Promise<void> {
  const { login } = cluster.server(cluster.writer.id);
  await withLogin(login, async (connection) => {
    await connection.query(
      `ALTER USER ${quoteText(user)}@'%' IDENTIFIED BY ${quoteText(password)}`,
    );
  });
}

/** Gives the application every right on one more database, which need not exist yet. */
export async function grantDatabase(cluster: Cluster, database: string): Promise<void> {
  const { user } = cluster.accounts.application;
  const { login } = cluster.server(cluster.writer.id);
  await withLogin(login, async (connection) => {
    await connection.query(
      `GRANT ALL PRIVILEGES ON ${quoteName(database)}.* TO ${quoteText(user)}@'%'`,
    );
  });
}
