import { readFile } from "node:fs/promises";
import mysql, { type Connection, type ConnectionOptions } from "mysql2/promise";
import { stringify } from "yaml";
import { createAdmin } from "../../proxy/admin/create-admin.ts";
import { type ListeningAdmin, listenAdmin } from "../../proxy/admin/listen.ts";
import { createProxy } from "../../proxy/index.ts";
import type { ProxyCounters } from "../../proxy/observe/counters.ts";
import { EventBus, type ProxyEvent } from "../../proxy/observe/events.ts";
import { createRegistry } from "../../proxy/observe/exposition.ts";
import { EventLog } from "../../proxy/observe/log.ts";
import type { AdminView, SessionView } from "../../proxy/observe/state-view.ts";
import type { ProxyClock, ProxyHandle, ProxyPorts } from "../../proxy/ports.ts";
import { parseSpec } from "../../proxy/spec/parse-spec.ts";
import type { ProxySpec } from "../../proxy/spec/proxy-spec.ts";
import type { TestServer } from "./servers.ts";
import { until } from "./until.ts";

export interface ProxyUser {
  readonly user: string;
  readonly password: string;
}

/** Settings as in a configuration file. */
export type SpecOverrides = { readonly [key: string]: unknown };

export interface TestProxyOptions {
  /** Who may log in; the first is who `connect` logs in as. A new user with every right on `database` when absent. */
  readonly users?: readonly ProxyUser[];
  /** What `connect` logs in to. A new one when absent. */
  readonly database?: string;
  /** Laid over the defaults, mapping by mapping; lists and values replace. */
  readonly spec?: SpecOverrides;
  readonly clock?: ProxyClock;
  /** The admin API on a port of its own. */
  readonly admin?: boolean;
  /** In place of those that a test's proxy has. */
  readonly ports?: Partial<ProxyPorts>;
  /** Ready only when every target is available. True when absent. */
  readonly available?: boolean;
}

/** A clock that tests put forward. It runs like the real one besides. */
export class ShiftedClock implements ProxyClock {
  #ahead = 0;

  epochMs(): number {
    return Date.now() + this.#ahead;
  }

  monotonicMs(): number {
    return performance.now() + this.#ahead;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }
}

interface Parts {
  readonly handle: ProxyHandle;
  readonly spec: ProxySpec;
  readonly bus: EventBus;
  readonly users: readonly ProxyUser[];
  readonly database: string;
  readonly clock: ProxyClock;
  readonly settings: SpecOverrides;
}

/** A real proxy in this process, in front of a given server. */
export class TestProxy implements AsyncDisposable {
  readonly handle: ProxyHandle;
  readonly view: AdminView;
  readonly counters: ProxyCounters;
  readonly registry: ReturnType<typeof createRegistry>;
  readonly bus: EventBus;
  /** Everything that has happened, in order. */
  readonly events: ProxyEvent[] = [];
  /** The log, debug lines included. */
  readonly lines: string[] = [];
  readonly users: readonly ProxyUser[];
  readonly database: string;
  readonly clock: ProxyClock;
  /** As if read from a file. */
  readonly settings: SpecOverrides;
  #admin: ListeningAdmin | null = null;
  readonly #connections: Connection[] = [];

  constructor({ handle, bus, users, database, clock, settings, spec }: Parts) {
    this.handle = handle;
    this.view = handle.view;
    this.counters = handle.counters;
    this.bus = bus;
    this.users = users;
    this.database = database;
    this.clock = clock;
    this.settings = settings;
    this.registry = createRegistry({
      counters: handle.counters,
      nowMs: () => clock.monotonicMs(),
    });
    const log = new EventLog({ form: "text", sink: (line) => this.lines.push(line), debug: true });
    bus.subscribe((event) => this.events.push(event));
    bus.subscribe(log.write);
    bus.wantsStatements = spec.debugLogging;
  }

  get host(): string {
    return this.handle.endpoints()[0]!.host;
  }

  /** Of the first endpoint. */
  get port(): number {
    return this.handle.endpoints()[0]!.port;
  }

  portOf(endpoint: string): number {
    return this.handle.endpoints().find(({ name }) => name === endpoint)!.port;
  }

  get adminUrl(): string {
    if (this.#admin === null) throw new Error("started without the admin API");
    return this.#admin.url;
  }

  /** What `connect` logs in with. */
  get login(): { host: string; port: number; user: string; password: string; database: string } {
    const { user, password } = this.users[0]!;
    return { host: this.host, port: this.port, user, password, database: this.database };
  }

  /** A client of the proxy. Closed with it at the latest. */
  async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = await mysql.createConnection({ ...this.login, ...options });
    // What a test does to a connection on purpose reports itself here too.
    connection.on("error", () => {});
    this.#connections.push(connection);
    return connection;
  }

  /** The session of a client, as the state view shows it. */
  session(client: Connection): SessionView | undefined {
    return this.view.state(10_000).sessions.find(({ id }) => id === client.threadId);
  }

  /** Backends open at all targets. */
  get backends(): number {
    return this.view.state(0).pools.reduce((sum, { open }) => sum + open, 0);
  }

  /** Value of a metric, summed over its series whose labels agree. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const metrics = await this.registry.getMetricsAsJSON();
    const found = metrics.find((metric) => metric.name === name);
    if (found === undefined) throw new Error(`there is no metric ${name}`);
    const wanted = Object.entries(labels);
    return found.values
      .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Defects of the proxy that have shown. */
  get bugs(): ProxyEvent[] {
    return this.events.filter(({ kind }) => kind === "bug-found");
  }

  /** Changes the configuration as a reload would. */
  async apply(over: SpecOverrides): Promise<void> {
    await this.handle.apply(specOf(merged(this.settings, over)));
  }

  async serveAdmin(): Promise<void> {
    const admin = createAdmin({
      view: this.view,
      registry: this.registry,
      events: this.bus,
      localOnly: true,
      onBug: (error) => {
        throw error;
      },
    });
    this.#admin = await listenAdmin(admin, "127.0.0.1", 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await this.#admin?.close();
    await this.handle.stop();
  }
}

/**
 * Starts a proxy in front of this server, on free ports. It is there for the block: `await using proxy = await
 * startProxy(…)`.
 */
export async function startProxy(
  server: TestServer,
  options: TestProxyOptions = {},
): Promise<TestProxy> {
  const { clock = new ShiftedClock(), available = true } = options;
  const database = options.database ?? (await server.database());
  const users = options.users ?? [await server.user({ database })];
  const settings = merged(defaultsFor(server, users), options.spec ?? {});
  const spec = specOf(settings);
  const bus = new EventBus();
  const handle = createProxy(spec, {
    version: "0.0.0-test",
    clock,
    events: bus,
    passwords: { env: (name) => process.env[name], readText: refuse },
    readFile: (path) => readFile(path),
    fetchSecret: async (arn) => refuse(arn),
    ...options.ports,
  });
  const proxy = new TestProxy({ handle, spec, bus, users, database, clock, settings });
  await handle.start();
  if (options.admin === true) await proxy.serveAdmin();
  if (available) {
    const states = () => proxy.view.state(0).targets.map(({ state }) => state);
    await until(() => states().every((state) => state === "AVAILABLE"), { what: "the targets" });
  }
  return proxy;
}

function defaultsFor(server: TestServer, users: readonly ProxyUser[]): SpecOverrides {
  const native = server.engine === "mariadb";
  return {
    name: "tested",
    endpoints: [{ name: "default", host: "127.0.0.1", port: 0 }],
    auth: users.map(({ user, password }) => ({
      username: user,
      password: { value: password },
      clientPasswordAuthType: native ? "MYSQL_NATIVE_PASSWORD" : "MYSQL_CACHING_SHA2_PASSWORD",
    })),
    target: {
      hosts: [`${server.host}:${server.port}`],
      topology: "static",
      tls: "DISABLED",
      monitor: { username: "monitor", password: { value: server.password } },
    },
    admin: { port: 0 },
  };
}

function specOf(settings: SpecOverrides): ProxySpec {
  const parsed = parseSpec(stringify(settings), "test.yaml");
  if (parsed.ok) return parsed.spec;
  throw new Error(parsed.problems.map(({ key, message }) => `${key}: ${message}`).join("\n"));
}

function merged(base: SpecOverrides, over: SpecOverrides): SpecOverrides {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = result[key];
    result[key] = isMapping(old) && isMapping(value) ? merged(old, value) : value;
  }
  return result;
}

function isMapping(value: unknown): value is SpecOverrides {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(what: string): never {
  throw new Error(`a test's proxy has no ${what}`);
}
