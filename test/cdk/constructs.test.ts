import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import { type IVpc, Port, SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { ContainerImage } from "aws-cdk-lib/aws-ecs";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseProxy,
  type IClusterEngine,
  ProxyTarget,
  SessionPinningFilter,
} from "aws-cdk-lib/aws-rds";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WordPressStack } from "../../examples/wordpress/wordpress-stack.ts";
import { PooledDatabase, SluiceProxy } from "../../lib/index.ts";
import type { Template } from "../../local/template/assembly.ts";
import { isAllowed, statementsOf } from "../../local/template/permissions.ts";
import { keyValues, mapsOf } from "../../local/template/system.ts";
import { Scene } from "./scene.ts";

const IMAGE = ContainerImage.fromRegistry(`example.org/sluice:${"0".repeat(64)}`);

let outdir = "";
beforeAll(async () => {
  outdir = await mkdtemp(join(tmpdir(), "sluice-constructs-"));
});
afterAll(() => rm(outdir, { recursive: true, force: true }));

/** One stack as somebody else would write it. */
function sceneOf(write: (stack: Stack, vpc: IVpc) => void): Scene {
  const app = new App({ outdir: join(outdir, String(Math.random())) });
  const stack = new Stack(app, "other");
  write(stack, new Vpc(stack, "Vpc") as IVpc);
  return synthesised(app);
}

function synthesised(app: App): Scene {
  const stacks = app.synth().stacks.map(({ stackName, template }) => ({
    name: stackName,
    template: template as Template,
  }));
  return new Scene(stacks);
}

function someCluster(
  stack: Stack,
  vpc: IVpc,
  engine: IClusterEngine = DatabaseClusterEngine.AURORA_MYSQL,
) {
  const cluster = new DatabaseCluster(stack, "Database", {
    engine,
    vpc,
    manageMasterUserPassword: true,
    writer: ClusterInstance.serverlessV2("Writer"),
  });
  return { cluster, secret: cluster.secret! };
}

/** What somebody has who uses RDS Proxy today. */
function propsOfToday(stack: Stack, vpc: IVpc) {
  const { cluster, secret } = someCluster(stack, vpc);
  return {
    proxyTarget: ProxyTarget.fromCluster(cluster),
    secrets: [secret],
    vpc,
    dbProxyName: "orders",
    borrowTimeout: Duration.seconds(30),
    maxConnectionsPercent: 80,
    maxIdleConnectionsPercent: 40,
    initQuery: "SET sql_mode = ''",
    sessionPinningFilters: [SessionPinningFilter.EXCLUDE_VARIABLE_SETS],
    requireTLS: false,
    idleClientTimeout: Duration.minutes(10),
    debugLogging: true,
  };
}

describe("SluiceProxy", () => {
  it("takes the props of RDS's DatabaseProxy as they are, and does what they say", () => {
    sceneOfRds();
    const { configuration } = sceneOf((stack, vpc) => {
      new SluiceProxy(stack, "Proxy", { ...propsOfToday(stack, vpc), image: IMAGE });
    });
    expect(configuration).toMatchObject({
      ok: true,
      spec: {
        name: "orders",
        requireTLS: false,
        debugLogging: true,
        idleClientTimeout: 600,
        pool: {
          // 80 % for four tasks, which are eight during a deployment.
          maxConnectionsPercent: 10,
          maxIdleConnectionsPercent: 5,
          connectionBorrowTimeout: 30,
          sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"],
          initQuery: "SET sql_mode = ''",
        },
      },
    });
  });

  it("lets clients in that are told to it, by either side's method, and lets them read the secret", () => {
    const scene = sceneOf((stack, vpc) => {
      const proxy = new SluiceProxy(stack, "Proxy", { ...propsOfToday(stack, vpc), image: IMAGE });
      const client = new SecurityGroup(stack, "Client", { vpc, allowAllOutbound: false });
      const other = new SecurityGroup(stack, "Other", { vpc, allowAllOutbound: false });
      proxy.connections.allowDefaultPortFrom(client);
      other.connections.allowToDefaultPort(proxy);
      proxy.connections.allowFrom(other, Port.tcp(proxy.addEndpoint("Reader").port));
      proxy.grantConnect(
        new Role(stack, "Reads", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }),
      );
    });
    const group = (id: string) =>
      scene.system.ofType("AWS::EC2::SecurityGroup").find((each) => each.id.startsWith(id))!.ref;
    const reaches = (from: string, port: number) =>
      scene.reach.canConnect([group(from)], scene.balancerGroups, port);
    expect([reaches("Client", 3306), reaches("Other", 3306), reaches("Other", 3307)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(reaches("Client", 3307)).toBe(false);
    const role = scene.system.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith("Reads"))!;
    const secret = scene.configuration.ok ? scene.configuration.spec.auth[0]!.credential : null;
    const arn = secret?.from === "secret" ? secret.secretArn : "";
    expect(isAllowed(statementsOf(scene.system, role), "secretsmanager:GetSecretValue", arn)).toBe(
      true,
    );
  });

  it.each([
    [{ iamAuth: true }, /iamAuth: only AWS holds the keys/],
    [{ secrets: [] }, /one secret is needed/],
    [{ maxConnectionsPercent: 101 }, /1 to 100/],
    [{ maxConnectionsPercent: 5 }, /cannot be split over 4 tasks/],
    [{ minTasks: 5, maxTasks: 4 }, /minTasks/],
  ])("refuses %o, with the reason", (change, problem) => {
    const write = (stack: Stack, vpc: IVpc) =>
      new SluiceProxy(stack, "Proxy", { ...propsOfToday(stack, vpc), image: IMAGE, ...change });
    expect(() => sceneOf(write)).toThrow(problem);
  });

  it("refuses a database that does not speak MySQL", () => {
    const write = (stack: Stack, vpc: IVpc) => {
      const { cluster, secret } = someCluster(
        stack,
        vpc,
        DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
      );
      new SluiceProxy(stack, "Proxy", {
        proxyTarget: ProxyTarget.fromCluster(cluster),
        secrets: [secret],
        vpc,
        image: IMAGE,
      });
    };
    expect(() => sceneOf(write)).toThrow(/engine family is POSTGRESQL/);
  });
});

/** That the same props are RDS's, the compiler and CDK say. */
function sceneOfRds(): void {
  const app = new App({ outdir: join(outdir, "rds") });
  const stack = new Stack(app, "rds");
  new DatabaseProxy(stack, "Proxy", propsOfToday(stack, new Vpc(stack, "Vpc") as IVpc));
  expect(Object.keys(app.synth().stacks[0]!.template.Resources).length).toBeGreaterThan(10);
}

describe("PooledDatabase", () => {
  it("is database, secret and proxy: clients reach the proxy only", () => {
    const scene = sceneOf((stack, vpc) => {
      const database = new PooledDatabase(stack, "Data", {
        vpc,
        proxy: { image: IMAGE, minTasks: 1 },
      });
      const client = new SecurityGroup(stack, "Client", { vpc });
      database.connections.allowDefaultPortFrom(client);
    });
    const client = scene.system
      .ofType("AWS::EC2::SecurityGroup")
      .find(({ id }) => id.startsWith("Client"))!.ref;
    expect(scene.reach.canConnect([client], scene.balancerGroups, 3306)).toBe(true);
    expect(scene.reach.canConnect([client], scene.databaseGroups, 3306)).toBe(false);
    expect(scene.reach.canConnect(scene.taskGroups, scene.databaseGroups, 3306)).toBe(true);
    expect(scene.configuration).toMatchObject({ ok: true, warnings: [] });
  });
});

describe("SluiceSidecar, beside WordPress", () => {
  let scene: Scene;
  beforeAll(() => {
    const app = new App({ outdir: join(outdir, "wordpress") });
    const network = new Stack(app, "network");
    new WordPressStack(app, "wordpress", { vpc: new Vpc(network, "Vpc") as IVpc });
    scene = synthesised(app);
  });

  const application = () =>
    mapsOf(scene.task.properties["ContainerDefinitions"]).find(
      (each) => each["Name"] === "wordpress",
    )!;

  it("is where the application looks for its database", () => {
    expect(keyValues(application()["Environment"])["WORDPRESS_DB_HOST"]).toBe("127.0.0.1:6033");
    expect(keyValues(scene.container["Environment"])["SLUICE_LISTEN_HOST"]).toBe("127.0.0.1");
  });

  it("is healthy before the application starts, and stopped after it", () => {
    expect(application()["DependsOn"]).toEqual([{ Condition: "HEALTHY", ContainerName: "sluice" }]);
    expect(scene.container).toMatchObject({ Essential: true, StopTimeout: 120 });
  });

  it("opens no port to anybody else", () => {
    expect(scene.container["PortMappings"] ?? []).toEqual([]);
  });

  it("reaches the database with the task's own address, and shares its connections fairly", () => {
    expect(scene.reach.canConnect(scene.taskGroups, scene.databaseGroups, 3306)).toBe(true);
    expect(scene.configuration).toMatchObject({
      ok: true,
      spec: { pool: { maxConnectionsPercent: 11 } },
    });
  });
});
