import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AuroraLink } from "./aurora-link.ts";
import { AuroraTopology } from "./aurora-topology.ts";
import {
  type Cluster,
  type ClusterInstance,
  type ClusterOptions,
  startCluster,
} from "./cluster.ts";
import { ClusterEndpoint } from "./cluster-endpoint.ts";
import type { FaultLink } from "./fault-link.ts";

export interface AuroraClusterOptions extends ClusterOptions {
  /** Of the random part of faults. */
  readonly seed?: number;
}

export interface AuroraInstance extends ClusterInstance {
  /** The server's own port; `port` is that of the link in front of it. */
  readonly serverPort: number;
  /** Who is promoted first: the lowest number, then the first instance. */
  readonly promotionTier: number;
}

/** Ports of an earlier run on the same data folder: saved connection strings stay good. */
type Ports = Readonly<Record<string, number>>;

const PORTS_FILE = "aurora.json";
const TIER = 1;

/** Starts a local cluster with what Aurora has beside its servers. */
export async function startAuroraCluster(options: AuroraClusterOptions): Promise<AuroraCluster> {
  const cluster = await startCluster({ ...options, semiSync: (options.instances ?? 3) > 1 });
  try {
    const aurora = new AuroraCluster(cluster, options.seed ?? 1);
    await aurora.start();
    return aurora;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/**
 * A local cluster that looks like Aurora's: each instance behind a link that answers what only Aurora can, an endpoint that leads to
 * the writer and one that leads to the readers.
 */
export class AuroraCluster {
  readonly cluster: Cluster;
  readonly topology: AuroraTopology;
  readonly #seed: number;
  readonly #links = new Map<string, AuroraLink>();
  readonly #tiers = new Map<string, number>();
  #ports: Ports = {};
  #writerEndpoint!: ClusterEndpoint;
  #readerEndpoint!: ClusterEndpoint;

  constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster;
    this.#seed = seed;
    this.topology = new AuroraTopology(cluster);
  }

  /** Called by `startAuroraCluster`, once. */
  async start(): Promise<void> {
    this.#ports = await readPorts(this.cluster.dataDir);
    for (const { id } of this.cluster.instances) await this.#front(id);
    this.#writerEndpoint = await ClusterEndpoint.start([], this.#ports["cluster"]);
    this.#readerEndpoint = await ClusterEndpoint.start([], this.#ports["reader"]);
    this.repoint();
    await this.#remember();
  }

  /** With the addresses that clients are given; without those that have none yet. */
  get instances(): AuroraInstance[] {
    const fronted = this.cluster.instances.filter(({ id }) => this.#links.has(id));
    return fronted.map((instance) => ({
      ...instance,
      port: this.link(instance.id).port,
      serverPort: instance.port,
      promotionTier: this.#tiers.get(instance.id) ?? TIER,
    }));
  }

  get writer(): AuroraInstance {
    return this.instances.find(({ role }) => role === "writer")!;
  }

  get readers(): AuroraInstance[] {
    return this.instances.filter(({ role }) => role === "reader");
  }

  /** Leads to the writer. */
  get endpoint(): { readonly host: string; readonly port: number } {
    return { host: this.#writerEndpoint.host, port: this.#writerEndpoint.port };
  }

  /** Leads to the readers in turn; to the writer where there are none. */
  get readerEndpoint(): { readonly host: string; readonly port: number } {
    return { host: this.#readerEndpoint.host, port: this.#readerEndpoint.port };
  }

  /** The link in front of an instance, to make its network bad. */
  link(id: string): FaultLink {
    return this.#aurora(id).link;
  }

  /** Who would be promoted: a running reader, by tier, then by number. */
  successor(): AuroraInstance {
    const [first] = this.readers
      .filter(({ pid }) => pid !== 0)
      .sort((a, b) => a.promotionTier - b.promotionTier);
    if (first === undefined) throw new Error("no reader runs that could be promoted");
    return first;
  }

  setPromotionTier(id: string, tier: number): void {
    if (!Number.isInteger(tier) || tier < 0 || tier > 15) throw new RangeError("tiers are 0 to 15");
    this.link(id);
    this.#tiers.set(id, tier);
  }

  /** Makes the endpoints lead to who has the role now. */
  repoint(): void {
    const writer = this.link(this.cluster.writer.id);
    const readers = this.cluster.readers
      .filter(({ pid }) => pid !== 0)
      .map(({ id }) => this.link(id));
    this.#writerEndpoint.pointTo([writer]);
    this.#readerEndpoint.pointTo(readers.length === 0 ? [writer] : readers);
  }

  /** The roles have changed: everybody is shown the new ones. */
  rolesChanged(): void {
    this.topology.writer = this.cluster.writer.id;
    for (const link of this.#links.values()) link.rolesChanged();
  }

  async addInstance(): Promise<AuroraInstance> {
    const { id } = await this.cluster.addInstance();
    await this.#front(id);
    this.repoint();
    await this.#remember();
    return this.instances.find((instance) => instance.id === id)!;
  }

  async removeInstance(id: string): Promise<void> {
    await this.cluster.removeInstance(id);
    const { link } = this.#aurora(id);
    this.#links.delete(id);
    this.repoint();
    await link.stop();
    await this.#remember();
  }

  /** Stops and starts an instance: its clients lose their connections, and it refuses others until it runs. */
  async restart(id: string): Promise<void> {
    const link = this.link(id);
    link.refuse();
    await this.cluster.restart(id);
    await link.accept();
    this.repoint();
  }

  /** Ends an instance as a crash does. */
  async kill(id: string): Promise<void> {
    this.link(id).refuse();
    await this.cluster.kill(id);
  }

  async stop(): Promise<void> {
    await this.topology.stop();
    // An endpoint is closed when its last client is, whose session is a link's.
    const links = [...this.#links.values()].map(({ link }) => link.stop());
    await Promise.all([this.#writerEndpoint.stop(), this.#readerEndpoint.stop(), ...links]);
    await this.cluster.stop();
  }

  #aurora(id: string): AuroraLink {
    const link = this.#links.get(id);
    if (link === undefined)
      throw new Error(`no instance ${id}: there are ${[...this.#links.keys()].join(", ")}`);
    return link;
  }

  async #front(id: string): Promise<void> {
    const server = this.cluster.server(id);
    const port = this.#ports[id];
    const link = await AuroraLink.start({
      server: () => ({ host: server.host, port: server.port }),
      facts: () => this.topology.facts(id),
      tls: this.cluster.tls,
      seed: this.#seed + this.#links.size,
      ...(port === undefined ? {} : { port }),
    });
    this.#links.set(id, link);
  }

  async #remember(): Promise<void> {
    const { dataDir } = this.cluster;
    if (dataDir === null) return;
    const ports: Record<string, number> = {
      cluster: this.endpoint.port,
      reader: this.readerEndpoint.port,
    };
    for (const [id, { link }] of this.#links) ports[id] = link.port;
    await writeFile(join(dataDir, PORTS_FILE), `${JSON.stringify(ports, null, 2)}\n`);
  }
}

async function readPorts(dataDir: string | null): Promise<Ports> {
  const file = dataDir === null ? null : join(dataDir, PORTS_FILE);
  if (file === null || !existsSync(file)) return {};
  return JSON.parse(await readFile(file, "utf8")) as Ports;
}
