import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import * as rds from "@aws-sdk/client-rds";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { type Connection, createConnection } from "mysql2/promise";
import { afterEach, expect, test } from "vitest";
import { type AwsApi, startAwsApi } from "../../bin/aws/api.ts";
import { type AwsClients, awsClients } from "../support/aws-clients.ts";
import { until } from "../support/until.ts";

const MASTER = { user: "boss", password: "master of all" };
const policy = (...Statement: unknown[]) => JSON.stringify({ Version: "2012-10-17", Statement });

let folder: string;
let api: AwsApi | null = null;

afterEach(async () => {
  await api?.control.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<AwsClients> {
  api = await startAwsApi({
    port: 0,
    folder,
    dataDir: join(folder, "data"),
    promotionSeconds: 1,
    say: () => {},
    onLine: () => {},
  });
  return awsClients(api.control);
}

async function makeCluster(client: rds.RDSClient): Promise<void> {
  const DBClusterIdentifier = "kept";
  await client.send(
    new rds.CreateDBClusterCommand({
      DBClusterIdentifier,
      Engine: "aurora-mysql",
      MasterUsername: MASTER.user,
      MasterUserPassword: MASTER.password,
      DatabaseName: "shop",
    }),
  );
  for (const DBInstanceIdentifier of ["first", "second"]) {
    await until(async () => {
      const { DBClusters } = await client.send(new rds.DescribeDBClustersCommand({}));
      return DBClusters?.[0]?.Status === "available";
    });
    await client.send(
      new rds.CreateDBInstanceCommand({
        DBInstanceIdentifier,
        DBClusterIdentifier,
        DBInstanceClass: "db.t3.small",
        Engine: "aurora-mysql",
      }),
    );
    await until(
      async () => {
        const { DBInstances } = await client.send(
          new rds.DescribeDBInstancesCommand({ DBInstanceIdentifier }),
        );
        return DBInstances?.[0]?.DBInstanceStatus === "available";
      },
      { deadlineMs: 120_000 },
    );
  }
}

async function makeProxy({ iam, secrets, rds: client }: AwsClients): Promise<void> {
  const { ARN: SecretArn } = await secrets.send(
    new CreateSecretCommand({
      Name: "kept",
      SecretString: JSON.stringify({ username: MASTER.user, password: MASTER.password }),
    }),
  );
  const RoleName = "kept";
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: policy({
        Effect: "Allow",
        Principal: { Service: "rds.amazonaws.com" },
        Action: "sts:AssumeRole",
      }),
    }),
  );
  const read = { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: SecretArn };
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: "read", PolicyDocument: policy(read) }),
  );
  await client.send(
    new rds.CreateDBProxyCommand({
      DBProxyName: "kept",
      EngineFamily: "MYSQL",
      RoleArn: Role!.Arn!,
      VpcSubnetIds: ["subnet-0a", "subnet-0b"],
      Auth: [{ SecretArn: SecretArn! }],
    }),
  );
  await client.send(
    new rds.RegisterDBProxyTargetsCommand({ DBProxyName: "kept", DBClusterIdentifiers: ["kept"] }),
  );
}

async function untilServing(client: rds.RDSClient): Promise<string> {
  return until(
    async () => {
      const DBProxyName = "kept";
      const { Targets } = await client.send(new rds.DescribeDBProxyTargetsCommand({ DBProxyName }));
      const writer = Targets?.find(({ Role }) => Role === "READ_WRITE");
      if (writer?.TargetHealth?.State !== "AVAILABLE") return null;
      const { DBProxies } = await client.send(new rds.DescribeDBProxiesCommand({ DBProxyName }));
      return DBProxies?.[0]?.Endpoint ?? null;
    },
    { deadlineMs: 120_000 },
  );
}

function connect(host: string): Promise<Connection> {
  const ssl = { ca: readFileSync(api!.caFile) };
  return createConnection({ host, ...MASTER, database: "shop", ssl });
}

test("clusters and proxies that were made by the API are there again after a restart", async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-kept-"));
  const first = await start();
  await makeCluster(first.rds);
  await makeProxy(first);
  const endpoint = await untilServing(first.rds);
  const before = await connect(endpoint);
  await before.query("CREATE TABLE t (id INT PRIMARY KEY)");
  await before.query("INSERT INTO t VALUES (7)");
  await before.end();
  const { rootKey } = api!.control;
  await api!.control.stop();

  const second = await start();
  expect(api!.control.rootKey).toEqual(rootKey);
  expect(await untilServing(second.rds)).toBe(endpoint);
  const after = await connect(endpoint);
  const [rows] = await after.query("SELECT id FROM t");
  expect(rows).toEqual([{ id: 7 }]);
  await after.end();
  const { DBInstances } = await second.rds.send(new rds.DescribeDBInstancesCommand({}));
  expect(DBInstances?.map(({ DBInstanceStatus }) => DBInstanceStatus)).toEqual([
    "available",
    "available",
  ]);
}, 300_000);
