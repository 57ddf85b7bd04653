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
