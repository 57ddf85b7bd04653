import mysql, { type Connection, type ConnectionOptions } from "mysql2/promise";
import { type Cluster, type Engine, startCluster } from "../../local/index.ts";
import type { ProxyEvent } from "../../proxy/observe/events.ts";
import { type SpecOverrides, startProxy, type TestProxy } from "./proxy.ts";
import type { TestServer } from "./servers.ts";
import { until } from "./until.ts";

/** A real cluster with a proxy that finds the roles out by itself. */
export class FailoverBench implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly proxy: TestProxy;

  constructor(cluster: Cluster, proxy: TestProxy) {
    this.cluster = cluster;
    this.proxy = proxy;
  }

  /** What the proxy takes for the writer, by the cluster's id; null while it knows none. */
  get writer(): string | null {
    const found = this.proxy.view
      .state(0)
      .targets.find(({ role, state }) => role === "READ_WRITE" && state === "AVAILABLE");
    const { instances } = this.cluster;
    return instances.find(({ port }) => port === found?.port)?.id ?? null;
  }

  get readers(): string[] {
    const ports = this.proxy.view
      .state(0)
      .targets.filter(({ role, state }) => role === "READ_ONLY" && state === "AVAILABLE")
      .map(({ port }) => port);
    return this.cluster.instances.filter(({ port }) => ports.includes(port)).map(({ id }) => id);
  }

  /** Sessions that wait for a backend. */
  get waiting(): number {
    return this.proxy.view.state(0).waiters.reduce((sum, { count }) => sum + count, 0);
  }

  /** The id that the proxy knows an instance by. */
  targetOf(id: string): string {
    const { host, port } = this.cluster.server(id);
    return `${host}:${port}`;
  }

  /** What the proxy finds wrong with an instance. */
  describe(id: string): string | null {
    const target = this.targetOf(id);
    return this.proxy.view.state(0).targets.find((each) => each.id === target)?.description ?? null;
  }

  /** Makes an instance take writes, whatever the present writer does. */
  async forcePromote(id: string): Promise<void> {
    const replication = this.cluster.replication(id);
    await replication.stopFollowing();
    await replication.setReadOnly(false);
  }

  get #caughtUp(): number {
    const { targets } = this.proxy.view.state(0);
    return targets.filter(({ role, lagMs }) => role === "READ_ONLY" && lagMs === 0).length;
  }

  /** A client of one of the proxy's endpoints. */
  connect(endpoint = "default", options: ConnectionOptions = {}): Promise<Connection> {
    return this.proxy.connect({ port: this.proxy.portOf(endpoint), ...options });
  }

  /** As root, at an instance itself. */
  async at(id: string, sql: string): Promise<Record<string, unknown>[]> {
    const connection = await mysql.createConnection({
      ...this.cluster.server(id).login,
      database: this.proxy.database,
    });
    try {
      const [rows] = await connection.query(sql);
      return rows as Record<string, unknown>[];
    } finally {
      connection.destroy();
    }
  }

  /** Everybody has the role that the cluster says and has caught up, and the proxy knows it. */
  async settled(): Promise<void> {
    const expected = this.cluster.instances.filter(({ pid }) => pid !== 0);
    await until(
      () => this.writer === this.cluster.writer.id && this.#caughtUp === expected.length - 1,
      { what: "the roles", deadlineMs: 60_000 },
    );
  }

  events<Kind extends ProxyEvent["kind"]>(kind: Kind): Extract<ProxyEvent, { kind: Kind }>[] {
    return this.proxy.events.filter(
      (event): event is Extract<ProxyEvent, { kind: Kind }> => event.kind === kind,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.cluster.stop();
  }
}

export interface FailoverBenchOptions {
  readonly instances?: number;
  readonly spec?: SpecOverrides;
}

export async function startFailoverBench(
  engine: Engine,
  { instances = 3, spec = {} }: FailoverBenchOptions = {},
): Promise<FailoverBench> {
  const cluster = await startCluster({ engine, instances, semiSync: true });
  try {
    const { application, monitor } = cluster.accounts;
    const { user, password, database } = application;
    const { host, port } = cluster.writer;
    const server = { engine, host, port, password: monitor.password } as TestServer;
    const proxy = await startProxy(server, {
      users: [{ user, password }],
      database,
      spec: {
        endpoints: [
          { name: "default", host: "127.0.0.1", port: 0 },
          { name: "reader", host: "127.0.0.1", port: 0, targetRole: "READ_ONLY" },
        ],
        ...spec,
        target: {
          hosts: cluster.instances.map((instance) => `${instance.host}:${instance.port}`),
          topology: "readOnly",
          // Machines that run tests are busy.
          monitor: { timeout: 2_000 },
          ...(spec["target"] as SpecOverrides | undefined),
        },
      },
    });
    const bench = new FailoverBench(cluster, proxy);
    await bench.settled();
    return bench;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
