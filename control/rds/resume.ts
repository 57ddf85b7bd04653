import { randomUpper } from "../ground.ts";
import type { RunningCluster } from "../ports.ts";
import type { Fleet } from "./fleet.ts";
import { LiveCluster } from "./live-cluster.ts";
import { LiveProxy } from "./live-proxy.ts";

/** Starts again what was there when the state was written down: clusters first, as proxies need them. */
export async function resumeFleet(fleet: Fleet): Promise<void> {
  const clusters = [...fleet.clusters.values()].filter(({ isAdopted }) => !isAdopted);
  for (const { id } of clusters) fleet.liveClusters.set(id, new LiveCluster(fleet, id));
  for (const { name } of fleet.proxies.values())
    fleet.liveProxies.set(name, new LiveProxy(fleet, name));
  await Promise.allSettled(clusters.map(({ id }) => fleet.liveClusters.get(id)!.resume()));
  await Promise.allSettled([...fleet.liveProxies.values()].map((live) => live.create()));
}

export interface Adoption {
  readonly id: string;
  readonly engine: string;
  readonly running: RunningCluster;
  readonly master: { readonly user: string; readonly password: string };
  readonly database: string | null;
}

/** Makes a cluster known that somebody else has started, and will stop. Its instances are called as their servers are. */
export function adoptCluster(fleet: Fleet, adoption: Adoption): void {
  const { id, engine, running, master, database } = adoption;
  const old = fleet.clusters.get(id);
  const at = fleet.ground.nowMs();
  fleet.clusters.set(id, {
    id,
    resourceId: old?.resourceId ?? `cluster-${randomUpper(26)}`,
    engine,
    createdAt: old?.createdAt ?? at,
    master,
    masterSecretArn: null,
    database,
    iamAuth: false,
    deletionProtection: true,
    isAdopted: true,
    echoed: {},
  });
  const servers = new Set(running.instances().map((server) => server.id));
  for (const instance of fleet.instancesOf(id))
    if (!servers.has(instance.serverId ?? "")) fleet.instances.delete(instance.id);
  for (const serverId of servers) {
    if (fleet.instancesOf(id).some((instance) => instance.serverId === serverId)) continue;
    fleet.instances.set(serverId.toLowerCase(), {
      id: serverId.toLowerCase(),
      resourceId: `db-${randomUpper(26)}`,
      engine,
      createdAt: at,
      clusterId: id,
      serverId,
      address: null,
      monitor: null,
      instanceClass: "db.local",
      promotionTier: 1,
      echoed: {},
    });
  }
  const live = new LiveCluster(fleet, id, running);
  live.status = "available";
  fleet.liveClusters.set(id, live);
  for (const proxy of fleet.proxiesOn("cluster", id)) void proxy.refresh();
}
