import { setTimeout as pause } from "node:timers/promises";
import type { ProxyHooks, ProxyPlan, RunningProxy, TargetPlan } from "../ports.ts";
import type { Fleet } from "./fleet.ts";
import type { ProxyRecord } from "./records.ts";

export type ProxyStatus = "creating" | "available" | "modifying" | "deleting";

const SESSION_NAME = "sluice-proxy";
/** Credentials are renewed this long before they end. */
const RENEW_MS = 5 * 60_000;

/** One proxy as it runs. Its record says what it is to be; changes follow one another. */
export class LiveProxy {
  status: ProxyStatus = "creating";
  running: RunningProxy | null = null;
  readonly #fleet: Fleet;
  #name: string;
  #topology: string | null = null;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(fleet: Fleet, name: string) {
    this.#fleet = fleet;
    this.#name = name;
  }

  get name(): string {
    return this.#name;
  }

  /** Opens its endpoints; it is available after that. */
  create(): Promise<void> {
    return this.#change("creating", () => this.#open());
  }

  /** Brings what runs in line with the record. */
  refresh(): Promise<void> {
    return this.#change("modifying", () => this.#apply());
  }

  /** A proxy carries its name from start to end: it is closed and opened under the new one. */
  rename(name: string): Promise<void> {
    this.#name = name;
    return this.#change("modifying", async () => {
      await this.#close();
      await this.#open();
    });
  }

  /** Resolves when what is under way has been done. */
  settled(): Promise<void> {
    return this.#work;
  }

  delete(): Promise<void> {
    this.status = "deleting";
    return this.stop();
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#queue(() => this.#close());
  }

  #change(status: ProxyStatus, work: () => Promise<void>): Promise<void> {
    this.status = status;
    return this.#queue(async () => {
      if (this.#isStopped) return;
      const settling = pause(this.#fleet.ports.settleMs);
      try {
        await work();
        await settling;
      } finally {
        if (!this.#isStopped) this.status = "available";
      }
    });
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch((error: unknown) => this.#fleet.ports.onBug(error));
    return done;
  }

  async #open(): Promise<void> {
    const plan = this.plan();
    this.#topology = plan.target?.topology ?? null;
    this.running = await this.#fleet.ports.dataPlane.open(plan, this.#hooks());
  }

  async #close(): Promise<void> {
    const { running } = this;
    this.running = null;
    await running?.stop();
  }

  /** Where roles come from cannot change in a running proxy; without targets it has no clients to lose. */
  async #apply(): Promise<void> {
    const plan = this.plan();
    if (this.running === null || (plan.target?.topology ?? null) !== this.#topology) {
      await this.#close();
      await this.#open();
    } else await this.running.apply(plan);
  }

  get #record(): ProxyRecord {
    return this.#fleet.proxy(this.#name);
  }

  plan(): ProxyPlan {
    const record = this.#record;
    const extra = this.#fleet.endpointsOf(record.name);
    return {
      name: record.name,
      endpoints: [
        { name: "default", role: "READ_WRITE", address: record.address, publicHosts: [] },
        ...extra.map(({ name, role, address }) => ({ name, role, address, publicHosts: [] })),
      ],
      auth: record.auth,
      requireTls: record.requireTls,
      idleClientTimeout: record.idleClientTimeout,
      debugLogging: record.debugLogging,
      pool: record.pool,
      target: this.#target(record),
    };
  }

  #target({ registrations }: ProxyRecord): TargetPlan | null {
    const [registered] = registrations;
    if (registered === undefined) return null;
    if (registered.kind === "cluster") {
      const running = this.#fleet.liveClusters.get(registered.id)?.running;
      if (running == null) return null;
      const instances = running.instances();
      return {
        topology: "aurora",
        hosts: instances.map(({ address }) => address),
        instances: Object.fromEntries(instances.map(({ id, address }) => [id, address])),
        monitor: running.monitor,
        caFile: running.caFile,
      };
    }
    const { address, monitor } = this.#fleet.instance(registered.id);
    if (address === null) return null;
    return { topology: "static", hosts: [address], instances: {}, monitor, caFile: null };
  }

  #hooks(): ProxyHooks {
    const { ground, ports } = this.#fleet;
    const { identities } = ports;
    let given: ReturnType<typeof identities.assumeRole> | null = null;
    return {
      region: ground.region,
      awsEndpoint: ports.awsEndpoint(),
      roleArn: () => this.#record.roleArn,
      credentials: async () => {
        const { roleArn } = this.#record;
        const isGood = given !== null && given.expiresAt - RENEW_MS > ground.nowMs();
        if (given === null || !isGood || identities.roleOfKey(given.accessKeyId) !== roleArn)
          given = identities.assumeRole(roleArn, SESSION_NAME, { service: "rds.amazonaws.com" });
        return given;
      },
      tokenSecret: (accessKeyId, sessionToken, user) =>
        this.#tokenSecret(accessKeyId, sessionToken, user),
      onLine: (line) => ports.onLine(this.#name, line),
      onDebugLoggingEnded: () => {
        const record = this.#fleet.proxies.get(this.#name);
        if (record !== undefined)
          this.#fleet.proxies.set(record.name, { ...record, debugLogging: false });
      },
    };
  }

  /** A key is good for a login if it exists and its owner may connect as the user. */
  #tokenSecret(accessKeyId: string, sessionToken: string | null, user: string): string | null {
    const { ground, ports } = this.#fleet;
    const key = ports.identities.keyOf(accessKeyId);
    if (key === null || (key.sessionToken ?? "") !== (sessionToken ?? "")) return null;
    if (key.expiresAt !== null && key.expiresAt <= ground.nowMs()) return null;
    const { region, accountId } = ground;
    const resource = `arn:aws:rds-db:${region}:${accountId}:dbuser:${this.#record.id}/${user}`;
    const refusal = ports.identities.decide(key.principal, "rds-db:connect", resource);
    return refusal === null ? key.secretAccessKey : null;
  }
}
