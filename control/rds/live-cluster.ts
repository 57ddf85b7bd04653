import type { RunningCluster } from "../ports.ts";
import type { Fleet } from "./fleet.ts";
import type { ClusterRecord, InstanceRecord } from "./records.ts";

export type ClusterStatus = "creating" | "available" | "failing-over" | "modifying" | "deleting";
export type InstanceStatus = "creating" | "available" | "rebooting" | "deleting" | "failed";

/** What Aurora MySQL gives its small classes; the others have more than anybody needs on one machine. */
const MAX_CONNECTIONS: readonly (readonly [RegExp, number])[] = [
  [/\.small$/, 45],
  [/\.medium$/, 90],
  [/\.t\d\w*\.large$/, 135],
];

function maxConnectionsOf(instanceClass: string | undefined): number | null {
  return MAX_CONNECTIONS.find(([pattern]) => pattern.test(instanceClass ?? ""))?.[1] ?? null;
}

/** One cluster as it runs. A cluster without instances has no servers. */
export class LiveCluster {
  status: ClusterStatus = "creating";
  running: RunningCluster | null = null;
  /** Of instances that are not simply available. */
  readonly instanceStatus = new Map<string, InstanceStatus>();
  readonly #fleet: Fleet;
  readonly #id: string;
  readonly #isAdopted: boolean;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(fleet: Fleet, id: string, adopted: RunningCluster | null = null) {
    this.#fleet = fleet;
    this.#id = id;
    this.running = adopted;
    this.#isAdopted = adopted !== null;
  }

  get #record(): ClusterRecord {
    return this.#fleet.cluster(this.#id);
  }

  statusOf(instance: InstanceRecord): InstanceStatus {
    return this.instanceStatus.get(instance.id) ?? "available";
  }

  /** Starts the servers that an instance stands for: the cluster's first one, or one more reader. */
  addInstance(id: string): Promise<void> {
    this.instanceStatus.set(id, "creating");
    return this.#queue(async () => {
      try {
        const serverId = await this.#start();
        const { instances } = this.#fleet;
        const record = instances.get(id);
        if (record === undefined) return;
        instances.set(id, { ...record, serverId });
        this.instanceStatus.delete(id);
        this.#fleet.tellInstance(record, "creation", "DB instance created");
        await this.#tellProxies();
      } catch (error) {
        this.instanceStatus.set(id, "failed");
        throw error;
      }
    });
  }

  async #start(): Promise<string> {
    if (this.running !== null) return this.running.addInstance();
    const numbers = this.#fleet
      .instancesOf(this.#id)
      .map(({ serverId }) => Number(/-(\d+)$/.exec(serverId ?? "")?.[1] ?? 1));
    const { id, engine, master, database } = this.#record;
    this.running = await this.#fleet.ports.databases.start({
      id,
      engine: engine === "mariadb" ? "mariadb" : "mysql",
      master,
      database,
      maxConnections: maxConnectionsOf(this.#fleet.instancesOf(id)[0]?.instanceClass),
      instances: Math.max(1, ...numbers),
    });
    return this.running.instances()[0]!.id;
  }

  /** After a restart of everything: the servers that were there before. */
  resume(): Promise<void> {
    return this.#queue(async () => {
      if (this.#fleet.instancesOf(this.#id).length > 0 && this.running === null)
        await this.#start();
      this.status = "available";
      await this.#tellProxies();
    });
  }

  removeInstance(instance: InstanceRecord): Promise<void> {
    this.instanceStatus.set(instance.id, "deleting");
    return this.#queue(async () => {
      const { instances } = this.#fleet;
      const isLast = this.#fleet.instancesOf(this.#id).length === 1;
      if (isLast) {
        await this.running?.stop();
        this.running = null;
      } else await this.#removeServer(instance.serverId);
      instances.delete(instance.id);
      this.instanceStatus.delete(instance.id);
      this.#fleet.tellInstance(instance, "deletion", "DB instance deleted");
      await this.#tellProxies();
    });
  }

  /** A writer hands over before it goes. */
  async #removeServer(serverId: string | null): Promise<void> {
    const { running } = this;
    if (running === null || serverId === null) return;
    const server = running.instances().find(({ id }) => id === serverId);
    if (server?.isWriter === true) await running.failOver(null);
    await running.removeInstance(serverId);
  }

  reboot(instance: InstanceRecord): Promise<void> {
    this.instanceStatus.set(instance.id, "rebooting");
    return this.#queue(async () => {
      try {
        if (instance.serverId !== null) await this.running?.restart(instance.serverId);
        this.#fleet.tellInstance(instance, "availability", "DB instance restarted");
      } finally {
        this.instanceStatus.delete(instance.id);
      }
    });
  }

  failOver(target: InstanceRecord | null): Promise<void> {
    this.status = "failing-over";
    const { running } = this;
    const record = this.#record;
    return this.#queue(async () => {
      const tell = (message: string) => this.#fleet.tellCluster(record, "failover", message);
      tell(`Started cross AZ failover to DB instance: ${target?.id ?? "the next reader"}`);
      try {
        await running?.failOver(target?.serverId ?? null);
        tell(`Completed failover to DB instance: ${this.#writerName()}`);
      } finally {
        if (!this.#isStopped) this.status = "available";
      }
    });
  }

  #writerName(): string {
    const writer = this.running?.instances().find(({ isWriter }) => isWriter);
    const found = this.#fleet.instancesOf(this.#id).find(({ serverId }) => serverId === writer?.id);
    return found?.id ?? writer?.id ?? "";
  }

  setMaster(user: string, password: string): Promise<void> {
    return this.#queue(async () => this.running?.setMaster({ user, password }));
  }

  /** An adopted one belongs to somebody else, who stops it. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#queue(async () => {
      if (!this.#isAdopted) await this.running?.stop();
      this.running = null;
    });
  }

  /** Its members are others now. */
  async #tellProxies(): Promise<void> {
    const proxies = this.#fleet.proxiesOn("cluster", this.#id);
    await Promise.all(proxies.map((live) => live.refresh()));
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch((error: unknown) => this.#fleet.ports.onBug(error));
    return done;
  }
}
