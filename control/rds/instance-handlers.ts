import type * as sdk from "@aws-sdk/client-rds";
import type { NormalizedSchema } from "@smithy/core/schema";
import { randomUpper } from "../ground.ts";
import type { Address } from "../ports.ts";
import type { Handler } from "../service.ts";
import { availableCluster, engineOf, forgetTarget } from "./cluster-handlers.ts";
import { echoed } from "./echo.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged, plainId } from "./fleet.ts";
import type { InstanceRecord } from "./records.ts";
import { tagsOf } from "./tag-handlers.ts";

/** The tag that names a server which is there already: `host:port`. */
export const ADDRESS_TAG = "sluice:address";

export function instanceHandlers(fleet: Fleet, shape: NormalizedSchema): Record<string, Handler> {
  return {
    CreateDBInstance: (input: sdk.CreateDBInstanceMessage) => createInstance(fleet, input, shape),
    DeleteDBInstance: (input: sdk.DeleteDBInstanceMessage) => deleteInstance(fleet, input),
    RebootDBInstance: (input: sdk.RebootDBInstanceMessage): sdk.RebootDBInstanceResult => {
      const instance = availableInstance(fleet, input.DBInstanceIdentifier);
      if (input.ForceFailover === true)
        throw FAULTS.combination("Use FailoverDBCluster to fail a cluster over.");
      const { clusterId } = instance;
      if (clusterId === null)
        throw FAULTS.combination(
          "A server that was registered by its address is not ours to reboot.",
        );
      void fleet.liveClusters.get(clusterId)?.reboot(instance);
      return { DBInstance: describeInstance(fleet, instance) };
    },
    DescribeDBInstances: (input: sdk.DescribeDBInstancesMessage): sdk.DBInstanceMessage => {
      const one = input.DBInstanceIdentifier;
      const all = one === undefined ? [...fleet.instances.values()] : [fleet.instance(one)];
      const found = all.filter((instance) => fits(fleet, instance, input.Filters));
      const { items, more } = paged(found, input);
      return { DBInstances: items.map((each) => describeInstance(fleet, each)), ...more };
    },
  };
}

function fits(
  fleet: Fleet,
  instance: InstanceRecord,
  filters: readonly sdk.Filter[] | undefined,
): boolean {
  const texts: Readonly<Record<string, string>> = {
    "db-cluster-id": instance.clusterId ?? "",
    "db-instance-id": instance.id,
    "dbi-resource-id": instance.resourceId,
    engine: instance.engine,
  };
  return (filters ?? []).every(({ Name, Values }) => {
    const text = texts[Name ?? ""];
    if (text === undefined) throw FAULTS.parameter(`Unrecognized filter name: ${Name}`);
    return (Values ?? []).some(
      (value) => plainId(value) === text || value === fleet.arns.instance(instance),
    );
  });
}

export function describeInstance(fleet: Fleet, instance: InstanceRecord): sdk.DBInstance {
  const cluster = instance.clusterId === null ? null : fleet.clusters.get(instance.clusterId);
  const live = instance.clusterId === null ? null : fleet.liveClusters.get(instance.clusterId);
  const server = live?.running?.instances().find(({ id }) => id === instance.serverId);
  const address = instance.address ?? server?.address;
  const version = live?.running?.engineVersion;
  return {
    AvailabilityZone: `${fleet.ground.region}a`,
    ...instance.echoed,
    DBInstanceIdentifier: instance.id,
    DbiResourceId: instance.resourceId,
    DBInstanceArn: fleet.arns.instance(instance),
    DBInstanceStatus: statusOf(fleet, instance),
    DBInstanceClass: instance.instanceClass,
    Engine: instance.engine,
    ...(version === undefined ? {} : { EngineVersion: version }),
    ...(address === undefined ? {} : { Endpoint: { Address: address.host, Port: address.port } }),
    ...(instance.clusterId === null ? {} : { DBClusterIdentifier: instance.clusterId }),
    ...(cluster == null
      ? { MasterUsername: instance.monitor?.user }
      : {
          MasterUsername: cluster.master.user,
          PromotionTier: instance.promotionTier,
          IAMDatabaseAuthenticationEnabled: cluster.iamAuth,
        }),
    MultiAZ: false,
    InstanceCreateTime: new Date(instance.createdAt),
    TagList: [...(fleet.tags.get(fleet.arns.instance(instance)) ?? [])],
  };
}

function statusOf(fleet: Fleet, instance: InstanceRecord): string {
  if (instance.clusterId === null) return "available";
  const live = fleet.liveClusters.get(instance.clusterId);
  if (live === undefined || live.running === null)
    return live?.instanceStatus.get(instance.id) ?? "creating";
  return live.statusOf(instance);
}

function availableInstance(fleet: Fleet, id: string | undefined): InstanceRecord {
  const instance = fleet.instance(id);
  const status = statusOf(fleet, instance);
  if (status !== "available") throw FAULTS.instanceState(instance.id, status);
  return instance;
}

function createInstance(
  fleet: Fleet,
  input: sdk.CreateDBInstanceMessage,
  shape: NormalizedSchema,
): sdk.CreateDBInstanceResult {
  const id = input.DBInstanceIdentifier!.toLowerCase();
  engineOf(input.Engine);
  const tags = tagsOf(input.Tags);
  const address = addressIn(tags);
  const clusterId = input.DBClusterIdentifier?.toLowerCase() ?? null;
  if (fleet.instances.has(id)) throw FAULTS.instanceExists();
  if (clusterId === null && address === null)
    throw FAULTS.combination(
      `An instance is a member of a cluster (DBClusterIdentifier), or a server that is there already: its address is given by the tag ${ADDRESS_TAG}.`,
    );
  if (clusterId !== null && address !== null)
    throw FAULTS.combination(`${ADDRESS_TAG} is for instances without a cluster.`);
  const instance: InstanceRecord = {
    id,
    resourceId: `db-${randomUpper(26)}`,
    engine: input.Engine!,
    createdAt: fleet.ground.nowMs(),
    clusterId,
    serverId: null,
    address,
    monitor: monitorOf(input),
    instanceClass: input.DBInstanceClass!,
    promotionTier: input.PromotionTier ?? 1,
    echoed: echoed(input, shape),
  };
  if (clusterId !== null) {
    const cluster = fleet.cluster(clusterId);
    availableCluster(fleet, cluster);
    if (cluster.isAdopted && fleet.liveClusters.get(clusterId)?.running === null)
      throw FAULTS.clusterState(`DB cluster ${clusterId} does not run.`);
  }
  fleet.instances.set(id, instance);
  fleet.setTags(fleet.arns.instance(instance), tags);
  if (clusterId !== null) void fleet.liveClusters.get(clusterId)!.addInstance(id);
  return { DBInstance: describeInstance(fleet, instance) };
}

/** With whom a server is watched that was there before. */
function monitorOf({
  MasterUsername: user,
  MasterUserPassword: password,
}: sdk.CreateDBInstanceMessage): InstanceRecord["monitor"] {
  return user === undefined || password === undefined ? null : { user, password };
}

function addressIn(
  tags: readonly { readonly Key: string; readonly Value: string }[],
): Address | null {
  const text = tags.find(({ Key }) => Key === ADDRESS_TAG)?.Value;
  if (text === undefined) return null;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw FAULTS.parameter(`Invalid value '${text}' for ${ADDRESS_TAG}`);
  return { host: match[1] ?? match[2]!, port: Number(match[3] ?? 3306) };
}

async function deleteInstance(
  fleet: Fleet,
  input: sdk.DeleteDBInstanceMessage,
): Promise<sdk.DeleteDBInstanceResult> {
  const instance = fleet.instance(input.DBInstanceIdentifier);
  const status = statusOf(fleet, instance);
  if (status !== "available" && status !== "failed")
    throw FAULTS.instanceState(instance.id, status);
  const { clusterId } = instance;
  if (clusterId === null) {
    await forgetTarget(fleet, "instance", instance.id);
    const DBInstance = { ...describeInstance(fleet, instance), DBInstanceStatus: "deleting" };
    fleet.instances.delete(instance.id);
    fleet.setTags(fleet.arns.instance(instance), []);
    fleet.tellInstance(instance, "deletion", "DB instance deleted");
    return { DBInstance };
  }
  const isLast = fleet.instancesOf(clusterId).length === 1;
  if (isLast && fleet.cluster(clusterId).isAdopted)
    throw FAULTS.instanceState(instance.id, "the last one of a cluster that was not made here");
  if (isLast) await forgetTarget(fleet, "cluster", clusterId);
  void fleet.liveClusters.get(clusterId)!.removeInstance(instance);
  fleet.setTags(fleet.arns.instance(instance), []);
  return { DBInstance: describeInstance(fleet, instance) };
}
