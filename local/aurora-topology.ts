import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { type AuroraFacts, type HostStatus, MASTER_SESSION_ID } from "./aurora-statement.ts";
import type { Cluster } from "./cluster.ts";
import { logIn } from "./database-login.ts";
import { statusFrom } from "./replication.ts";

/** What instances are made to say that is not so. */
export interface TopologyLies {
  /** Rows stop being refreshed: nobody reports any more. */
  stale: boolean;
  /** Shown as writer beside the real one, which is what a moment of a failover can look like. */
  secondWriter: string | null;
  /** No row says that it is the writer's. */
  noWriter: boolean;
  /** By instance: what `@@innodb_read_only` shows there. */
  readonly innodbReadOnly: Map<string, boolean>;
  /** By instance: added to its lag, in milliseconds. */
  readonly lagMs: Map<string, number>;
}

interface Report {
  seenAt: number;
  lagMs: number;
}

/** Aurora's instances report about once a second. */
const REPORT_MS = 500;
const AURORA_VERSION = "3.10.1";
/** What an idle instance shows; nobody measures the processors here. */
const CPU_PERCENT = 2;

/** The state of the instances as they report it: roles, lag, and when they were last heard of. */
export class AuroraTopology {
  readonly lies: TopologyLies = {
    stale: false,
    secondWriter: null,
    noWriter: false,
    innodbReadOnly: new Map(),
    lagMs: new Map(),
  };
  readonly #cluster: Cluster;
  readonly #reports = new Map<string, Report>();
  readonly #logins = new Map<string, Connection>();
  readonly #end = new AbortController();
  readonly #watching: Promise<unknown>;
  #writer: string;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#writer = cluster.writer.id;
    for (const { id } of cluster.instances)
      this.#reports.set(id, { seenAt: performance.now(), lagMs: 0 });
    this.#watching = this.#watch();
  }

  /** The writer that the rows show: changed by whoever promotes, when it is done. */
  set writer(id: string) {
    this.#writer = id;
    this.#reports.set(id, { seenAt: performance.now(), lagMs: 0 });
  }

  /** What one instance answers. */
  facts(serverId: string): AuroraFacts {
    const { innodbReadOnly } = this.lies;
    return {
      serverId,
      auroraVersion: AURORA_VERSION,
      hosts: this.#cluster.instances.map(({ id }) => this.#row(id)),
      innodbReadOnly: innodbReadOnly.get(serverId) ?? null,
    };
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#watching;
    for (const login of this.#logins.values()) login.destroy();
  }

  #row(id: string): HostStatus {
    const { lies } = this;
    const report = this.#reports.get(id);
    const writes = id === this.#writer ? !lies.noWriter : id === lies.secondWriter;
    return {
      serverId: id,
      sessionId: writes ? MASTER_SESSION_ID : sessionIdOf(id),
      ageMs: report === undefined ? 0 : performance.now() - report.seenAt,
      lagMs: (writes ? 0 : (report?.lagMs ?? 0)) + (lies.lagMs.get(id) ?? 0),
      cpu: CPU_PERCENT,
      isCurrent: true,
    };
  }

  async #watch(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await Promise.all(this.#cluster.instances.map(({ id }) => this.#ask(id)));
      await pause(REPORT_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** An instance that does not answer is not heard of: its row grows old. */
  async #ask(id: string): Promise<void> {
    try {
      const server = this.#cluster.server(id);
      if (!server.running) return this.#forget(id);
      const login = this.#logins.get(id) ?? (await this.#login(id));
      const status = await statusFrom(login, this.#cluster.engine);
      if (id !== this.#writer && status?.running !== true) return;
      if (this.lies.stale) return;
      const lagMs = (status?.lagSeconds ?? 0) * 1_000;
      this.#reports.set(id, { seenAt: performance.now(), lagMs });
    } catch {
      this.#forget(id);
    }
  }

  async #login(id: string): Promise<Connection> {
    const login = await logIn(this.#cluster.server(id).login);
    login.on("error", () => this.#forget(id));
    this.#logins.set(id, login);
    return login;
  }

  #forget(id: string): void {
    this.#logins.get(id)?.destroy();
    this.#logins.delete(id);
  }
}

/** A reader's session id looks like a UUID, and is the same for as long as there is this instance. */
function sessionIdOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join("-");
}
