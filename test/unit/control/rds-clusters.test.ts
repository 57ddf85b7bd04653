import * as rds from "@aws-sdk/client-rds";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { describe, expect, it } from "vitest";
import { until } from "../../support/until.ts";
import { type Started, startControl } from "./control-plane-fixture.ts";
import { pretendCluster } from "./pretend-ports.ts";

const clusterInput = (DBClusterIdentifier = "c"): rds.CreateDBClusterMessage => ({
  DBClusterIdentifier,
  Engine: "aurora-mysql",
  MasterUsername: "admin",
  MasterUserPassword: "password",
});

const instanceInput = (DBInstanceIdentifier: string, DBClusterIdentifier = "c") =>
  new rds.CreateDBInstanceCommand({
    DBInstanceIdentifier,
    DBClusterIdentifier,
    DBInstanceClass: "db.t3.medium",
    Engine: "aurora-mysql",
  });

async function started(): Promise<Started & { readonly send: rds.RDSClient["send"] }> {
  const all = await startControl();
  return { ...all, send: all.clients.rds.send.bind(all.clients.rds) as rds.RDSClient["send"] };
}

type World = Awaited<ReturnType<typeof started>>;

async function clusterOf({ send }: World, DBClusterIdentifier = "c"): Promise<rds.DBCluster> {
  const { DBClusters } = await send(new rds.DescribeDBClustersCommand({ DBClusterIdentifier }));
  return DBClusters![0]!;
}

async function untilRunning({ send }: World, DBInstanceIdentifier: string): Promise<void> {
  await until(async () => {
    const { DBInstances } = await send(
      new rds.DescribeDBInstancesCommand({ DBInstanceIdentifier }),
    );
    return DBInstances?.[0]?.DBInstanceStatus === "available";
  });
}

/** A cluster with a writer and a reader. */
async function withCluster(): Promise<World> {
  const world = await started();
  await world.send(new rds.CreateDBClusterCommand(clusterInput()));
  await until(async () => (await clusterOf(world)).Status === "available");
  for (const id of ["writer", "reader"]) {
    await world.send(instanceInput(id));
    await untilRunning(world, id);
  }
  return world;
}

describe("a cluster", () => {
  it("is made of instances, which are real servers", async () => {
    const world = await withCluster();
    expect(world.databases.orders).toEqual([
      {
        id: "c",
        engine: "mysql",
        master: { user: "admin", password: "password" },
        database: null,
        maxConnections: 90,
        instances: 1,
      },
    ]);
    const cluster = await clusterOf(world);
    expect(cluster).toMatchObject({
      DBClusterIdentifier: "c",
      Status: "available",
      Engine: "aurora-mysql",
      EngineVersion: "9.7.0",
      Endpoint: "127.0.0.1",
      Port: 4000,
      MultiAZ: true,
      MasterUsername: "admin",
      DBClusterMembers: [
        { DBInstanceIdentifier: "writer", IsClusterWriter: true },
        { DBInstanceIdentifier: "reader", IsClusterWriter: false },
      ],
    });
    const { DBInstances } = await world.send(
      new rds.DescribeDBInstancesCommand({
        Filters: [{ Name: "db-cluster-id", Values: ["c"] }],
      }),
    );
    expect(DBInstances).toMatchObject([
      { DBInstanceIdentifier: "writer", Endpoint: { Address: "127.0.0.1", Port: 4002 } },
      { DBInstanceIdentifier: "reader", Endpoint: { Address: "127.0.0.1", Port: 4003 } },
    ]);
  });

  it("fails over, and says so while it does", async () => {
    const world = await withCluster();
    let done = () => {};
    world.databases.failingOver = new Promise<void>((resolve) => {
      done = resolve;
    });
    const failOver = new rds.FailoverDBClusterCommand({ DBClusterIdentifier: "c" });
    const { DBCluster } = await world.send(failOver);
    expect(DBCluster?.Status).toBe("failing-over");
    await expect(world.send(failOver)).rejects.toThrow(rds.InvalidDBClusterStateFault);
    done();
    await until(async () => (await clusterOf(world)).Status === "available");
    const writer = (await clusterOf(world)).DBClusterMembers?.find((each) => each.IsClusterWriter);
    expect(writer?.DBInstanceIdentifier).toBe("reader");
  });

  it("may leave its master's password to a secret", async () => {
    const world = await started();
    const { MasterUserPassword: _, ...rest } = clusterInput();
    const { DBCluster } = await world.send(
      new rds.CreateDBClusterCommand({ ...rest, ManageMasterUserPassword: true }),
    );
    const SecretId = DBCluster?.MasterUserSecret?.SecretArn;
    const got = await world.clients.secrets.send(new GetSecretValueCommand({ SecretId }));
    expect(JSON.parse(got.SecretString!)).toMatchObject({ username: "admin" });
  });

  it("is deleted after its instances, and its proxies lose their target", async () => {
    const world = await withCluster();
    const { send } = world;
    await send(
      new rds.CreateDBProxyCommand({
        DBProxyName: "p",
        EngineFamily: "MYSQL",
        RoleArn: "arn:aws:iam::123456789012:role/proxy",
        VpcSubnetIds: ["subnet-0a", "subnet-0b"],
        Auth: [{ SecretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf" }],
      }),
    );
    await send(
      new rds.RegisterDBProxyTargetsCommand({ DBProxyName: "p", DBClusterIdentifiers: ["c"] }),
    );
    const remove = new rds.DeleteDBClusterCommand({
      DBClusterIdentifier: "c",
      SkipFinalSnapshot: true,
    });
    await expect(send(remove)).rejects.toThrow(rds.InvalidDBClusterStateFault);
    for (const DBInstanceIdentifier of ["writer", "reader"]) {
      await send(new rds.DeleteDBInstanceCommand({ DBInstanceIdentifier }));
      await until(() =>
        send(new rds.DescribeDBInstancesCommand({ DBInstanceIdentifier })).then(
          () => false,
          (error: unknown) => error instanceof rds.DBInstanceNotFoundFault,
        ),
      );
    }
    await send(remove);
    expect(world.databases.forgotten).toEqual(["c"]);
    await expect(clusterOf(world)).rejects.toThrow(rds.DBClusterNotFoundFault);
    const { Targets } = await send(new rds.DescribeDBProxyTargetsCommand({ DBProxyName: "p" }));
    expect(Targets).toEqual([]);
    const { Events } = await send(
      new rds.DescribeEventsCommand({ SourceType: "db-proxy", SourceIdentifier: "p" }),
    );
    expect(Events?.at(-1)?.Message).toContain("detected deletion of DB cluster c");
  });

  it("that was not made here cannot be deleted", async () => {
    const world = await started();
    world.control.adoptCluster({
      id: "own",
      engine: "mysql",
      running: pretendCluster("own", 2),
      master: { user: "admin", password: "p" },
      database: null,
    });
    await expect(
      world.send(
        new rds.DeleteDBClusterCommand({ DBClusterIdentifier: "own", SkipFinalSnapshot: true }),
      ),
    ).rejects.toThrow(rds.InvalidDBClusterStateFault);
  });

  it("keeps what is asked for and nothing here acts on", async () => {
    const world = await started();
    const { DBCluster } = await world.send(
      new rds.CreateDBClusterCommand({
        ...clusterInput(),
        BackupRetentionPeriod: 7,
        StorageEncrypted: true,
        DeletionProtection: true,
      }),
    );
    expect(DBCluster).toMatchObject({
      BackupRetentionPeriod: 7,
      StorageEncrypted: true,
      DeletionProtection: true,
    });
    expect(JSON.stringify(DBCluster)).not.toContain("password");
    await until(async () => (await clusterOf(world)).Status === "available");
    await expect(
      world.send(
        new rds.DeleteDBClusterCommand({ DBClusterIdentifier: "c", SkipFinalSnapshot: true }),
      ),
    ).rejects.toMatchObject({ name: "InvalidParameterCombination" });
    await world.send(
      new rds.ModifyDBClusterCommand({ DBClusterIdentifier: "c", DeletionProtection: false }),
    );
    expect((await clusterOf(world)).DeletionProtection).toBe(false);
  });
});

type Attempt = (world: World) => Promise<unknown>;

describe("faults", () => {
  it.each<[string, string, new (...args: never[]) => Error, Attempt]>([
    [
      "CreateDBCluster",
      "a name that is taken",
      rds.DBClusterAlreadyExistsFault,
      ({ send }) => send(new rds.CreateDBClusterCommand(clusterInput("C"))),
    ],
    [
      "ModifyDBCluster",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) => send(new rds.ModifyDBClusterCommand({ DBClusterIdentifier: "none" })),
    ],
    [
      "DeleteDBCluster",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) => send(new rds.DeleteDBClusterCommand({ DBClusterIdentifier: "none" })),
    ],
    [
      "DescribeDBClusters",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) => send(new rds.DescribeDBClustersCommand({ DBClusterIdentifier: "none" })),
    ],
    [
      "FailoverDBCluster",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) => send(new rds.FailoverDBClusterCommand({ DBClusterIdentifier: "none" })),
    ],
    [
      "FailoverDBCluster",
      "a target that writes already",
      rds.InvalidDBInstanceStateFault,
      ({ send }) =>
        send(
          new rds.FailoverDBClusterCommand({
            DBClusterIdentifier: "c",
            TargetDBInstanceIdentifier: "writer",
          }),
        ),
    ],
    [
      "FailoverDBCluster",
      "no reader",
      rds.InvalidDBClusterStateFault,
      async (world) => {
        await world.send(new rds.CreateDBClusterCommand(clusterInput("d")));
        await until(async () => (await clusterOf(world, "d")).Status === "available");
        await world.send(new rds.FailoverDBClusterCommand({ DBClusterIdentifier: "d" }));
      },
    ],
    [
      "CreateDBInstance",
      "a name that is taken",
      rds.DBInstanceAlreadyExistsFault,
      ({ send }) => send(instanceInput("Writer")),
    ],
    [
      "CreateDBInstance",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) => send(instanceInput("x", "none")),
    ],
    [
      "DeleteDBInstance",
      "no such instance",
      rds.DBInstanceNotFoundFault,
      ({ send }) => send(new rds.DeleteDBInstanceCommand({ DBInstanceIdentifier: "none" })),
    ],
    [
      "RebootDBInstance",
      "no such instance",
      rds.DBInstanceNotFoundFault,
      ({ send }) => send(new rds.RebootDBInstanceCommand({ DBInstanceIdentifier: "none" })),
    ],
    [
      "DescribeDBInstances",
      "no such instance",
      rds.DBInstanceNotFoundFault,
      ({ send }) => send(new rds.DescribeDBInstancesCommand({ DBInstanceIdentifier: "none" })),
    ],
    [
      "AddTagsToResource",
      "no such proxy",
      rds.DBProxyNotFoundFault,
      ({ send }) =>
        send(
          new rds.AddTagsToResourceCommand({
            ResourceName: "arn:aws:rds:us-east-1:123456789012:db-proxy:prx-none",
            Tags: [{ Key: "a", Value: "1" }],
          }),
        ),
    ],
    [
      "ListTagsForResource",
      "no such target group",
      rds.DBProxyTargetGroupNotFoundFault,
      ({ send }) =>
        send(
          new rds.ListTagsForResourceCommand({
            ResourceName: "arn:aws:rds:us-east-1:123456789012:target-group:prx-tg-none",
          }),
        ),
    ],
    [
      "RemoveTagsFromResource",
      "no such cluster",
      rds.DBClusterNotFoundFault,
      ({ send }) =>
        send(
          new rds.RemoveTagsFromResourceCommand({
            ResourceName: "arn:aws:rds:us-east-1:123456789012:cluster:none",
            TagKeys: ["a"],
          }),
        ),
    ],
  ])("of %s: %s", async (_operation, _why, fault, attempt) => {
    await expect(attempt(await withCluster())).rejects.toThrow(fault);
  });

  it.each([
    ["an engine of another family", { Engine: "aurora-postgresql" }],
    ["no master", { MasterUsername: undefined }],
    ["a password that is too short", { MasterUserPassword: "short" }],
    ["a database with a hyphen", { DatabaseName: "a-b" }],
  ])("of values: %s", async (_what, wrong) => {
    const { send } = await started();
    await expect(
      send(new rds.CreateDBClusterCommand({ ...clusterInput(), ...wrong })),
    ).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("of an instance that is neither a member nor somewhere else", async () => {
    const { send } = await started();
    await expect(
      send(
        new rds.CreateDBInstanceCommand({
          DBInstanceIdentifier: "alone",
          DBInstanceClass: "db.t3.small",
          Engine: "mysql",
        }),
      ),
    ).rejects.toMatchObject({ name: "InvalidParameterCombination" });
  });
});
