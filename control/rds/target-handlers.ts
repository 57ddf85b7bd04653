import type * as sdk from "@aws-sdk/client-rds";
import type { TargetSight } from "../ports.ts";
import type { Handler } from "../service.ts";
import { describeGroup } from "./descriptions.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged, plainId } from "./fleet.ts";
import type { InstanceRecord, ProxyRecord, Registration } from "./records.ts";

export function targetHandlers(fleet: Fleet): Record<string, Handler> {
  return {
    DescribeDBProxyTargetGroups: (
      input: sdk.DescribeDBProxyTargetGroupsRequest,
    ): sdk.DescribeDBProxyTargetGroupsResponse => {
      const proxy = fleet.proxy(input.DBProxyName);
      fleet.checkGroup(input.TargetGroupName);
      const { items, more } = paged([proxy], input);
      return { TargetGroups: items.map((each) => describeGroup(fleet, each)), ...more };
    },
    ModifyDBProxyTargetGroup: (input: sdk.ModifyDBProxyTargetGroupRequest) =>
      modifyGroup(fleet, input),
    DescribeDBProxyTargets: (
      input: sdk.DescribeDBProxyTargetsRequest,
    ): sdk.DescribeDBProxyTargetsResponse => {
      const proxy = fleet.proxy(input.DBProxyName);
      fleet.checkGroup(input.TargetGroupName);
      const { items, more } = paged(targetsOf(fleet, proxy), input);
      return { Targets: items, ...more };
    },
    RegisterDBProxyTargets: (input: sdk.RegisterDBProxyTargetsRequest) => register(fleet, input),
    DeregisterDBProxyTargets: (input: sdk.DeregisterDBProxyTargetsRequest) =>
      deregister(fleet, input),
  };
}

/** A proxy that is still being made is waited for: scripts go on at once. */
async function whenReady(fleet: Fleet, name: string | undefined): Promise<ProxyRecord> {
  const proxy = fleet.proxy(name);
  const live = fleet.live(proxy.name);
  if (live.status === "deleting") throw FAULTS.proxyState(proxy.name, live.status);
  await live.settled();
  return fleet.availableProxy(name);
}

/** Answers when the pool is as it was asked to be. */
async function modifyGroup(
  fleet: Fleet,
  input: sdk.ModifyDBProxyTargetGroupRequest,
): Promise<sdk.ModifyDBProxyTargetGroupResponse> {
  fleet.proxy(input.DBProxyName);
  fleet.checkGroup(input.TargetGroupName);
  if (input.NewName !== undefined)
    throw FAULTS.parameter("The default target group can't be renamed");
  const proxy = await whenReady(fleet, input.DBProxyName);
  const pool = newPool(proxy.pool, input.ConnectionPoolConfig ?? {});
  const next = { ...proxy, pool, poolUpdatedAt: fleet.ground.nowMs() };
  fleet.proxies.set(proxy.name, next);
  const DBProxyTargetGroup = { ...describeGroup(fleet, next), Status: "modifying" };
  await fleet.live(proxy.name).refresh();
  return { DBProxyTargetGroup };
}

function newPool(
  old: ProxyRecord["pool"],
  given: sdk.ConnectionPoolConfiguration,
): ProxyRecord["pool"] {
  const { MaxConnectionsPercent: most, MaxIdleConnectionsPercent: idle } = given;
  if (idle !== undefined && most === undefined)
    throw FAULTS.combination(
      "If you specify MaxIdleConnectionsPercent, then you must also include a value for MaxConnectionsPercent.",
    );
  const maxConnectionsPercent = most ?? old.maxConnectionsPercent;
  const halved = most === undefined ? old.maxIdleConnectionsPercent : Math.floor(most / 2);
  const maxIdleConnectionsPercent = idle ?? halved;
  if (maxIdleConnectionsPercent > maxConnectionsPercent)
    throw FAULTS.parameter(
      `Invalid value '${idle}' for MaxIdleConnectionsPercent: it must not be above MaxConnectionsPercent`,
    );
  const filters = given.SessionPinningFilters;
  if (filters?.some((each) => each !== "EXCLUDE_VARIABLE_SETS") === true)
    throw FAULTS.parameter("Invalid value for SessionPinningFilters: EXCLUDE_VARIABLE_SETS only");
  return {
    maxConnectionsPercent,
    maxIdleConnectionsPercent,
    connectionBorrowTimeout: given.ConnectionBorrowTimeout ?? old.connectionBorrowTimeout,
    sessionPinningFilters:
      filters === undefined
        ? old.sessionPinningFilters
        : [...new Set(filters as "EXCLUDE_VARIABLE_SETS"[])],
    initQuery: given.InitQuery ?? old.initQuery,
  };
}

interface Named {
  readonly DBClusterIdentifiers?: readonly string[] | undefined;
  readonly DBInstanceIdentifiers?: readonly string[] | undefined;
}

function namedIn({ DBClusterIdentifiers, DBInstanceIdentifiers }: Named): Registration[] {
  return [
    ...(DBClusterIdentifiers ?? []).map((id) => ({ kind: "cluster" as const, id: plainId(id) })),
    ...(DBInstanceIdentifiers ?? []).map((id) => ({ kind: "instance" as const, id: plainId(id) })),
  ];
}

async function register(
  fleet: Fleet,
  input: sdk.RegisterDBProxyTargetsRequest,
): Promise<sdk.RegisterDBProxyTargetsResponse> {
  fleet.proxy(input.DBProxyName);
  fleet.checkGroup(input.TargetGroupName);
  const named = namedIn(input);
  const [first, ...others] = named;
  if (first === undefined)
    throw FAULTS.combination(
      "One of DBClusterIdentifiers and DBInstanceIdentifiers must name a target.",
    );
  for (const each of named) checkTarget(fleet, each);
  if (others.length > 0) throw FAULTS.parameter("A DB proxy can have one target only");
  const proxy = await whenReady(fleet, input.DBProxyName);
  if (proxy.registrations.length > 0) throw FAULTS.targetExists(first.id);
  const next = { ...proxy, registrations: [first] };
  fleet.proxies.set(proxy.name, next);
  await fleet.live(proxy.name).refresh();
  fleet.tellProxy(next, "configuration change", `RDS added ${first.id} to the target group`);
  return { DBProxyTargets: targetsOf(fleet, next) };
}

function checkTarget(fleet: Fleet, { kind, id }: Registration): void {
  if (kind === "cluster") {
    fleet.cluster(id);
    const live = fleet.liveClusters.get(id);
    if (live?.running == null || live.status === "creating" || live.status === "deleting")
      throw FAULTS.clusterState(`DB cluster ${id} is not available: it has no running instance`);
    return;
  }
  const instance = fleet.instance(id);
  if (instance.clusterId !== null)
    throw FAULTS.parameter(
      `DB Instance ${id} is a member of the cluster ${instance.clusterId}: register the cluster`,
    );
  if (instance.address === null) throw FAULTS.instanceState(id, "creating");
}

async function deregister(fleet: Fleet, input: sdk.DeregisterDBProxyTargetsRequest): Promise<void> {
  fleet.proxy(input.DBProxyName);
  fleet.checkGroup(input.TargetGroupName);
  const proxy = await whenReady(fleet, input.DBProxyName);
  const named = namedIn(input);
  const gone = named.length === 0 ? proxy.registrations : named;
  for (const { kind, id } of gone)
    if (!proxy.registrations.some((each) => each.kind === kind && each.id === id))
      throw FAULTS.targetNotFound(id);
  const registrations = proxy.registrations.filter(
    (each) => !gone.some(({ kind, id }) => each.kind === kind && each.id === id),
  );
  fleet.proxies.set(proxy.name, { ...proxy, registrations });
  await fleet.live(proxy.name).refresh();
  for (const { id } of gone)
    fleet.tellProxy(proxy, "configuration change", `RDS removed ${id} from the target group`);
}

/** A cluster is a row of its own beside its instances. */
export function targetsOf(fleet: Fleet, proxy: ProxyRecord): sdk.DBProxyTarget[] {
  const sights = fleet.live(proxy.name).running?.targets() ?? [];
  return proxy.registrations.flatMap(({ kind, id }) => {
    if (kind === "instance") {
      const instance = fleet.instances.get(id);
      return instance === undefined ? [] : [instanceRow(fleet, proxy, instance, sights[0] ?? null)];
    }
    const running = fleet.liveClusters.get(id)?.running;
    const rows = fleet.instancesOf(id).map((instance) => {
      const sight = sights.find((each) => each.id === instance.serverId) ?? null;
      return instanceRow(fleet, proxy, instance, sight);
    });
    const cluster: sdk.DBProxyTarget = {
      RdsResourceId: id,
      Port: running?.endpoint.port ?? 3306,
      Type: "TRACKED_CLUSTER",
    };
    return [...rows, cluster];
  });
}

function instanceRow(
  fleet: Fleet,
  proxy: ProxyRecord,
  instance: InstanceRecord,
  sight: TargetSight | null,
): sdk.DBProxyTarget {
  const address = sight?.address ?? addressOf(fleet, instance);
  return {
    ...(address === null ? {} : { Endpoint: address.host, Port: address.port }),
    ...(instance.clusterId === null ? {} : { TrackedClusterId: instance.clusterId }),
    RdsResourceId: instance.id,
    Type: "RDS_INSTANCE",
    Role: sight?.role ?? "UNKNOWN",
    TargetHealth: healthOf(fleet, proxy, sight),
  };
}

function addressOf(fleet: Fleet, { address, clusterId, serverId }: InstanceRecord) {
  const running = clusterId === null ? null : fleet.liveClusters.get(clusterId)?.running;
  return address ?? running?.instances().find(({ id }) => id === serverId)?.address ?? null;
}

function healthOf(fleet: Fleet, proxy: ProxyRecord, sight: TargetSight | null): sdk.TargetHealth {
  const { running } = fleet.live(proxy.name);
  if (running?.hasCredentials() === false)
    return {
      State: "UNAVAILABLE",
      Reason: "AUTH_FAILURE",
      Description: "Proxy does not have any registered credentials",
    };
  if (sight === null) return { State: "REGISTERING" };
  return {
    State: sight.state,
    ...(sight.reason === null ? {} : { Reason: sight.reason as sdk.TargetHealthReason }),
    ...(sight.description === null ? {} : { Description: sight.description }),
  };
}
