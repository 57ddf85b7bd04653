/** The walk-through by the SDK for JavaScript: as walkthrough.sh, and with the same variables. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import * as rds from "@aws-sdk/client-rds";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Signer } from "@aws-sdk/rds-signer";
import { until } from "../support/until.ts";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const DBProxyName = given("PROXY");
const DBClusterIdentifier = given("DB_CLUSTER");
const client = new rds.RDSClient({});

function runClient(mode: string, endpoint: string, more: Record<string, string> = {}): void {
  const program = join(import.meta.dirname, "client.py");
  execFileSync("/usr/bin/python3", [program, mode, endpoint], {
    env: { ...process.env, ...more },
    stdio: ["ignore", "inherit", "inherit"],
  });
}

const policy = (...Statement: unknown[]) => JSON.stringify({ Version: "2012-10-17", Statement });

async function targets(): Promise<rds.DBProxyTarget[]> {
  const { Targets } = await client.send(new rds.DescribeDBProxyTargetsCommand({ DBProxyName }));
  return Targets ?? [];
}

async function writer(): Promise<string | null> {
  const found = (await targets()).find(
    ({ Role, TargetHealth }) => Role === "READ_WRITE" && TargetHealth?.State === "AVAILABLE",
  );
  return found?.RdsResourceId ?? null;
}

async function untilAvailable(): Promise<string> {
  return until(async () => {
    const { DBProxies } = await client.send(new rds.DescribeDBProxiesCommand({ DBProxyName }));
    const proxy = DBProxies?.[0];
    return proxy?.Status === "available" ? (proxy.Endpoint ?? null) : null;
  });
}

async function makeRole(secretArn: string): Promise<string> {
  const iam = new IAMClient({});
  const RoleName = `${DBProxyName}-role`;
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
  const read = { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArn };
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: "read", PolicyDocument: policy(read) }),
  );
  return Role!.Arn!;
}

async function setPool(ConnectionPoolConfig: rds.ConnectionPoolConfiguration): Promise<void> {
  await client.send(
    new rds.ModifyDBProxyTargetGroupCommand({
      DBProxyName,
      TargetGroupName: "default",
      ConnectionPoolConfig,
    }),
  );
}

async function received(): Promise<number> {
  const now = Date.now();
  const { Datapoints = [] } = await new CloudWatchClient({}).send(
    new GetMetricStatisticsCommand({
      Namespace: "AWS/RDS",
      MetricName: "ClientConnectionsReceived",
      Dimensions: [{ Name: "ProxyName", Value: DBProxyName }],
      StartTime: new Date(now - 600_000),
      EndTime: new Date(now + 60_000),
      Period: 3_600,
      Statistics: ["Sum"],
    }),
  );
  return Datapoints.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
}

async function makeProxy(SecretArn: string): Promise<string> {
  await client.send(
    new rds.CreateDBProxyCommand({
      DBProxyName,
      EngineFamily: "MYSQL",
      Auth: [{ AuthScheme: "SECRETS", SecretArn, IAMAuth: "DISABLED" }],
      RoleArn: await makeRole(SecretArn),
      VpcSubnetIds: ["subnet-0aaa", "subnet-0bbb", "subnet-0ccc"],
      VpcSecurityGroupIds: ["sg-0aaa"],
      RequireTLS: true,
    }),
  );
  await client.send(
    new rds.RegisterDBProxyTargetsCommand({
      DBProxyName,
      DBClusterIdentifiers: [DBClusterIdentifier],
    }),
  );
  const endpoint = await untilAvailable();
  await until(writer);
  return endpoint;
}

async function failOver(): Promise<void> {
  const before = await writer();
  console.log("before", before);
  await client.send(new rds.FailoverDBClusterCommand({ DBClusterIdentifier }));
  console.log("during", JSON.stringify((await targets()).map((each) => each.TargetHealth)));
  const after = await until(
    async () => {
      const now = await writer();
      return now === before ? null : now;
    },
    { deadlineMs: 60_000 },
  );
  console.log("after", after);
}

async function loginByToken(endpoint: string, SecretArn: string): Promise<void> {
  const username = given("DB_USER");
  const signer = new Signer({ hostname: endpoint, port: 3306, username, region: "us-east-1" });
  await client.send(
    new rds.ModifyDBProxyCommand({
      DBProxyName,
      Auth: [{ AuthScheme: "SECRETS", SecretArn, IAMAuth: "REQUIRED" }],
    }),
  );
  await untilAvailable();
  runClient("check", endpoint, { DB_PASSWORD: await signer.getAuthToken() });
}

const { ARN } = await new SecretsManagerClient({}).send(
  new CreateSecretCommand({
    Name: `${DBProxyName}/app`,
    SecretString: JSON.stringify({
      username: given("DB_USER"),
      password: given("DB_PASSWORD"),
    }),
  }),
);
const endpoint = await makeProxy(ARN!);
runClient("check", endpoint);
await setPool({
  MaxConnectionsPercent: 1,
  MaxIdleConnectionsPercent: 1,
  ConnectionBorrowTimeout: 1,
});
runClient("queue", endpoint);
await setPool({
  MaxConnectionsPercent: 75,
  MaxIdleConnectionsPercent: 50,
  ConnectionBorrowTimeout: 120,
  SessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"],
});
await failOver();
runClient("check", endpoint);
const clients = await received();
console.log("ClientConnectionsReceived", clients);
if (clients !== 4) throw new Error(`four clients have connected, not ${clients}`);
await loginByToken(endpoint, ARN!);
await client.send(new rds.DeleteDBProxyCommand({ DBProxyName }));
