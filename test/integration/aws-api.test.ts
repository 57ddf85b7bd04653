import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetMetricStatisticsCommand, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import { FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateRoleCommand,
  DeleteRolePolicyCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateDBProxyCommand,
  CreateDBProxyEndpointCommand,
  type DBProxyTarget,
  DeleteDBProxyCommand,
  DescribeDBClustersCommand,
  DescribeDBProxiesCommand,
  DescribeDBProxyTargetsCommand,
  DescribeEventsCommand,
  FailoverDBClusterCommand,
  ModifyDBProxyCommand,
  ModifyDBProxyTargetGroupCommand,
  RegisterDBProxyTargetsCommand,
} from "@aws-sdk/client-rds";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AwsApi, startAwsApi } from "../../bin/aws/api.ts";
import { runningCluster } from "../../bin/aws/databases.ts";
import { type AuroraCluster, startAuroraCluster } from "../../local/index.ts";
import { awsClients } from "../support/aws-clients.ts";
import { until } from "../support/until.ts";

const NAME = "app-proxy";
const ROLE = "proxy-role";
const SUBNETS = ["subnet-0aaa", "subnet-0bbb", "subnet-0ccc"];

describe("the walk-through by the SDK", () => {
  let folder: string;
  let aurora: AuroraCluster;
  let api: AwsApi;
  let clients: ReturnType<typeof awsClients>;
  let secretArn: string;
  let endpoint: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-aws-"));
    aurora = await startAuroraCluster({
      engine: "mysql",
      instances: 3,
      id: "demo",
      // One percent of these is one.
      settings: { max_connections: 100 },
    });
    api = await startAwsApi({
      port: 0,
      folder,
      promotionSeconds: 1,
      say: () => {},
      onLine: () => {},
    });
    const { accounts } = aurora.cluster;
    api.control.adoptCluster({
      id: "demo",
      engine: "aurora-mysql",
      running: runningCluster(aurora, 1),
      master: accounts.admin,
      database: accounts.application.database,
    });
    clients = awsClients(api.control);
  });
  afterAll(async () => {
    await api?.control.stop();
    await aurora?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function connect(host = endpoint): Promise<Connection> {
    const { user, password, database } = aurora.cluster.accounts.application;
    const ssl = { ca: readFileSync(api.caFile) };
    return createConnection({ host, user, password, database, ssl });
  }

  async function targets(): Promise<DBProxyTarget[]> {
    const { Targets = [] } = await clients.rds.send(
      new DescribeDBProxyTargetsCommand({ DBProxyName: NAME }),
    );
    return Targets;
  }

  async function untilAvailable(): Promise<void> {
    await until(async () => {
      const { DBProxies } = await clients.rds.send(
        new DescribeDBProxiesCommand({ DBProxyName: NAME }),
      );
      return DBProxies?.[0]?.Status === "available";
    });
  }

  const writers = (found: readonly DBProxyTarget[]) =>
    found
      .filter(
        ({ Role, TargetHealth }) => Role === "READ_WRITE" && TargetHealth?.State === "AVAILABLE",
      )
      .map(({ RdsResourceId }) => RdsResourceId);

  test("makes a secret and a role, and a proxy that listens", async () => {
    const { user, password } = aurora.cluster.accounts.application;
    const { ARN } = await clients.secrets.send(
      new CreateSecretCommand({
        Name: "demo/app",
        SecretString: JSON.stringify({
          username: user,
          password,
          engine: "mysql",
          ...aurora.endpoint,
          dbClusterIdentifier: "demo",
        }),
      }),
    );
    secretArn = ARN!;
    const { Role } = await clients.iam.send(
      new CreateRoleCommand({
        RoleName: ROLE,
        AssumeRolePolicyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Principal: { Service: "rds.amazonaws.com" },
              Action: "sts:AssumeRole",
            },
          ],
        }),
      }),
    );
    const made = await clients.rds.send(
      new CreateDBProxyCommand({
        DBProxyName: NAME,
        EngineFamily: "MYSQL",
        Auth: [{ AuthScheme: "SECRETS", SecretArn: secretArn, IAMAuth: "DISABLED" }],
        RoleArn: Role!.Arn!,
        VpcSubnetIds: SUBNETS,
        VpcSecurityGroupIds: ["sg-0aaa"],
        RequireTLS: true,
        DebugLogging: true,
      }),
    );
    expect(made.DBProxy).toMatchObject({ Status: "creating", EngineFamily: "MYSQL" });
    expect(made.DBProxy?.DBProxyArn).toMatch(/:db-proxy:prx-[0-9a-f]{17}$/);
    endpoint = made.DBProxy!.Endpoint!;
    await untilAvailable();
  });

  test("says so where the role may not read the secret, and takes it up when it may", async () => {
    await clients.rds.send(
      new RegisterDBProxyTargetsCommand({ DBProxyName: NAME, DBClusterIdentifiers: ["demo"] }),
    );
    const [first] = await targets();
    expect(first?.TargetHealth).toMatchObject({
      State: "UNAVAILABLE",
      Reason: "AUTH_FAILURE",
      Description: "Proxy does not have any registered credentials",
    });
    const { events } = await clients.logs.send(
      new FilterLogEventsCommand({
        logGroupName: `/aws/rds/proxy/${NAME}`,
        filterPattern: "Credentials",
      }),
    );
    expect(events?.[0]?.message).toContain(
      `Credentials couldn't be retrieved. The IAM role "arn:aws:iam::123456789012:role/${ROLE}" is not authorized to read the AWS Secrets Manager secret with the ARN "${secretArn}"`,
    );
    await clients.iam.send(
      new PutRolePolicyCommand({
        RoleName: ROLE,
        PolicyName: "secrets",
        PolicyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArn },
            {
              Effect: "Allow",
              Action: "kms:Decrypt",
              Resource: "*",
              Condition: {
                StringEquals: { "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com" },
              },
            },
          ],
        }),
      }),
    );
    // Any change of the proxy has its secrets read anew.
    await clients.rds.send(new ModifyDBProxyCommand({ DBProxyName: NAME, IdleClientTimeout: 900 }));
    await until(async () => writers(await targets()).length === 1);
    await untilAvailable();
    const found = await targets();
    expect(found.map(({ Type }) => Type).sort()).toEqual([
      "RDS_INSTANCE",
      "RDS_INSTANCE",
      "RDS_INSTANCE",
      "TRACKED_CLUSTER",
    ]);
  });

  test("gives an endpoint that a driver takes as it stands", async () => {
    const connection = await connect();
    try {
      const [rows] = await connection.query("SELECT @@aurora_server_id AS id");
      expect(rows).toEqual([{ id: "demo-1" }]);
    } finally {
      await connection.end();
    }
    const { user, password } = aurora.cluster.accounts.application;
    await expect(createConnection({ host: endpoint, user, password })).rejects.toMatchObject({
      errno: 3159,
    });
  });

  test("has an endpoint for readers", async () => {
    const { DBProxyEndpoint: made } = await clients.rds.send(
      new CreateDBProxyEndpointCommand({
        DBProxyName: NAME,
        DBProxyEndpointName: "readers",
        VpcSubnetIds: SUBNETS,
        TargetRole: "READ_ONLY",
      }),
    );
    await untilAvailable();
    const connection = await connect(made!.Endpoint!);
    try {
      const [rows] = await connection.query("SELECT @@innodb_read_only AS ro");
      expect(rows).toEqual([{ ro: 1 }]);
    } finally {
      await connection.end();
    }
  });

  test("changes the pool under a client that stays", async () => {
    const [first, second] = [await connect(), await connect()];
    try {
      await first.query("SELECT 1");
      await second.query("SELECT 1");
      await clients.rds.send(
        new ModifyDBProxyTargetGroupCommand({
          DBProxyName: NAME,
          TargetGroupName: "default",
          ConnectionPoolConfig: {
            MaxConnectionsPercent: 1,
            MaxIdleConnectionsPercent: 1,
            ConnectionBorrowTimeout: 1,
            SessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"],
          },
        }),
      );
      await first.query("START TRANSACTION");
      await first.query("SELECT 1");
      await expect(second.query("SELECT 1")).rejects.toMatchObject({ errno: 9501 });
      await first.query("COMMIT");
      await first.query("SELECT 1");
    } finally {
      first.destroy();
      second.destroy();
    }
    await clients.rds.send(
      new ModifyDBProxyTargetGroupCommand({
        DBProxyName: NAME,
        TargetGroupName: "default",
        ConnectionPoolConfig: {
          MaxConnectionsPercent: 75,
          MaxIdleConnectionsPercent: 50,
          ConnectionBorrowTimeout: 120,
        },
      }),
    );
  });

  test("shows the proxy's own numbers", async () => {
    const connection = await connect();
    try {
      await connection.query("SELECT 1");
      const statistics = async (MetricName: string) => {
        const now = Date.now();
        const { Datapoints } = await clients.cloudwatch.send(
          new GetMetricStatisticsCommand({
            Namespace: "AWS/RDS",
            MetricName,
            Dimensions: [{ Name: "ProxyName", Value: NAME }],
            StartTime: new Date(now - 600_000),
            EndTime: new Date(now + 60_000),
            Period: 60,
            Statistics: ["Sum", "Maximum", "Average"],
          }),
        );
        return Datapoints ?? [];
      };
      const open = await statistics("ClientConnections");
      expect(open.at(-1)?.Sum).toBe(1);
      expect(open.at(-1)?.Unit).toBe("Count");
      const queries = await statistics("QueryRequests");
      expect(queries.reduce((sum, { Sum = 0 }) => sum + Sum, 0)).toBeGreaterThan(5);
      const latency = await statistics("QueryDatabaseResponseLatency");
      expect(latency.at(-1)?.Average).toBeGreaterThan(0);
      const { Metrics = [] } = await clients.cloudwatch.send(
        new ListMetricsCommand({
          Namespace: "AWS/RDS",
          Dimensions: [{ Name: "ProxyName", Value: NAME }],
        }),
      );
      expect(new Set(Metrics.map((metric) => metric.MetricName)).size).toBeGreaterThan(20);
    } finally {
      await connection.end();
    }
  });

  test("fails the real cluster over", async () => {
    const [before] = writers(await targets());
    expect(before).toBe("demo-1");
    const connection = await connect();
    try {
      await connection.query("SELECT 1");
      await clients.rds.send(
        new FailoverDBClusterCommand({
          DBClusterIdentifier: "demo",
          TargetDBInstanceIdentifier: "demo-3",
        }),
      );
      const during = await targets();
      expect(during).toHaveLength(4);
      const status = async () =>
        (await clients.rds.send(new DescribeDBClustersCommand({ DBClusterIdentifier: "demo" })))
          .DBClusters?.[0];
      expect((await status())?.Status).toBe("failing-over");
      await until(async () => writers(await targets()).length === 0);
      // An idle client notices nothing: its next statement waits for the new writer.
      const [rows] = await connection.query(
        "SELECT @@aurora_server_id AS id, @@innodb_read_only AS ro",
      );
      expect(rows).toEqual([{ id: "demo-3", ro: 0 }]);
      await until(async () => (await status())?.Status === "available");
      await until(async () => writers(await targets())[0] === "demo-3");
      const members = (await status())?.DBClusterMembers ?? [];
      expect(
        members
          .filter(({ IsClusterWriter }) => IsClusterWriter)
          .map((each) => each.DBInstanceIdentifier),
      ).toEqual(["demo-3"]);
    } finally {
      connection.destroy();
    }
    const { Events = [] } = await clients.rds.send(
      new DescribeEventsCommand({ SourceType: "db-cluster", SourceIdentifier: "demo" }),
    );
    expect(Events.map(({ Message }) => Message)).toEqual([
      "Started cross AZ failover to DB instance: demo-3",
      "Completed failover to DB instance: demo-3",
    ]);
  });

  test("closes what is deleted", async () => {
    await clients.iam.send(new DeleteRolePolicyCommand({ RoleName: ROLE, PolicyName: "secrets" }));
    const { DBProxy } = await clients.rds.send(new DeleteDBProxyCommand({ DBProxyName: NAME }));
    expect(DBProxy?.Status).toBe("deleting");
    await until(async () => {
      const { DBProxies } = await clients.rds.send(new DescribeDBProxiesCommand({}));
      return DBProxies?.length === 0;
    });
    await expect(connect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
