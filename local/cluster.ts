import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Account, type Accounts, accountStatements } from "./accounts.ts";
import type { Say } from "./apt-fetch.ts";
import { type Ground, prepareGround, unlessAborted } from "./cluster-ground.ts";
import { newAccounts, writeClusterState } from "./cluster-state.ts";
import { withLogin } from "./database-login.ts";
import type { Engine } from "./engine.ts";
import { Replication } from "./replication.ts";
import { type ServerBinary, sluiceCacheDir } from "./server-binary.ts";
import { getServer } from "./server-fetch.ts";
import type { ServerSettings } from "./server-options.ts";
import { ServerProcess } from "./server-process.ts";
import { quoteText } from "./sql-text.ts";
import { catchUpWithoutWriter, isDiverged } from "./succession.ts";
import type { TlsFiles } from "./tls-files.ts";

export type Role = "writer" | "reader";

export interface ClusterInstance {
  readonly id: string;
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  /** 0 while the instance does not run. */
  readonly pid: number;
}

export interface ClusterOptions {
  readonly engine: Engine;
  /** One writer, the rest readers; 3 when absent. */
  readonly instances?: number;
  /** Prefix of the instances' ids: `local` gives `local-1`, `local-2`, … */
  readonly id?: string;
  /** Kept between runs; without it everything is temporary. */
  readonly dataDir?: string | undefined;
  /** What clients may call the servers, beside their addresses: their certificate has these names too. */
  readonly names?: readonly string[];
  /** The server program; found or fetched when absent. */
  readonly binary?: string | undefined;
  readonly application?: Partial<Accounts["application"]>;
  /** Settings of every server, over ours. */
  readonly settings?: ServerSettings;
  /** A commit is answered when a reader has it too: the crash of the writer loses nothing that was answered. */
  readonly semiSync?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly say?: Say;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}

export interface PromotionHooks {
  /** Awaited when the new writer is ready, before it takes writes. */
  readonly beforeWrites?: () => Promise<unknown>;
  /** It takes writes from now on. */
  readonly onWrites?: () => void;
}

const CATCH_UP_MS = 60_000;
const INSTANCES_MAX = 16;

/** Starts a cluster and waits until the writer takes writes and every reader follows it. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const count = options.instances ?? 3;
  if (!Number.isInteger(count) || count < 1 || count > INSTANCES_MAX) {
    throw new RangeError(`a cluster has 1 to ${INSTANCES_MAX} instances, not ${count}`);
  }
  const { engine, binary, env = process.env, say = () => {} } = options;
  const server = await unlessAborted(getServer(engine, { binary, env, say }), options.signal);
  const cluster = new Cluster(options, server, await prepareGround(options));
  const abort = () => void cluster.stop();
  options.signal?.addEventListener("abort", abort);
  try {
    await cluster.start(count);
    options.signal?.throwIfAborted();
    return cluster;
  } catch (error) {
    await cluster.stop();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

/** Real servers on this machine: one writer, and readers that follow it by global transaction ids. */
export class Cluster {
  readonly id: string;
  readonly engine: Engine;
  readonly version: string;
  readonly accounts: Accounts;
  /** The authority that signed the instances' certificate. */
  readonly caFile: string;
  readonly #options: ClusterOptions;
  readonly #binary: ServerBinary;
  readonly #ground: Ground;
  readonly #servers = new Map<string, ServerProcess>();
  /** Of former writers that have not come back: where their successor began. */
  readonly #leftAt = new Map<string, string>();
  #writer: string;
  /** Aborted when the cluster ends, with the reason. */
  readonly #ending = new AbortController();
  #starting: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | null = null;

  constructor(options: ClusterOptions, binary: ServerBinary, ground: Ground) {
    this.#options = options;
    this.#binary = binary;
    this.#ground = ground;
    this.id = options.id ?? "local";
    this.engine = binary.engine;
    this.version = binary.version;
    this.caFile = ground.tls.caFile;
    const application = { user: "app", password: "app", database: "app", ...options.application };
    this.accounts =
      ground.former === null
        ? newAccounts(application)
        : { ...ground.former.accounts, application };
    this.#writer = ground.former?.writer ?? `${this.id}-1`;
  }

  /** In the order of their numbers, whoever writes. */
  get instances(): ClusterInstance[] {
    return [...this.#servers.values()].map((server) => ({
      id: server.id,
      role: server.id === this.#writer ? "writer" : "reader",
      host: server.host,
      port: server.port,
      pid: server.pid ?? 0,
    }));
  }

  get writer(): ClusterInstance {
    return this.instances.find((instance) => instance.role === "writer")!;
  }

  get readers(): ClusterInstance[] {
    return this.instances.filter((instance) => instance.role === "reader");
  }

  /** The certificate that every instance shows, and its key. */
  get tls(): TlsFiles {
    return this.#ground.tls;
  }

  /** Temporary files of this run; gone at its end. */
  get runDir(): string {
    return this.#ground.runDir;
  }

  get dataDir(): string | null {
    return this.#ground.dataDir;
  }

  /** The process behind an instance: its log, its login as root. */
  server(id: string): ServerProcess {
    const server = this.#servers.get(id);
    if (server === undefined)
      throw new Error(`no instance ${id}: there are ${[...this.#servers.keys()].join(", ")}`);
    return server;
  }

  replication(id: string): Replication {
    return new Replication(this.engine, this.server(id));
  }

  /** Called by `startCluster`, once. */
  async start(count: number): Promise<void> {
    for (let number = 1; number <= count; number++) this.#add(number);
    if (!this.#servers.has(this.#writer)) {
      throw new Error(
        `the writer was ${this.#writer}: ask for at least ${this.#writer.split("-").at(-1)} instances`,
      );
    }
    await this.#startAll();
    await this.#remember();
    await this.#setSemiSync();
    await Promise.all(this.readers.map((reader) => this.#followWriter(reader.id)));
    if (this.#ground.former !== null)
      await this.#setApplicationPassword(this.#ground.former.accounts.application);
  }

  /** All at once. The first failure ends the others' starts; it is thrown when none of them goes on any more. */
  async #startAll(): Promise<void> {
    const { signal } = this.#ending;
    const starts = [...this.#servers.values()].map(async (server) => {
      try {
        await server.start({ readOnly: server.id !== this.#writer, signal });
      } catch (error) {
        this.#ending.abort(error);
        throw error;
      }
    });
    this.#starting = Promise.allSettled(starts);
    await this.#starting;
    signal.throwIfAborted();
  }

  /** Ends an instance as a crash does. It keeps its role until somebody else is promoted. */
  async kill(id: string): Promise<void> {
    await this.server(id).kill();
    if (id !== this.#writer) await this.#setSemiSync();
  }

  /** Starts an instance again on its port, stopping it first if it runs, in the role that it has now. */
  async restart(id: string): Promise<void> {
    const server = this.server(id);
    await server.stop();
    await server.start({ readOnly: id !== this.#writer });
    await this.#rejoin(id);
    await this.#remember();
  }

  /** One more reader, with the next free number. */
  async addInstance(): Promise<ClusterInstance> {
    if (this.#servers.size >= INSTANCES_MAX) {
      throw new Error(`a cluster has at most ${INSTANCES_MAX} instances`);
    }
    const numbers = [...this.#servers.keys()].map((id) => Number(id.split("-").at(-1)));
    const server = this.#add(Math.max(...numbers) + 1);
    await server.start({ readOnly: true, signal: this.#ending.signal });
    await this.#rejoin(server.id);
    await this.#remember();
    return this.instances.find(({ id }) => id === server.id)!;
  }

  /** Takes a reader out, with its data. */
  async removeInstance(id: string): Promise<void> {
    if (id === this.#writer) throw new Error(`${id} is the writer: fail over first`);
    const server = this.server(id);
    await server.kill();
    this.#servers.delete(id);
    await this.#setSemiSync();
    await server.empty();
    await this.#remember();
  }

  /**
   * Makes a reader the writer. A running writer hands over in order: it refuses writes, the reader catches up, then
   * everybody follows the new writer. A dead one is left out: the reader first gets whatever any reader has received. When
   * restarted, the former writer comes back as a reader.
   */
  async promote(id: string, hooks: PromotionHooks = {}): Promise<void> {
    const former = this.server(this.#writer);
    if (id === former.id) return;
    const next = this.replication(id);
    const alive = former.running;
    if (alive) await this.#handOver(former.id, id);
    else await catchUpWithoutWriter(this, id);
    await next.stopFollowing();
    if (!alive) this.#leftAt.set(former.id, await next.position());
    this.#writer = id;
    // All before the first write: none is answered that only the new writer has, and none waits for a reader to come.
    await this.#setSemiSync();
    const readers = this.readers.filter((reader) => reader.pid !== 0);
    await Promise.all(readers.map((reader) => this.#followWriter(reader.id)));
    await hooks.beforeWrites?.();
    await next.setReadOnly(false);
    hooks.onWrites?.();
    // MySQL takes a second for it; until then the former writer waits for acknowledgements that nobody sends.
    if (alive && this.#options.semiSync === true)
      await this.replication(former.id).setSemiSync(false);
    await this.#remember();
  }

  /** Makes an instance follow another one than the writer, until the writer is found again. */
  follow(id: string, source: string): Promise<void> {
    return this.replication(id).follow(this.server(source), this.accounts.replication);
  }

  async #handOver(from: string, to: string): Promise<void> {
    const demoted = this.replication(from);
    await demoted.setReadOnly(true);
    if (await this.replication(to).awaitPosition(await demoted.position(), CATCH_UP_MS)) return;
    await demoted.setReadOnly(false);
    throw new Error(`${to} did not catch up with ${from} within ${CATCH_UP_MS / 1000} s`);
  }

  /** A server that has started takes its place. One with transactions that nobody else has begins anew, from nothing. */
  async #rejoin(id: string): Promise<void> {
    if (id !== this.#writer) {
      const server = this.server(id);
      const leftAt = this.#leftAt.get(id);
      if (await isDiverged(this, id, leftAt)) {
        this.#options.say?.(`${id} has transactions that were never answered: it begins anew`);
        await server.kill();
        await server.empty();
        await server.start({ readOnly: true });
      }
      this.#leftAt.delete(id);
      await this.#followWriter(id);
    }
    await this.#setSemiSync();
  }

  /** The writer waits for readers while there are any. */
  async #setSemiSync(): Promise<void> {
    if (this.#options.semiSync !== true || !this.server(this.#writer).running) return;
    const follows = this.readers.some((reader) => reader.pid !== 0);
    try {
      await this.replication(this.#writer).setSemiSync(follows);
    } catch (error) {
      // A writer whose connections break is going down: it waits for nobody any more.
      if ((error as { fatal?: boolean }).fatal !== true) throw error;
    }
  }

  /** Ends every instance and removes what is temporary. May be called at any time and more than once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { dataDir, runDir, watchdog, unlock } = this.#ground;
    this.#ending.abort(new Error("the cluster was stopped"));
    await this.#starting;
    const servers = [...this.#servers.values()];
    // What is thrown away need not be closed in order.
    await Promise.all(servers.map((server) => (dataDir === null ? server.kill() : server.stop())));
    if (dataDir !== null) await this.#remember();
    await rm(runDir, { recursive: true, force: true });
    await watchdog.dismiss();
    await unlock();
  }

  #add(number: number): ServerProcess {
    const { dataDir, runDir, tls, watchdog, former } = this.#ground;
    const id = `${this.id}-${number}`;
    const preferredPort = former?.instances.find((instance) => instance.id === id)?.port;
    const server = new ServerProcess({
      binary: this.#binary,
      id,
      serverId: number,
      dataDir: join(dataDir ?? runDir, "data", id),
      runDir,
      cacheDir: sluiceCacheDir(this.#options.env),
      tls,
      watchdog,
      login: this.accounts.root,
      initSql: accountStatements(this.engine, this.accounts),
      settings: this.#options.settings ?? {},
      semiSync: this.#options.semiSync ?? false,
      ...(preferredPort === undefined ? {} : { preferredPort }),
      ...(this.#options.say === undefined ? {} : { say: this.#options.say }),
    });
    this.#servers.set(id, server);
    return server;
  }

  #followWriter(id: string): Promise<void> {
    return this.replication(id).follow(this.server(this.#writer), this.accounts.replication);
  }

  /** A folder from an earlier run may have the application's account under another password, or not at all. */
  async #setApplicationPassword(before: Account): Promise<void> {
    const { application } = this.accounts;
    if (before.user === application.user && before.password === application.password) return;
    const user = `${quoteText(application.user)}@'%'`;
    const secret = `IDENTIFIED BY ${quoteText(application.password)}`;
    await withLogin(this.server(this.#writer).login, async (connection) => {
      await connection.query(`CREATE USER IF NOT EXISTS ${user} ${secret}`);
      await connection.query(`ALTER USER ${user} ${secret}`);
    });
  }

  async #remember(): Promise<void> {
    const { dataDir } = this.#ground;
    if (dataDir === null) return;
    const instances = this.instances.map(({ id, port, pid }) => ({
      id,
      port,
      pid: pid === 0 ? null : pid,
    }));
    await writeClusterState(dataDir, {
      engine: this.engine,
      writer: this.#writer,
      accounts: this.accounts,
      instances,
    });
  }
}
