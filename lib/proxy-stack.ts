import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import type { IVpc } from "aws-cdk-lib/aws-ec2";
import { ProxyTarget } from "aws-cdk-lib/aws-rds";
import type { Construct } from "constructs";
import type { AuroraDatabase } from "./database.ts";
import { type SluiceEndpoint, SluiceProxy } from "./sluice-proxy.ts";
import type { StageSettings } from "./stage-settings.ts";

export interface ProxyStackProps extends StackProps {
  readonly vpc: IVpc;
  readonly database: AuroraDatabase;
  readonly settings: Pick<StageSettings, "proxy" | "logRetentionDays" | "database">;
}

/** The proxy on Fargate, with an address for the writer and one for the readers. */
export class ProxyStack extends Stack {
  readonly proxy: SluiceProxy;
  readonly reader: SluiceEndpoint;

  constructor(scope: Construct, id: string, props: ProxyStackProps) {
    const { vpc, database, settings, ...rest } = props;
    super(scope, id, rest);
    const { proxy: sizes } = settings;
    this.proxy = new SluiceProxy(this, "Proxy", {
      proxyTarget: ProxyTarget.fromCluster(database.cluster),
      secrets: [database.secret],
      vpc,
      dbProxyName: "app",
      maxConnectionsPercent: sizes.maxConnectionsPercent,
      borrowTimeout: Duration.seconds(sizes.borrowTimeoutSeconds),
      idleClientTimeout: Duration.seconds(sizes.idleClientTimeoutSeconds),
      cpu: sizes.cpu,
      memoryLimitMiB: sizes.memoryMiB,
      minTasks: sizes.minTasks,
      maxTasks: sizes.maxTasks,
      logRetention: settings.logRetentionDays,
      deletionProtection: settings.database.deletionProtection,
    });
    this.reader = this.proxy.addEndpoint("Reader");
    new CfnOutput(this, "ProxyEndpoint", { value: `${this.proxy.endpoint}:${this.proxy.port}` });
    new CfnOutput(this, "ProxyReaderEndpoint", {
      value: `${this.reader.endpoint}:${this.reader.port}`,
    });
    new CfnOutput(this, "SecretArn", { value: database.secret.secretArn });
  }
}
