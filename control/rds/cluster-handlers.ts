import type * as sdk from "@aws-sdk/client-rds";
import type { NormalizedSchema } from "@smithy/core/schema";
import { randomUpper } from "../ground.ts";
import type { Handler } from "../service.ts";
import { echoed } from "./echo.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged, plainId } from "./fleet.ts";
import { LiveCluster } from "./live-cluster.ts";
import type { ClusterRecord, InstanceRecord } from "./records.ts";
import { tagsOf } from "./tag-handlers.ts";

const ENGINES: Readonly<Record<string, "mysql" | "mariadb">> = {
  "aurora-mysql": "mysql",
  mysql: "mysql",
  mariadb: "mariadb",
};

/** Which program serves an engine; throws for those that none does. */
export function engineOf(engine: string | undefined): "mysql" | "mariadb" {
  const found = ENGINES[engine ?? ""];
  if (found === undefined)
    throw FAULTS.parameter(
      `Invalid value '${engine}' for Engine: ${Object.keys(ENGINES).join(", ")} are served here`,
    );
  return found;
}

export function clusterHandlers(fleet: Fleet, shape: NormalizedSchema): Record<string, Handler> {
  return {
    CreateDBCluster: (input: sdk.CreateDBClusterMessage) => createCluster(fleet, input, shape),
    ModifyDBCluster: (input: sdk.ModifyDBClusterMessage) => modifyCluster(fleet, input, shape),
    DeleteDBCluster: (input: sdk.DeleteDBClusterMessage) => deleteCluster(fleet, input),
    FailoverDBCluster: (input: sdk.FailoverDBClusterMessage) => failover(fleet, input),
    DescribeDBClusters: (input: sdk.DescribeDBClustersMessage): sdk.DBClusterMessage => {
      const one = input.DBClusterIdentifier;
      const all = one === undefined ? [...fleet.clusters.values()] : [fleet.cluster(one)];
      const found = all.filter((cluster) => fits(fleet, cluster, input.Filters));
      const { items, more } = paged(found, input);
      return { DBClusters: items.map((cluster) => describeCluster(fleet, cluster)), ...more };
    },
  };
}

function fits(
  fleet: Fleet,
  cluster: ClusterRecord,
  filters: readonly sdk.Filter[] | undefined,
): boolean {
  const texts: Readonly<Record<string, string>> = {
    "db-cluster-id": cluster.id,
    "db-cluster-resource-id": cluster.resourceId,
    engine: cluster.engine,
  };
  return (filters ?? []).every(({ Name, Values }) => {
    const text = texts[Name ?? ""];
    if (text === undefined) throw FAULTS.parameter(`Unrecognized filter name: ${Name}`);
    return (Values ?? []).some((value) => value === text || value === fleet.arns.cluster(cluster));
  });
}

export function describeCluster(fleet: Fleet, cluster: ClusterRecord): sdk.DBCluster {
  const live = fleet.liveClusters.get(cluster.id);
  const running = live?.running ?? null;
  const servers = running?.instances() ?? [];
  const members = fleet.instancesOf(cluster.id);
  return {
    AvailabilityZones: [..."abc"].map((zone) => `${fleet.ground.region}${zone}`),
    ...cluster.echoed,
    DBClusterIdentifier: cluster.id,
    DbClusterResourceId: cluster.resourceId,
    DBClusterArn: fleet.arns.cluster(cluster),
    Status: live?.status ?? "creating",
    Engine: cluster.engine,
    EngineMode: "provisioned",
    ...(running === null
      ? {}
      : {
          EngineVersion: running.engineVersion,
          Endpoint: running.endpoint.host,
          ReaderEndpoint: running.readerEndpoint.host,
          Port: running.endpoint.port,
        }),
    MultiAZ: members.length > 1,
    MasterUsername: cluster.master.user,
    ...(cluster.database === null ? {} : { DatabaseName: cluster.database }),
    ...(cluster.masterSecretArn === null
      ? {}
      : {
          MasterUserSecret: { SecretArn: cluster.masterSecretArn, SecretStatus: "active" },
        }),
    IAMDatabaseAuthenticationEnabled: cluster.iamAuth,
    DeletionProtection: cluster.deletionProtection,
    DBClusterMembers: members.map((instance) => ({
      DBInstanceIdentifier: instance.id,
      IsClusterWriter: servers.find(({ id }) => id === instance.serverId)?.isWriter ?? false,
      DBClusterParameterGroupStatus: "in-sync",
      PromotionTier: instance.promotionTier,
    })),
    ClusterCreateTime: new Date(cluster.createdAt),
    TagList: [...(fleet.tags.get(fleet.arns.cluster(cluster)) ?? [])],
  };
}

function createCluster(
  fleet: Fleet,
  input: sdk.CreateDBClusterMessage,
  shape: NormalizedSchema,
): sdk.CreateDBClusterResult {
  const id = input.DBClusterIdentifier!.toLowerCase();
  engineOf(input.Engine);
  if (fleet.clusters.has(id)) throw FAULTS.clusterExists();
  const { user, password, secretArn } = masterOf(fleet, `cluster-${id}`, input);
  const cluster: ClusterRecord = {
    id,
    resourceId: `cluster-${randomUpper(26)}`,
    engine: input.Engine!,
    createdAt: fleet.ground.nowMs(),
    master: { user, password },
    masterSecretArn: secretArn,
    database: input.DatabaseName ?? null,
    iamAuth: input.EnableIAMDatabaseAuthentication ?? false,
    deletionProtection: input.DeletionProtection ?? false,
    isAdopted: false,
    echoed: echoed(input, shape),
  };
  const live = new LiveCluster(fleet, id);
  fleet.clusters.set(id, cluster);
  fleet.liveClusters.set(id, live);
  fleet.setTags(fleet.arns.cluster(cluster), tagsOf(input.Tags));
  const DBCluster = describeCluster(fleet, cluster);
  void live.resume();
  fleet.tellCluster(cluster, "creation", "DB cluster created");
  return { DBCluster };
}

interface MasterInput {
  readonly MasterUsername?: string | undefined;
  readonly MasterUserPassword?: string | undefined;
  readonly ManageMasterUserPassword?: boolean | undefined;
}

/** Who may do everything on the new servers. The password is in a secret if RDS is to manage it. */
function masterOf(
  fleet: Fleet,
  name: string,
  input: MasterInput,
): { user: string; password: string; secretArn: string | null } {
  const { MasterUsername: user, MasterUserPassword: given } = input;
  if (user === undefined)
    throw FAULTS.parameter("The parameter MasterUsername must be provided and must not be blank.");
  if (input.ManageMasterUserPassword !== true) {
    if (given === undefined)
      throw FAULTS.parameter(
        "The parameter MasterUserPassword must be provided and must not be blank.",
      );
    return { user, password: given, secretArn: null };
  }
  if (given !== undefined)
    throw FAULTS.combination(
      "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
    );
  const password = randomUpper(28);
  const secret = fleet.ports.vault.create(`rds!${name}`, {
    description: "The secret associated with the primary RDS DB cluster",
  });
  const text = JSON.stringify({ username: user, password });
  fleet.ports.vault.put(secret, { text, binary: null });
  return { user, password, secretArn: secret.arn };
}

async function modifyCluster(
  fleet: Fleet,
  input: sdk.ModifyDBClusterMessage,
  shape: NormalizedSchema,
): Promise<sdk.ModifyDBClusterResult> {
  const old = fleet.cluster(input.DBClusterIdentifier);
  const live = availableCluster(fleet, old);
  for (const name of ["NewDBClusterIdentifier", "EngineVersion", "Port"] as const)
    if (input[name] !== undefined)
      throw FAULTS.combination(`${name} of a local cluster can't be changed.`);
  const password = input.MasterUserPassword;
  if (password !== undefined) await live.setMaster(old.master.user, password);
  const cluster: ClusterRecord = {
    ...old,
    master: { ...old.master, ...(password === undefined ? {} : { password }) },
    iamAuth: input.EnableIAMDatabaseAuthentication ?? old.iamAuth,
    deletionProtection: input.DeletionProtection ?? old.deletionProtection,
    echoed: { ...old.echoed, ...echoed(input, shape) },
  };
  fleet.clusters.set(cluster.id, cluster);
  fleet.tellCluster(cluster, "configuration change", "DB cluster modified");
  return { DBCluster: describeCluster(fleet, cluster) };
}

export function availableCluster(fleet: Fleet, cluster: ClusterRecord): LiveCluster {
  const live = fleet.liveClusters.get(cluster.id);
  if (live?.status !== "available")
    throw FAULTS.clusterState(
      `DB cluster ${cluster.id} is not in the available state: ${live?.status ?? "creating"}`,
    );
  return live;
}

async function deleteCluster(
  fleet: Fleet,
  input: sdk.DeleteDBClusterMessage,
): Promise<sdk.DeleteDBClusterResult> {
  const cluster = fleet.cluster(input.DBClusterIdentifier);
  const live = availableCluster(fleet, cluster);
  if (cluster.isAdopted)
    throw FAULTS.clusterState(`DB cluster ${cluster.id} was not made here and can't be deleted.`);
  if (cluster.deletionProtection)
    throw FAULTS.combination(
      "Cannot delete protected Cluster, please disable deletion protection and try again.",
    );
  if (fleet.instancesOf(cluster.id).length > 0)
    throw FAULTS.clusterState(
      "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
    );
  if (input.SkipFinalSnapshot !== true)
    throw FAULTS.combination(
      "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified; there are no snapshots here.",
    );
  live.status = "deleting";
  const DBCluster = describeCluster(fleet, cluster);
  await live.stop();
  await fleet.ports.databases.forget(cluster.id);
  await forgetTarget(fleet, "cluster", cluster.id);
  fleet.clusters.delete(cluster.id);
  fleet.liveClusters.delete(cluster.id);
  fleet.setTags(fleet.arns.cluster(cluster), []);
  fleet.tellCluster(cluster, "deletion", "DB cluster deleted");
  return { DBCluster };
}

/** Proxies lose a target that is deleted. */
export async function forgetTarget(
  fleet: Fleet,
  kind: "cluster" | "instance",
  id: string,
): Promise<void> {
  for (const live of fleet.proxiesOn(kind, id)) {
    const proxy = fleet.proxy(live.name);
    const registrations = proxy.registrations.filter((each) => each.id !== id);
    fleet.proxies.set(proxy.name, { ...proxy, registrations });
    await live.refresh();
    fleet.tellProxy(
      proxy,
      "configuration change",
      `RDS detected deletion of DB ${kind} ${id} and automatically removed it from the target group`,
    );
  }
}

/** Answers at once, as AWS does; the cluster is `failing-over` until everything runs again. */
function failover(fleet: Fleet, input: sdk.FailoverDBClusterMessage): sdk.FailoverDBClusterResult {
  const cluster = fleet.cluster(input.DBClusterIdentifier);
  const live = availableCluster(fleet, cluster);
  const servers = live.running?.instances() ?? [];
  const target = targetOf(fleet, cluster, input.TargetDBInstanceIdentifier);
  const readers = servers.filter(({ isWriter, isRunning }) => isRunning && !isWriter);
  if (readers.length === 0)
    throw FAULTS.clusterState(`DB cluster ${cluster.id} has no reader to fail over to.`);
  if (target !== null && !readers.some(({ id }) => id === target.serverId))
    throw FAULTS.instanceState(target.id, "not a reader");
  void live.failOver(target);
  return { DBCluster: describeCluster(fleet, cluster) };
}

function targetOf(
  fleet: Fleet,
  cluster: ClusterRecord,
  id: string | undefined,
): InstanceRecord | null {
  if (id === undefined) return null;
  const found = fleet.instances.get(plainId(id));
  if (found?.clusterId === cluster.id) return found;
  throw FAULTS.parameter(`DB Instance ${id} is not a member of the DB cluster ${cluster.id}`);
}
