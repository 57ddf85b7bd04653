import { join } from "node:path";
import type { AuroraCluster } from "../../local/index.ts";
import type { AwsApi } from "../aws/api.ts";
import { startAwsApi } from "../aws/api.ts";
import { runningCluster } from "../aws/databases.ts";
import type { AwsAccess } from "./aws-access.ts";
import type { Closers } from "./closers.ts";

export interface UpAwsOptions {
  readonly port: number;
  readonly region?: string | undefined;
  readonly accountId?: string | undefined;
  readonly dataDir?: string | undefined;
  /** For temporary files. */
  readonly folder: string;
  readonly aurora: AuroraCluster;
  readonly say: (line: string) => void;
  readonly onLine: (source: string, line: string) => void;
}

/** The AWS API of `up`, and what is in it from the start: the cluster, and the secret of the application. */
export interface UpAws {
  readonly access: AwsAccess;
  readonly secret: { readonly name: string; readonly arn: string };
}

const SECRET_NAME = "sluice/app";

export async function startUpAws(options: UpAwsOptions, closers: Closers): Promise<UpAws> {
  const { aurora, dataDir, folder } = options;
  const api = await startAwsApi({ ...options, folder: join(folder, "aws"), dataDir });
  closers.add(() => api.control.stop());
  const { cluster } = aurora;
  api.control.adoptCluster({
    id: cluster.id,
    engine: cluster.engine === "mysql" ? "aurora-mysql" : "mariadb",
    running: runningCluster(aurora),
    master: cluster.accounts.admin,
    database: cluster.accounts.application.database,
  });
  const secret = keepSecret(api, aurora);
  const { control, caFile } = api;
  const { url: endpoint, region, accountId, rootKey } = control;
  return { access: { endpoint, region, accountId, caFile, ...rootKey }, secret };
}

/** The application's password, as every program here reads it. One kept from an earlier run gets a new value if that is another one. */
function keepSecret({ control }: AwsApi, aurora: AuroraCluster): UpAws["secret"] {
  const { vault } = control;
  const kept = vault.find(SECRET_NAME);
  if (kept !== null && kept.goneAt !== null)
    vault.secrets.set(kept.name, { ...kept, deletedAt: null, goneAt: null });
  const secret = vault.find(SECRET_NAME) ?? vault.create(SECRET_NAME);
  const text = JSON.stringify(secretContent(aurora));
  const isSame = Object.values(secret.versions).some(
    (version) => version.text === text && version.stages.includes("AWSCURRENT"),
  );
  if (!isSame) vault.put(secret, { text, binary: null });
  return { name: secret.name, arn: secret.arn };
}

function secretContent({ cluster, endpoint }: AuroraCluster): Record<string, unknown> {
  const { user, password, database } = cluster.accounts.application;
  return {
    username: user,
    password,
    engine: "mysql",
    host: endpoint.host,
    port: endpoint.port,
    dbClusterIdentifier: cluster.id,
    dbname: database,
  };
}
