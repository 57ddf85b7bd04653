import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateDBProxyCommand,
  DescribeDBProxyTargetsCommand,
  RegisterDBProxyTargetsCommand,
} from "@aws-sdk/client-rds";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { Signer } from "@aws-sdk/rds-signer";
import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type AwsApi, startAwsApi } from "../../bin/aws/api.ts";
import { runningCluster } from "../../bin/aws/databases.ts";
import { type AuroraCluster, startAuroraCluster } from "../../local/index.ts";
import { type AwsClients, awsClients, type Signer as Key } from "../support/aws-clients.ts";
import { until } from "../support/until.ts";

const NAME = "iam-proxy";
const allow = (Action: string, Resource: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource }] });
const trust = (Principal: unknown) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }],
  });

describe("a proxy that asks for IAM tokens", () => {
  let folder: string;
  let aurora: AuroraCluster;
  let api: AwsApi;
  let clients: AwsClients;
  let endpoint: string;
  let proxyId: string;
  let key: Key;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-iam-"));
    aurora = await startAuroraCluster({ engine: "mysql", instances: 1, id: "solo" });
    api = await startAwsApi({ port: 0, folder, say: () => {}, onLine: () => {} });
    const { admin, application } = aurora.cluster.accounts;
    api.control.adoptCluster({
      id: "solo",
      engine: "aurora-mysql",
      running: runningCluster(aurora),
      master: admin,
      database: application.database,
    });
    clients = awsClients(api.control);
    const { iam, rds, secrets } = clients;
    const { ARN } = await secrets.send(
      new CreateSecretCommand({
        Name: "solo/app",
        SecretString: JSON.stringify({
          username: application.user,
          password: application.password,
        }),
      }),
    );
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName: "proxy",
        AssumeRolePolicyDocument: trust({ Service: "rds.amazonaws.com" }),
      }),
    );
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: "proxy",
        PolicyName: "read",
        PolicyDocument: allow("secretsmanager:GetSecretValue", ARN!),
      }),
    );
    const { DBProxy } = await rds.send(
      new CreateDBProxyCommand({
        DBProxyName: NAME,
        EngineFamily: "MYSQL",
        Auth: [{ AuthScheme: "SECRETS", SecretArn: ARN!, IAMAuth: "REQUIRED" }],
        RoleArn: Role!.Arn!,
        VpcSubnetIds: ["subnet-0a", "subnet-0b"],
        RequireTLS: true,
      }),
    );
    endpoint = DBProxy!.Endpoint!;
    proxyId = DBProxy!.DBProxyArn!.split(":").at(-1)!;
    await rds.send(
      new RegisterDBProxyTargetsCommand({ DBProxyName: NAME, DBClusterIdentifiers: ["solo"] }),
    );
    await until(async () => {
      const { Targets } = await rds.send(new DescribeDBProxyTargetsCommand({ DBProxyName: NAME }));
      return Targets?.[0]?.TargetHealth?.State === "AVAILABLE";
    });
    await iam.send(new CreateUserCommand({ UserName: "ann" }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ann" }));
    key = {
      accessKeyId: AccessKey!.AccessKeyId!,
      secretAccessKey: AccessKey!.SecretAccessKey!,
    };
    await iam.send(
      new PutUserPolicyCommand({
        UserName: "ann",
        PolicyName: "connect",
        PolicyDocument: allow(
          "rds-db:connect",
          `arn:aws:rds-db:us-east-1:123456789012:dbuser:${proxyId}/${application.user}`,
        ),
      }),
    );
  });
  afterAll(async () => {
    await api?.control.stop();
    await aurora?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  interface Claim {
    readonly hostname?: string;
    readonly username?: string;
    readonly port?: number;
    readonly region?: string;
    readonly credentials?: Key;
  }

  function token(claim: Claim = {}): Promise<string> {
    const { user } = aurora.cluster.accounts.application;
    return new Signer({
      hostname: endpoint,
      port: 3306,
      username: user,
      region: "us-east-1",
      credentials: key,
      ...claim,
    }).getAuthToken();
  }

  async function logIn(password: string): Promise<unknown> {
    const { user } = aurora.cluster.accounts.application;
    const connection = await createConnection({
      host: endpoint,
      user,
      password,
      ssl: { ca: readFileSync(api.caFile) },
      enableCleartextPlugin: true,
    });
    try {
      const [rows] = await connection.query("SELECT 1 AS one");
      return rows;
    } finally {
      await connection.end();
    }
  }

  test("lets in whom the policy allows, as often as the token is good", async () => {
    const one = await token();
    expect(await logIn(one)).toEqual([{ one: 1 }]);
    expect(await logIn(one)).toEqual([{ one: 1 }]);
    expect(await logIn(await token({ hostname: endpoint.toUpperCase() }))).toEqual([{ one: 1 }]);
  });

  test("lets in a role's session with its session token", async () => {
    const { iam, sts } = clients;
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName: "client",
        AssumeRolePolicyDocument: trust({ AWS: "123456789012" }),
      }),
    );
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({ RoleArn: Role!.Arn!, RoleSessionName: "test" }),
    );
    const credentials = {
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
    };
    await expect(logIn(await token({ credentials }))).rejects.toMatchObject({ errno: 1045 });
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: "client",
        PolicyName: "connect",
        PolicyDocument: allow(
          "rds-db:connect",
          `arn:aws:rds-db:us-east-1:123456789012:dbuser:${proxyId}/*`,
        ),
      }),
    );
    expect(await logIn(await token({ credentials }))).toEqual([{ one: 1 }]);
  });

  test.each<[string, () => Promise<string>]>([
    ["another user", () => token({ username: "root" })],
    ["another host", () => token({ hostname: "127.0.0.1" })],
    ["another port", () => token({ port: 3307 })],
    ["another region", () => token({ region: "eu-west-1" })],
    ["a key that nobody has", () => token({ credentials: { ...key, accessKeyId: "AKIANOBODY" } })],
    ["a wrong key", () => token({ credentials: { ...key, secretAccessKey: "wrong" } })],
    [
      "a token of 901 seconds ago",
      () => {
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 901_000 });
        return token().finally(() => vi.useRealTimers());
      },
    ],
    [
      "an edited token",
      async () => (await token()).replace("X-Amz-Expires=900", "X-Amz-Expires=899"),
    ],
    ["the password", async () => aurora.cluster.accounts.application.password],
  ])("refuses %s, with RDS Proxy's texts", async (_what, make) => {
    const { user } = aurora.cluster.accounts.application;
    const since = Date.now();
    await expect(logIn(await make())).rejects.toMatchObject({
      errno: 1045,
      sqlState: "28000",
      message: expect.stringMatching(
        new RegExp(`^Access denied for user '${user}'@'127\\..*' \\(using password: YES\\)$`),
      ),
    });
    const line = await until(async () => {
      const { events } = await clients.logs.send(
        new FilterLogEventsCommand({
          logGroupName: `/aws/rds/proxy/${NAME}`,
          startTime: since,
          filterPattern: '"Proxy authentication with IAM"',
        }),
      );
      return events?.at(-1)?.message;
    });
    expect(line).toContain(
      `Proxy authentication with IAM authentication failed for user "${user}" with TLS on. Reason: Invalid credentials. If you provide an IAM token, make sure to either use the correct password or enable IAM authentication.`,
    );
  });
});
