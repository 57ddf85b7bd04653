/** Aurora MySQL as this package uses it: encrypted, TLS only, its password kept and rotated by RDS. */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { type IVpc, SecurityGroup, SubnetType } from "aws-cdk-lib/aws-ec2";
import {
  AuroraMysqlEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  ParameterGroup,
} from "aws-cdk-lib/aws-rds";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { DatabaseSettings } from "./stage-settings.ts";

export interface AuroraDatabaseProps {
  readonly vpc: IVpc;
  readonly settings: DatabaseSettings;
  /** @default app */
  readonly username?: string;
  /** @default app */
  readonly databaseName?: string;
}

const MYSQL_PORT = 3306;

export class AuroraDatabase extends Construct {
  readonly cluster: DatabaseCluster;
  /** `username` and `password`, kept and rotated by RDS. */
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, props: AuroraDatabaseProps) {
    super(scope, id);
    const { vpc, settings, username = "app", databaseName = "app" } = props;
    const engine = DatabaseClusterEngine.auroraMysql({
      version: AuroraMysqlEngineVersion.VER_3_10_3,
    });
    this.cluster = new DatabaseCluster(this, "Cluster", {
      engine,
      credentials: Credentials.fromUsername(username),
      manageMasterUserPassword: true,
      defaultDatabaseName: databaseName,
      port: MYSQL_PORT,
      ...instances(settings),
      vpc,
      vpcSubnets: { subnetType: dataTier(vpc) },
      securityGroups: [this.#securityGroup(vpc)],
      parameterGroup: new ParameterGroup(this, "Parameters", {
        engine,
        description: "TLS only",
        parameters: { require_secure_transport: "ON" },
      }),
      storageEncrypted: true,
      iamAuthentication: true,
      backup: { retention: Duration.days(settings.backupDays) },
      copyTagsToSnapshot: true,
      deletionProtection: settings.deletionProtection,
      removalPolicy: settings.keepData ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
      cloudwatchLogsExports: ["error"],
    });
    this.secret = this.cluster.secret!;
    acknowledge(this.cluster, {
      "AwsSolutions::AwsSolutions-RDS11":
        "Clients of MySQL expect 3306; who may connect is for the security groups to say.",
      "AwsSolutions::AwsSolutions-RDS14":
        "Point-in-time recovery is on; backtracking costs by the change record, whether it is used or not.",
      ...(settings.deletionProtection
        ? {}
        : { "AwsSolutions::AwsSolutions-RDS10": "A trial stage has to go away as it came." }),
    });
  }

  /** Nothing goes out of a database, and nothing comes in until somebody is let in. */
  #securityGroup(vpc: IVpc): SecurityGroup {
    return new SecurityGroup(this, "Group", {
      vpc,
      description: "The database",
      allowAllOutbound: false,
    });
  }
}

function instances(settings: DatabaseSettings) {
  const { readers, minCapacity, maxCapacity } = settings;
  return {
    writer: ClusterInstance.serverlessV2("Writer", { enablePerformanceInsights: true }),
    readers: Array.from({ length: readers }, (_, i) =>
      ClusterInstance.serverlessV2(`Reader${i + 1}`, {
        // The first one is as large as the writer at any time, so that a failover finds no cold cache.
        scaleWithWriter: i === 0,
        enablePerformanceInsights: true,
      }),
    ),
    serverlessV2MinCapacity: minCapacity,
    serverlessV2MaxCapacity: maxCapacity,
  };
}

/** Where there are subnets without a way out, the database belongs there. */
function dataTier(vpc: IVpc): SubnetType {
  return vpc.isolatedSubnets.length > 0
    ? SubnetType.PRIVATE_ISOLATED
    : SubnetType.PRIVATE_WITH_EGRESS;
}
