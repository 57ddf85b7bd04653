import * as rds from "@aws-sdk/client-rds";
import { describe, expect, it } from "vitest";
import { until } from "../../support/until.ts";
import { type Started, startControl } from "./control-plane-fixture.ts";
import { pretendCluster } from "./pretend-ports.ts";

const SUBNETS = ["subnet-0a", "subnet-0b"];
const SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf";

const proxyInput = (DBProxyName = "p"): rds.CreateDBProxyRequest => ({
  DBProxyName,
  EngineFamily: "MYSQL",
  RoleArn: "arn:aws:iam::123456789012:role/proxy",
  VpcSubnetIds: SUBNETS,
  Auth: [{ AuthScheme: "SECRETS", SecretArn: SECRET, IAMAuth: "DISABLED" }],
});

const endpointInput = (DBProxyEndpointName = "e"): rds.CreateDBProxyEndpointRequest => ({
  DBProxyName: "p",
  DBProxyEndpointName,
  VpcSubnetIds: SUBNETS,
});

async function started(): Promise<Started & { readonly send: rds.RDSClient["send"] }> {
  const all = await startControl();
  const { rds: client } = all.clients;
  return { ...all, send: client.send.bind(client) as rds.RDSClient["send"] };
}

type World = Awaited<ReturnType<typeof started>>;

async function untilAvailable({ send }: World, DBProxyName = "p"): Promise<rds.DBProxy> {
  return until(async () => {
    const { DBProxies } = await send(new rds.DescribeDBProxiesCommand({ DBProxyName }));
    return DBProxies?.[0]?.Status === "available" ? DBProxies[0] : null;
  });
}

/** A proxy that is available. */
async function withProxy(name = "p"): Promise<World> {
  const world = await started();
  await world.send(new rds.CreateDBProxyCommand(proxyInput(name)));
  await untilAvailable(world, name);
  return world;
}

function adopt({ control }: World, id = "c", count = 3): void {
  control.adoptCluster({
    id,
    engine: "aurora-mysql",
    running: pretendCluster(id, count),
    master: { user: "admin", password: "p" },
    database: null,
  });
}

describe("a proxy", () => {
  it("is creating, then available, then gone", async () => {
    const world = await started();
    let open = () => {};
    world.dataPlane.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { DBProxy: made } = await world.send(
      new rds.CreateDBProxyCommand({ ...proxyInput(), Tags: [{ Key: "a", Value: "1" }] }),
    );
    expect(made?.Status).toBe("creating");
    await expect(
      world.send(new rds.ModifyDBProxyCommand({ DBProxyName: "p", RequireTLS: true })),
    ).rejects.toThrow(rds.InvalidDBProxyStateFault);
    open();
    expect(await untilAvailable(world)).toMatchObject({
      DBProxyName: "p",
      EngineFamily: "MYSQL",
      Endpoint: "127.99.0.1",
      IdleClientTimeout: 1800,
      RequireTLS: false,
      DebugLogging: false,
      DefaultAuthScheme: "NONE",
      VpcSubnetIds: SUBNETS,
      Auth: [{ AuthScheme: "SECRETS", SecretArn: SECRET, IAMAuth: "DISABLED" }],
    });
    const tags = await world.send(
      new rds.ListTagsForResourceCommand({ ResourceName: made!.DBProxyArn! }),
    );
    expect(tags.TagList).toEqual([{ Key: "a", Value: "1" }]);
    await world.send(new rds.DeleteDBProxyCommand({ DBProxyName: "p" }));
    await until(async () => world.dataPlane.plan("p") === undefined);
    await until(() =>
      world.send(new rds.DescribeDBProxiesCommand({ DBProxyName: "p" })).then(
        () => false,
        (error: unknown) => error instanceof rds.DBProxyNotFoundFault,
      ),
    );
  });

  it("changes while it runs", async () => {
    const world = await withProxy();
    await world.send(
      new rds.ModifyDBProxyCommand({
        DBProxyName: "p",
        RequireTLS: true,
        IdleClientTimeout: 60,
        DebugLogging: true,
        Auth: [
          {
            AuthScheme: "SECRETS",
            SecretArn: SECRET,
            IAMAuth: "REQUIRED",
            ClientPasswordAuthType: "MYSQL_NATIVE_PASSWORD",
            Description: "of the app",
          },
        ],
      }),
    );
    await untilAvailable(world);
    expect(world.dataPlane.plan("p")).toMatchObject({
      requireTls: true,
      idleClientTimeout: 60,
      debugLogging: true,
      auth: [{ iamAuth: "REQUIRED", clientPasswordAuthType: "MYSQL_NATIVE_PASSWORD" }],
    });
    expect(world.dataPlane.proxies).toHaveLength(1);
    world.dataPlane.proxies[0]!.hooks.onDebugLoggingEnded();
    expect((await untilAvailable(world)).DebugLogging).toBe(false);
  });

  it("may get another name", async () => {
    const world = await withProxy();
    await world.send(new rds.ModifyDBProxyCommand({ DBProxyName: "p", NewDBProxyName: "q" }));
    await untilAvailable(world, "q");
    expect(world.dataPlane.plan("p")).toBeUndefined();
    expect(world.dataPlane.plan("q")).toBeDefined();
  });

  it("has one target group, whose pool changes at once", async () => {
    const world = await withProxy();
    const ask = new rds.DescribeDBProxyTargetGroupsCommand({ DBProxyName: "p" });
    const { TargetGroups } = await world.send(ask);
    expect(TargetGroups).toMatchObject([
      {
        TargetGroupName: "default",
        IsDefault: true,
        ConnectionPoolConfig: {
          MaxConnectionsPercent: 100,
          MaxIdleConnectionsPercent: 50,
          ConnectionBorrowTimeout: 120,
          SessionPinningFilters: [],
        },
      },
    ]);
    await world.send(
      new rds.ModifyDBProxyTargetGroupCommand({
        DBProxyName: "p",
        TargetGroupName: "default",
        ConnectionPoolConfig: {
          MaxConnectionsPercent: 75,
          ConnectionBorrowTimeout: 5,
          SessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"],
          InitQuery: "SET a=1",
        },
      }),
    );
    expect(world.dataPlane.plan("p")?.pool).toEqual({
      maxConnectionsPercent: 75,
      maxIdleConnectionsPercent: 37,
      connectionBorrowTimeout: 5,
      sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"],
      initQuery: "SET a=1",
    });
  });

  it("has targets: a cluster and its instances, with health", async () => {
    const world = await withProxy();
    adopt(world);
    const { DBProxyTargets } = await world.send(
      new rds.RegisterDBProxyTargetsCommand({ DBProxyName: "p", DBClusterIdentifiers: ["c"] }),
    );
    expect(DBProxyTargets).toHaveLength(4);
    expect(world.dataPlane.plan("p")?.target).toMatchObject({
      topology: "aurora",
      caFile: "ca.pem",
    });
    const ask = new rds.DescribeDBProxyTargetsCommand({ DBProxyName: "p" });
    expect((await world.send(ask)).Targets).toMatchObject([
      {
        RdsResourceId: "c-1",
        Type: "RDS_INSTANCE",
        Role: "READ_WRITE",
        TrackedClusterId: "c",
        TargetHealth: { State: "AVAILABLE" },
      },
      { RdsResourceId: "c-2", Role: "READ_ONLY" },
      { RdsResourceId: "c-3", Role: "READ_ONLY" },
      { RdsResourceId: "c", Type: "TRACKED_CLUSTER" },
    ]);
    world.dataPlane.credentials = false;
    expect((await world.send(ask)).Targets?.[0]?.TargetHealth).toEqual({
      State: "UNAVAILABLE",
      Reason: "AUTH_FAILURE",
      Description: "Proxy does not have any registered credentials",
    });
    await world.send(new rds.DeregisterDBProxyTargetsCommand({ DBProxyName: "p" }));
    expect((await world.send(ask)).Targets).toEqual([]);
    expect(world.dataPlane.plan("p")?.target).toBe(null);
  });

  it("may stand before a server that is there already", async () => {
    const world = await withProxy();
    await world.send(
      new rds.CreateDBInstanceCommand({
        DBInstanceIdentifier: "Old",
        DBInstanceClass: "db.own",
        Engine: "mysql",
        MasterUsername: "watch",
        MasterUserPassword: "watchword",
        Tags: [{ Key: "sluice:address", Value: "db.example:3307" }],
      }),
    );
    await world.send(
      new rds.RegisterDBProxyTargetsCommand({ DBProxyName: "p", DBInstanceIdentifiers: ["old"] }),
    );
    expect(world.dataPlane.plan("p")?.target).toEqual({
      topology: "static",
      hosts: [{ host: "db.example", port: 3307 }],
      instances: {},
      monitor: { user: "watch", password: "watchword" },
      caFile: null,
    });
  });

  it("has endpoints with addresses of their own", async () => {
    const world = await withProxy();
    adopt(world);
    await world.send(
      new rds.RegisterDBProxyTargetsCommand({ DBProxyName: "p", DBClusterIdentifiers: ["c"] }),
    );
    const { DBProxyEndpoint: made } = await world.send(
      new rds.CreateDBProxyEndpointCommand({ ...endpointInput(), TargetRole: "READ_ONLY" }),
    );
    expect(made).toMatchObject({ Status: "creating", Endpoint: "127.99.0.2", IsDefault: false });
    await untilAvailable(world);
    await world.send(
      new rds.ModifyDBProxyEndpointCommand({
        DBProxyEndpointName: "e",
        NewDBProxyEndpointName: "f",
      }),
    );
    await untilAvailable(world);
    expect(world.dataPlane.plan("p")?.endpoints).toMatchObject([
      { name: "default", role: "READ_WRITE" },
      { name: "f", role: "READ_ONLY", address: { host: "127.99.0.2", port: 3306 } },
    ]);
    const { DBProxyEndpoints } = await world.send(
      new rds.DescribeDBProxyEndpointsCommand({ DBProxyName: "p" }),
    );
    expect(DBProxyEndpoints?.map(({ IsDefault }) => IsDefault)).toEqual([true, false]);
    await world.send(new rds.DeleteDBProxyEndpointCommand({ DBProxyEndpointName: "f" }));
    await untilAvailable(world);
    expect(world.dataPlane.plan("p")?.endpoints).toHaveLength(1);
  });

  it("leaves events", async () => {
    const world = await withProxy();
    const { Events } = await world.send(
      new rds.DescribeEventsCommand({ SourceType: "db-proxy", SourceIdentifier: "p" }),
    );
    expect(Events).toMatchObject([
      { SourceType: "db-proxy", EventCategories: ["creation"], Message: "RDS created DB proxy" },
    ]);
  });

  it("is there again after a restart, on its address", async () => {
    const { mkdtemp, rm } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const folder = await mkdtemp(join(tmpdir(), "sluice-control-"));
    try {
      const stateFile = join(folder, "state.json");
      const first = await startControl({ stateFile });
      await first.clients.rds.send(new rds.CreateDBProxyCommand(proxyInput()));
      await first.control.stop();
      const second = await startControl({ stateFile });
      await until(() => second.dataPlane.plan("p") !== undefined);
      expect(second.dataPlane.plan("p")?.endpoints[0]?.address.host).toBe("127.99.0.1");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("is listed page by page", async () => {
    const world = await started();
    for (let i = 0; i < 20; i++)
      await world.send(new rds.CreateDBProxyCommand(proxyInput(`p${i}`)));
    await world.send(new rds.DeleteDBProxyCommand({ DBProxyName: "p19" }));
    await until(
      async () => (await world.send(new rds.DescribeDBProxiesCommand({}))).DBProxies?.length === 19,
    );
    for (let i = 0; i < 1; i++) await world.send(new rds.CreateDBProxyCommand(proxyInput("last")));
    const names: string[] = [];
    const pages = rds.paginateDescribeDBProxies({ client: world.clients.rds, pageSize: 20 }, {});
    for await (const { DBProxies } of pages)
      names.push(...(DBProxies ?? []).map(({ DBProxyName }) => DBProxyName!));
    expect(names).toHaveLength(20);
  });
});

type Attempt = (world: World) => Promise<unknown>;

/** Each fault of each operation on proxies, by what brings it about. */
const FAULTS: readonly (readonly [string, string, new (...args: never[]) => Error, Attempt])[] = [
  [
    "CreateDBProxy",
    "a name that is taken",
    rds.DBProxyAlreadyExistsFault,
    ({ send }) => send(new rds.CreateDBProxyCommand(proxyInput())),
  ],
  [
    "CreateDBProxy",
    "one subnet only",
    rds.InvalidSubnet,
    ({ send }) =>
      send(new rds.CreateDBProxyCommand({ ...proxyInput("q"), VpcSubnetIds: ["subnet-0a"] })),
  ],
  [
    "CreateDBProxy",
    "more than twenty",
    rds.DBProxyQuotaExceededFault,
    async ({ send }) => {
      for (let i = 0; i < 20; i++) await send(new rds.CreateDBProxyCommand(proxyInput(`p${i}`)));
    },
  ],
  [
    "ModifyDBProxy",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.ModifyDBProxyCommand({ DBProxyName: "none" })),
  ],
  [
    "ModifyDBProxy",
    "a new name that is taken",
    rds.DBProxyAlreadyExistsFault,
    async (world) => {
      await world.send(new rds.CreateDBProxyCommand(proxyInput("q")));
      await world.send(new rds.ModifyDBProxyCommand({ DBProxyName: "p", NewDBProxyName: "q" }));
    },
  ],
  [
    "DeleteDBProxy",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DeleteDBProxyCommand({ DBProxyName: "none" })),
  ],
  [
    "DescribeDBProxies",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DescribeDBProxiesCommand({ DBProxyName: "none" })),
  ],
  [
    "DescribeDBProxyTargetGroups",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DescribeDBProxyTargetGroupsCommand({ DBProxyName: "none" })),
  ],
  [
    "DescribeDBProxyTargetGroups",
    "no such group",
    rds.DBProxyTargetGroupNotFoundFault,
    ({ send }) =>
      send(
        new rds.DescribeDBProxyTargetGroupsCommand({ DBProxyName: "p", TargetGroupName: "none" }),
      ),
  ],
  [
    "ModifyDBProxyTargetGroup",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) =>
      send(
        new rds.ModifyDBProxyTargetGroupCommand({
          DBProxyName: "none",
          TargetGroupName: "default",
        }),
      ),
  ],
  [
    "ModifyDBProxyTargetGroup",
    "no such group",
    rds.DBProxyTargetGroupNotFoundFault,
    ({ send }) =>
      send(new rds.ModifyDBProxyTargetGroupCommand({ DBProxyName: "p", TargetGroupName: "none" })),
  ],
  [
    "DescribeDBProxyTargets",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DescribeDBProxyTargetsCommand({ DBProxyName: "none" })),
  ],
  [
    "DescribeDBProxyTargets",
    "no such group",
    rds.DBProxyTargetGroupNotFoundFault,
    ({ send }) =>
      send(new rds.DescribeDBProxyTargetsCommand({ DBProxyName: "p", TargetGroupName: "none" })),
  ],
  ...(
    [
      [
        "no such proxy",
        rds.DBProxyNotFoundFault,
        { DBProxyName: "none", DBClusterIdentifiers: ["c"] },
      ],
      [
        "no such group",
        rds.DBProxyTargetGroupNotFoundFault,
        { DBProxyName: "p", TargetGroupName: "none", DBClusterIdentifiers: ["c"] },
      ],
      [
        "no such cluster",
        rds.DBClusterNotFoundFault,
        { DBProxyName: "p", DBClusterIdentifiers: ["none"] },
      ],
      [
        "no such instance",
        rds.DBInstanceNotFoundFault,
        { DBProxyName: "p", DBInstanceIdentifiers: ["none"] },
      ],
    ] as const
  ).map(
    ([why, fault, input]) =>
      [
        "RegisterDBProxyTargets",
        why,
        fault,
        ({ send }: World) => {
          const { DBProxyName, ...rest } = input;
          return send(
            new rds.RegisterDBProxyTargetsCommand({
              DBProxyName,
              ...(JSON.parse(JSON.stringify(rest)) as object),
            }),
          );
        },
      ] as const,
  ),
  [
    "RegisterDBProxyTargets",
    "a second target",
    rds.DBProxyTargetAlreadyRegisteredFault,
    async (world) => {
      adopt(world);
      const register = new rds.RegisterDBProxyTargetsCommand({
        DBProxyName: "p",
        DBClusterIdentifiers: ["c"],
      });
      await world.send(register);
      await world.send(register);
    },
  ],
  [
    "RegisterDBProxyTargets",
    "a cluster without instances",
    rds.InvalidDBClusterStateFault,
    async ({ send }) => {
      await send(
        new rds.CreateDBClusterCommand({
          DBClusterIdentifier: "empty",
          Engine: "aurora-mysql",
          MasterUsername: "admin",
          MasterUserPassword: "password",
        }),
      );
      await send(
        new rds.RegisterDBProxyTargetsCommand({
          DBProxyName: "p",
          DBClusterIdentifiers: ["empty"],
        }),
      );
    },
  ],
  [
    "DeregisterDBProxyTargets",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DeregisterDBProxyTargetsCommand({ DBProxyName: "none" })),
  ],
  [
    "DeregisterDBProxyTargets",
    "no such group",
    rds.DBProxyTargetGroupNotFoundFault,
    ({ send }) =>
      send(new rds.DeregisterDBProxyTargetsCommand({ DBProxyName: "p", TargetGroupName: "none" })),
  ],
  [
    "DeregisterDBProxyTargets",
    "what is not registered",
    rds.DBProxyTargetNotFoundFault,
    ({ send }) =>
      send(
        new rds.DeregisterDBProxyTargetsCommand({ DBProxyName: "p", DBClusterIdentifiers: ["c"] }),
      ),
  ],
  [
    "CreateDBProxyEndpoint",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) =>
      send(new rds.CreateDBProxyEndpointCommand({ ...endpointInput(), DBProxyName: "none" })),
  ],
  [
    "CreateDBProxyEndpoint",
    "a name that is taken",
    rds.DBProxyEndpointAlreadyExistsFault,
    async (world) => {
      await world.send(new rds.CreateDBProxyEndpointCommand(endpointInput()));
      await untilAvailable(world);
      await world.send(new rds.CreateDBProxyEndpointCommand(endpointInput()));
    },
  ],
  [
    "CreateDBProxyEndpoint",
    "one subnet only",
    rds.InvalidSubnet,
    ({ send }) =>
      send(
        new rds.CreateDBProxyEndpointCommand({ ...endpointInput(), VpcSubnetIds: ["subnet-0a"] }),
      ),
  ],
  [
    "CreateDBProxyEndpoint",
    "more than twenty",
    rds.DBProxyEndpointQuotaExceededFault,
    async (world) => {
      for (let i = 0; i < 21; i++) {
        await untilAvailable(world);
        await world.send(new rds.CreateDBProxyEndpointCommand(endpointInput(`e${i}`)));
      }
    },
  ],
  [
    "DescribeDBProxyEndpoints",
    "no such proxy",
    rds.DBProxyNotFoundFault,
    ({ send }) => send(new rds.DescribeDBProxyEndpointsCommand({ DBProxyName: "none" })),
  ],
  [
    "DescribeDBProxyEndpoints",
    "no such endpoint",
    rds.DBProxyEndpointNotFoundFault,
    ({ send }) => send(new rds.DescribeDBProxyEndpointsCommand({ DBProxyEndpointName: "none" })),
  ],
  [
    "ModifyDBProxyEndpoint",
    "no such endpoint",
    rds.DBProxyEndpointNotFoundFault,
    ({ send }) => send(new rds.ModifyDBProxyEndpointCommand({ DBProxyEndpointName: "none" })),
  ],
  [
    "ModifyDBProxyEndpoint",
    "the default one",
    rds.InvalidDBProxyEndpointStateFault,
    ({ send }) => send(new rds.ModifyDBProxyEndpointCommand({ DBProxyEndpointName: "default" })),
  ],
  [
    "ModifyDBProxyEndpoint",
    "a new name that is taken",
    rds.DBProxyEndpointAlreadyExistsFault,
    async (world) => {
      for (const name of ["e", "f"]) {
        await world.send(new rds.CreateDBProxyEndpointCommand(endpointInput(name)));
        await untilAvailable(world);
      }
      await world.send(
        new rds.ModifyDBProxyEndpointCommand({
          DBProxyEndpointName: "e",
          NewDBProxyEndpointName: "f",
        }),
      );
    },
  ],
  [
    "DeleteDBProxyEndpoint",
    "no such endpoint",
    rds.DBProxyEndpointNotFoundFault,
    ({ send }) => send(new rds.DeleteDBProxyEndpointCommand({ DBProxyEndpointName: "none" })),
  ],
  [
    "DeleteDBProxyEndpoint",
    "the default one",
    rds.InvalidDBProxyEndpointStateFault,
    ({ send }) => send(new rds.DeleteDBProxyEndpointCommand({ DBProxyEndpointName: "default" })),
  ],
];

describe("faults", () => {
  it.each(FAULTS)("of %s: %s", async (_operation, _why, fault, attempt) => {
    const world = await withProxy();
    await expect(attempt(world)).rejects.toThrow(fault);
  });

  it("of everything on a proxy that is being made or deleted", async () => {
    const world = await withProxy();
    let open = () => {};
    world.dataPlane.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await world.send(new rds.CreateDBProxyCommand(proxyInput("q")));
    const DBProxyName = "q";
    const commands = [
      new rds.ModifyDBProxyCommand({ DBProxyName }),
      new rds.CreateDBProxyEndpointCommand({ ...endpointInput(), DBProxyName }),
    ] as unknown as rds.ModifyDBProxyCommand[];
    for (const command of commands)
      await expect(world.send(command)).rejects.toThrow(rds.InvalidDBProxyStateFault);
    await world.send(new rds.DeleteDBProxyCommand({ DBProxyName }));
    const others = [
      new rds.DeleteDBProxyCommand({ DBProxyName }),
      new rds.RegisterDBProxyTargetsCommand({ DBProxyName, DBClusterIdentifiers: ["c"] }),
      new rds.DeregisterDBProxyTargetsCommand({ DBProxyName }),
      new rds.ModifyDBProxyTargetGroupCommand({ DBProxyName, TargetGroupName: "default" }),
    ] as unknown as rds.DeleteDBProxyCommand[];
    adopt(world);
    for (const command of others)
      await expect(world.send(command)).rejects.toThrow(rds.InvalidDBProxyStateFault);
    open();
  });

  it("of a machine without a free address", async () => {
    const world = await withProxy();
    world.dataPlane.addressless = new Error("none");
    await expect(world.send(new rds.CreateDBProxyCommand(proxyInput("q")))).rejects.toThrow(
      rds.InsufficientAvailableIPsInSubnetFault,
    );
  });

  it.each([
    ["a name with a space", { DBProxyName: "a b" }],
    ["a name that ends with a hyphen", { DBProxyName: "a-" }],
    ["a name that is too long", { DBProxyName: "a".repeat(64) }],
    ["another family", { EngineFamily: "POSTGRESQL" }],
    ["a timeout of zero", { IdleClientTimeout: 0 }],
    ["a timeout that is too long", { IdleClientTimeout: 28_801 }],
    ["IAM towards the database", { DefaultAuthScheme: "IAM_AUTH" }],
    ["IAM for SQL Server", { Auth: [{ SecretArn: SECRET, IAMAuth: "ENABLED" }] }],
  ] as const)("of values: %s", async (_what, wrong) => {
    const { send } = await started();
    const input = { ...proxyInput(), ...wrong } as rds.CreateDBProxyRequest;
    await expect(send(new rds.CreateDBProxyCommand(input))).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  it.each([
    [{ MaxConnectionsPercent: 0 }, "InvalidParameterValue"],
    [{ MaxConnectionsPercent: 101 }, "InvalidParameterValue"],
    [{ MaxIdleConnectionsPercent: 5 }, "InvalidParameterCombination"],
    [{ MaxConnectionsPercent: 5, MaxIdleConnectionsPercent: 6 }, "InvalidParameterValue"],
    [{ ConnectionBorrowTimeout: 301 }, "InvalidParameterValue"],
    [{ SessionPinningFilters: ["ALL"] }, "InvalidParameterValue"],
  ])("of pool settings: %j", async (ConnectionPoolConfig, name) => {
    const { send } = await withProxy();
    await expect(
      send(
        new rds.ModifyDBProxyTargetGroupCommand({
          DBProxyName: "p",
          TargetGroupName: "default",
          ConnectionPoolConfig,
        }),
      ),
    ).rejects.toMatchObject({ name });
  });
});
