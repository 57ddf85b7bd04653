import type { Ground } from "../ground.ts";
import type { Identities } from "../iam/identities.ts";
import { pageOf } from "../pages.ts";
import type { Address, Databases, DataPlane } from "../ports.ts";
import type { Vault } from "../secrets/vault.ts";
import type { Table } from "../store.ts";
import { FAULTS } from "./faults.ts";
import type { LiveCluster } from "./live-cluster.ts";
import type { LiveProxy } from "./live-proxy.ts";
import { Arns, GROUP } from "./names.ts";
import type {
  ClusterRecord,
  EndpointRecord,
  EventRecord,
  InstanceRecord,
  ProxyRecord,
} from "./records.ts";

export interface FleetPorts {
  readonly dataPlane: DataPlane;
  readonly databases: Databases;
  readonly identities: Identities;
  readonly vault: Vault;
  /** Where proxies read their secrets. */
  readonly awsEndpoint: () => string;
  /** Milliseconds that a proxy stays `creating`, `modifying` or `deleting` at least. */
  readonly settleMs: number;
  readonly onBug: (error: unknown) => void;
  readonly onLine: (proxyName: string, line: string) => void;
}

type Tags = readonly { readonly Key: string; readonly Value: string }[];

const EVENTS_MAX = 2_000;
const RESERVED_MAX = 32;

/** Everything that RDS has: what is written down, and what runs. */
export class Fleet {
  readonly ground: Ground;
  readonly ports: FleetPorts;
  readonly arns: Arns;
  readonly proxies: Table<ProxyRecord>;
  readonly endpoints: Table<EndpointRecord>;
  readonly clusters: Table<ClusterRecord>;
  readonly instances: Table<InstanceRecord>;
  /** By ARN. */
  readonly tags: Table<Tags>;
  readonly #events: Table<readonly EventRecord[]>;
  readonly liveProxies = new Map<string, LiveProxy>();
  readonly liveClusters = new Map<string, LiveCluster>();
  readonly #reserved: Address[] = [];
  #reserving: Promise<unknown> = Promise.resolve();

  constructor(ground: Ground, ports: FleetPorts) {
    const { store } = ground;
    this.ground = ground;
    this.ports = ports;
    this.arns = new Arns(ground);
    this.proxies = store.table("rds-proxies");
    this.endpoints = store.table("rds-endpoints");
    this.clusters = store.table("rds-clusters");
    this.instances = store.table("rds-instances");
    this.tags = store.table("rds-tags");
    this.#events = store.table("rds-events");
  }

  proxy(name: string | undefined): ProxyRecord {
    const found = this.proxies.get(name ?? "");
    if (found === undefined) throw FAULTS.proxyNotFound(name ?? "");
    return found;
  }

  live(name: string): LiveProxy {
    return this.liveProxies.get(name)!;
  }

  /** Of operations that need a proxy at rest. */
  availableProxy(name: string | undefined): ProxyRecord {
    const proxy = this.proxy(name);
    const { status } = this.live(proxy.name);
    if (status !== "available") throw FAULTS.proxyState(proxy.name, status);
    return proxy;
  }

  /** An address for one more endpoint. Those given out last are remembered: they may not be in use yet. */
  async reserveAddress(): Promise<Address> {
    const inUse = [...this.proxies.values(), ...this.endpoints.values()];
    const reserve = this.#reserving.then(() =>
      this.ports.dataPlane.reserve([...inUse.map(({ address }) => address), ...this.#reserved]),
    );
    this.#reserving = reserve.catch(() => {});
    const address = await reserve.catch(() => {
      throw FAULTS.noAddress();
    });
    this.#reserved.push(address);
    if (this.#reserved.length > RESERVED_MAX) this.#reserved.shift();
    return address;
  }

  checkGroup(name: string | undefined): void {
    if (name !== undefined && name !== GROUP) throw FAULTS.groupNotFound(name);
  }

  endpointsOf(proxyName: string): EndpointRecord[] {
    return [...this.endpoints.values()].filter((each) => each.proxyName === proxyName);
  }

  cluster(id: string | undefined): ClusterRecord {
    const found = this.clusters.get(plainId(id));
    if (found === undefined) throw FAULTS.clusterNotFound(id ?? "");
    return found;
  }

  instance(id: string | undefined): InstanceRecord {
    const found = this.instances.get(plainId(id));
    if (found === undefined) throw FAULTS.instanceNotFound(id ?? "");
    return found;
  }

  instancesOf(clusterId: string): InstanceRecord[] {
    return [...this.instances.values()].filter((each) => each.clusterId === clusterId);
  }

  /** Proxies that have a cluster or instance registered. */
  proxiesOn(kind: "cluster" | "instance", id: string): LiveProxy[] {
    return [...this.proxies.values()]
      .filter(({ registrations }) =>
        registrations.some((each) => each.kind === kind && each.id === id),
      )
      .map(({ name }) => this.live(name));
  }

  tell(event: Omit<EventRecord, "at">): void {
    const all = [...this.events, { ...event, at: this.ground.nowMs() }];
    this.#events.set("all", all.slice(-EVENTS_MAX));
  }

  tellProxy(proxy: ProxyRecord, category: string, message: string): void {
    const sourceArn = this.arns.proxy(proxy);
    this.tell({ sourceType: "db-proxy", sourceId: proxy.name, sourceArn, category, message });
  }

  tellCluster(cluster: ClusterRecord, category: string, message: string): void {
    const sourceArn = this.arns.cluster(cluster);
    this.tell({ sourceType: "db-cluster", sourceId: cluster.id, sourceArn, category, message });
  }

  tellInstance(instance: InstanceRecord, category: string, message: string): void {
    const sourceArn = this.arns.instance(instance);
    this.tell({ sourceType: "db-instance", sourceId: instance.id, sourceArn, category, message });
  }

  get events(): readonly EventRecord[] {
    return this.#events.get("all") ?? [];
  }

  setTags(arn: string, tags: Tags): void {
    if (tags.length === 0) this.tags.delete(arn);
    else this.tags.set(arn, tags);
  }

  /** Ends everything that runs here; what is written down stays. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.liveProxies.values()].map((live) => live.stop()));
    await Promise.allSettled([...this.liveClusters.values()].map((live) => live.stop()));
  }
}

/** Identifiers of databases have no case; ARNs are accepted in their place. */
export function plainId(id: string | undefined): string {
  return (id ?? "").toLowerCase().replace(/^arn:aws:rds:[^:]*:[^:]*:(?:cluster|db):/, "");
}

interface Asked {
  readonly Marker?: string | undefined;
  readonly MaxRecords?: number | undefined;
}

const PAGE = 100;

/** A list as RDS pages it. */
export function paged<T>(
  items: readonly T[],
  { Marker, MaxRecords }: Asked,
): { readonly items: T[]; readonly more: { Marker?: string } } {
  const page = pageOf(items, { marker: Marker, size: MaxRecords ?? PAGE });
  if (page === null) throw FAULTS.parameter(`Invalid value '${Marker}' for Marker`);
  return { items: page.items, more: page.next === undefined ? {} : { Marker: page.next } };
}
