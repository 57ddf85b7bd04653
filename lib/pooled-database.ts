/** Database, secret and proxy as one thing, for those who only want somewhere to connect to. */
import type { Connections, IConnectable, IVpc } from "aws-cdk-lib/aws-ec2";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import { type DatabaseCluster, ProxyTarget } from "aws-cdk-lib/aws-rds";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { AuroraDatabase } from "./database.ts";
import { SluiceProxy, type SluiceProxyProps } from "./sluice-proxy.ts";
import { type DatabaseSettings, settingsOf } from "./stage-settings.ts";

export interface PooledDatabaseProps {
  readonly vpc: IVpc;
  /** @default app */
  readonly databaseName?: string;
  /** @default app */
  readonly username?: string;
  /** @default - those of the stage `dev`: half a capacity unit at least, one reader, gone with its stack */
  readonly database?: DatabaseSettings;
  /** Of the proxy; target, secret and VPC are known. */
  readonly proxy?: Partial<Omit<SluiceProxyProps, "proxyTarget" | "secrets" | "vpc">>;
}

export class PooledDatabase extends Construct implements IConnectable {
  readonly cluster: DatabaseCluster;
  readonly secret: ISecret;
  readonly proxy: SluiceProxy;
  /** Of the proxy: nobody but the proxy reaches the database itself. */
  readonly connections: Connections;
  readonly endpoint: string;
  readonly port: number;

  constructor(scope: Construct, id: string, props: PooledDatabaseProps) {
    super(scope, id);
    const { vpc, proxy = {}, database: settings = settingsOf("dev").database, ...names } = props;
    const { cluster, secret } = new AuroraDatabase(this, "Database", { vpc, settings, ...names });
    this.cluster = cluster;
    this.secret = secret;
    this.proxy = new SluiceProxy(this, "Proxy", {
      ...proxy,
      proxyTarget: ProxyTarget.fromCluster(cluster),
      secrets: [secret],
      vpc,
    });
    this.connections = this.proxy.connections;
    this.endpoint = this.proxy.endpoint;
    this.port = this.proxy.port;
  }

  /** Lets somebody log in, as `SluiceProxy.grantConnect`. */
  grantConnect(grantee: IGrantable): Grant {
    return this.proxy.grantConnect(grantee);
  }
}
