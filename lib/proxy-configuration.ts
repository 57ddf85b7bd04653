/** The configuration of the proxy inside a container, made from the props that RDS's own construct takes. */
import { type Duration, Fn, Token } from "aws-cdk-lib";
import { Connections } from "aws-cdk-lib/aws-ec2";
import type {
  ClientPasswordAuthType,
  DatabaseProxy,
  IDatabaseCluster,
  IDatabaseInstance,
  ProxyTarget,
  SessionPinningFilter,
} from "aws-cdk-lib/aws-rds";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { shareOf } from "./connection-budget.ts";

/** Ports inside the container; what clients use is the load balancer's or the sidecar's affair. */
export const CONTAINER_PORTS = { writer: 6033, reader: 6034, admin: 6080 } as const;
/** Where the image has the authorities of RDS; relative to its working folder. */
const RDS_CA_FILE = "rds-ca.pem";

const DEFAULT_MAX_CONNECTIONS_PERCENT = 90;
const DEFAULT_BORROW_TIMEOUT_SECONDS = 120;
const DEFAULT_IDLE_CLIENT_TIMEOUT_SECONDS = 1_800;

/** What `aws-rds`'s `DatabaseProxy` takes and what has the same meaning here. */
export interface ProxyOptions {
  /** The cluster or instance; its engine must be MySQL, MariaDB or Aurora MySQL. */
  readonly proxyTarget: ProxyTarget;
  /** A secret with `username` and `password` for each database user that may log in. */
  readonly secrets: readonly ISecret[];
  /** Name in metrics and logs. @default - made from the construct's path */
  readonly dbProxyName?: string;
  /** How long a session waits for a database connection. @default 120 seconds */
  readonly borrowTimeout?: Duration;
  /** Statements for each new database connection. @default none */
  readonly initQuery?: string;
  /** Most database connections of all tasks together, in percent of max_connections. @default 90 */
  readonly maxConnectionsPercent?: number;
  /** Most idle ones that are kept, in percent of max_connections, for all tasks together. @default half of maxConnectionsPercent */
  readonly maxIdleConnectionsPercent?: number;
  /** @default none */
  readonly sessionPinningFilters?: readonly SessionPinningFilter[];
  /** Log connections and statement digests. @default false */
  readonly debugLogging?: boolean;
  /**
   * Tokens cannot be checked outside AWS's own service: true is refused, with the reason.
   * @default false
   */
  readonly iamAuth?: boolean;
  /** @default 30 minutes */
  readonly idleClientTimeout?: Duration;
  /** Refuse clients without TLS. @default true */
  readonly requireTLS?: boolean;
  /** @default MYSQL_CACHING_SHA2_PASSWORD */
  readonly clientPasswordAuthType?: ClientPasswordAuthType;
}

interface Budget {
  readonly maxTasks: number;
}

/** The database behind a proxy, as far as it matters here. */
export interface Target {
  readonly database: IDatabaseCluster | IDatabaseInstance;
  readonly hosts: readonly string[];
  readonly topology: "aurora" | "static";
  readonly domainSuffix: string;
}

/** Looks into a `ProxyTarget`, whose fields are its own: what `bind` returns is public. */
export function targetOf(proxyTarget: ProxyTarget): Target {
  // `bind` would open the database to the proxy from the database's stack, which closes a circle where the stacks differ.
  const nobody = { connections: new Connections() } as unknown as DatabaseProxy;
  const { engineFamily, dbClusters, dbInstances } = proxyTarget.bind(nobody);
  if (engineFamily !== "MYSQL") {
    throw new Error(
      `Sluice speaks MySQL's protocol; the target's engine family is ${engineFamily}`,
    );
  }
  const cluster = dbClusters?.[0];
  if (cluster !== undefined) return clusterTarget(cluster);
  const instance = dbInstances![0]!;
  const hosts = [instance.instanceEndpoint.socketAddress];
  return { database: instance, hosts, topology: "static", domainSuffix: "" };
}

/** Instances are `ID.HASH.REGION.rds.amazonaws.com`; the cluster is `ID.cluster-HASH.REGION.rds.amazonaws.com`. */
function clusterTarget(cluster: IDatabaseCluster): Target {
  const { clusterEndpoint } = cluster;
  const domain = Fn.select(1, Fn.split(".cluster-", clusterEndpoint.hostname));
  return {
    database: cluster,
    hosts: [clusterEndpoint.socketAddress],
    topology: "aurora",
    domainSuffix: `.${domain}`,
  };
}

/** The text of SLUICE_CONFIG_TEXT, still with the references that CloudFormation fills in. */
export function proxyConfiguration(
  name: string,
  options: ProxyOptions,
  target: Target,
  { maxTasks }: Budget,
): Record<string, unknown> {
  return {
    name,
    endpoints: [
      { name: "default", targetRole: "READ_WRITE", host: "0.0.0.0", port: CONTAINER_PORTS.writer },
      { name: "reader", targetRole: "READ_ONLY", host: "0.0.0.0", port: CONTAINER_PORTS.reader },
    ],
    requireTLS: options.requireTLS ?? true,
    idleClientTimeout: secondsOf(options.idleClientTimeout, DEFAULT_IDLE_CLIENT_TIMEOUT_SECONDS),
    debugLogging: options.debugLogging ?? false,
    auth: options.secrets.map((secret) => ({
      secretArn: secret.secretArn,
      clientPasswordAuthType: options.clientPasswordAuthType ?? "MYSQL_CACHING_SHA2_PASSWORD",
    })),
    target: {
      hosts: target.hosts,
      topology: target.topology,
      domainSuffix: target.domainSuffix,
      tls: "VERIFY_IDENTITY",
      caFile: RDS_CA_FILE,
    },
    pool: poolOf(options, maxTasks),
    admin: { host: "0.0.0.0", port: CONTAINER_PORTS.admin },
  };
}

/** Throws where a combination cannot work; CDK shows it as the error of the synthesis. */
export function checkOptions(options: ProxyOptions, maxTasks: number): void {
  if (options.secrets.length === 0) throw new Error("one secret is needed at least");
  if (options.iamAuth === true) {
    throw new Error(
      "iamAuth: only AWS holds the keys that IAM tokens are signed with, so that a proxy of your own cannot check them; let clients log in with the secret (grantConnect)",
    );
  }
  const percent = options.maxConnectionsPercent ?? DEFAULT_MAX_CONNECTIONS_PERCENT;
  if (!Token.isUnresolved(percent) && (percent < 1 || percent > 100)) {
    throw new Error(`maxConnectionsPercent must be 1 to 100, found ${percent}`);
  }
  if (shareOf(percent, maxTasks) < 1) {
    throw new Error(
      `maxConnectionsPercent ${percent} cannot be split over ${maxTasks} tasks and as many more during a deployment`,
    );
  }
}

function poolOf(options: ProxyOptions, maxTasks: number): Record<string, unknown> {
  const percent = options.maxConnectionsPercent ?? DEFAULT_MAX_CONNECTIONS_PERCENT;
  const idle = options.maxIdleConnectionsPercent ?? Math.floor(percent / 2);
  return {
    maxConnectionsPercent: shareOf(percent, maxTasks),
    maxIdleConnectionsPercent: shareOf(idle, maxTasks),
    connectionBorrowTimeout: secondsOf(options.borrowTimeout, DEFAULT_BORROW_TIMEOUT_SECONDS),
    sessionPinningFilters: (options.sessionPinningFilters ?? []).map((each) => each.filterName),
    initQuery: options.initQuery ?? "",
  };
}

function secondsOf(duration: Duration | undefined, initial: number): number {
  return duration?.toSeconds() ?? initial;
}
