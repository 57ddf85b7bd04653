import { generateLoginKey } from "./auth/login-key.ts";
import { Accounts } from "./net/accounts.ts";
import { Endpoint } from "./net/endpoint.ts";
import { splitStatements } from "./net/init-query.ts";
import { Listener } from "./net/listener.ts";
import { poolLimits, Service } from "./net/service.ts";
import { makeView } from "./net/state-view.ts";
import { sweep } from "./net/sweep.ts";
import { type MonitorLogin, TargetMonitor } from "./net/target-monitor.ts";
import { makeOwnTls, makeServerTls } from "./net/tls.ts";
import { ProxyCounters } from "./observe/counters.ts";
import { PinLog } from "./observe/pin-log.ts";
import type { AdminView, EndpointView } from "./observe/state-view.ts";
import { Role } from "./pool/role.ts";
import type { ProxyHandle, ProxyPorts } from "./ports.ts";
import type { EndpointSpec, HostSpec, ProxySpec } from "./spec/proxy-spec.ts";

const TICK_MS = 50;
const SWEEP_MS = 500;
/** How long clients wait for the first sight of a server before they are greeted without. */
const UNKNOWN_MS = 3_000;
/** Rotated secrets are noticed at the latest after this long; a refused login notices at once. */
const SECRETS_MS = 300_000;

interface Open {
  readonly spec: EndpointSpec;
  readonly listener: Listener;
  readonly port: number;
}

/** One proxy: puts the parts together, starts, changes and stops them. */
export class ProxyRuntime implements ProxyHandle {
  readonly counters: ProxyCounters;
  readonly view: AdminView;
  readonly #ports: ProxyPorts;
  readonly #accounts: Accounts;
  readonly #pins = new PinLog();
  readonly #monitors = new Map<string, TargetMonitor>();
  #spec: ProxySpec;
  #service: Service | null = null;
  #open: Open[] = [];
  #monitorLogin: MonitorLogin | null = null;
  #timers: NodeJS.Timeout[] = [];
  #lastSweepMs = 0;

  constructor(spec: ProxySpec, ports: ProxyPorts) {
    this.#spec = spec;
    this.#ports = ports;
    this.counters = new ProxyCounters(spec.name);
    this.#accounts = new Accounts(ports);
    const startedAt = ports.clock.epochMs();
    this.view = makeView({
      service: () => this.#service,
      pins: this.#pins,
      monitors: this.#monitors,
      endpoints: () => this.endpoints(),
      spec: () => this.#spec,
      startedAt,
    });
  }

  async start(): Promise<void> {
    const spec = this.#spec;
    await this.#accounts.load(spec.auth);
    const service = new Service({
      spec,
      accounts: this.#accounts,
      clock: this.#ports.clock,
      events: this.#ports.events,
      counters: this.counters,
      pins: this.#pins,
      loginKey: await generateLoginKey(),
    });
    this.#service = service;
    await this.#loadFiles(service, spec);
    this.#setTargets(service, spec);
    await this.#loadMonitor(spec);
    for (const endpoint of spec.endpoints) this.#open.push(await this.#listen(service, endpoint));
    this.#timers.push(setInterval(() => this.#tick(service), TICK_MS));
    this.#timers.push(setInterval(() => void this.#renewSecrets(service), SECRETS_MS));
    setTimeout(() => service.known(), UNKNOWN_MS).unref();
    this.#tick(service);
  }

  endpoints(): readonly EndpointView[] {
    return this.#open.map(({ spec, port }) => ({
      name: spec.name,
      targetRole: spec.targetRole,
      host: spec.host,
      port,
      clientConnections: this.counters.endpoint(spec.name).clientConnections,
    }));
  }

  async apply(spec: ProxySpec): Promise<void> {
    const service = this.#service;
    if (service === null) throw new Error("the proxy has not been started");
    await this.#loadFiles(service, spec);
    await this.#accounts.load(spec.auth);
    await this.#loadMonitor(spec);
    const opened = await this.#openNew(service, spec);
    const old = this.#spec;
    this.#spec = spec;
    service.spec = spec;
    this.#closeOld(opened);
    this.#setTargets(service, spec);
    const now = service.monotonicMs();
    service.pool.configure(poolLimits(spec), now);
    if (old.pool.initQuery !== spec.pool.initQuery) {
      service.initStatements = splitStatements(spec.pool.initQuery);
      for (const target of service.pool.targets) service.pool.renewTarget(target, now);
    }
    this.#dropUsers(service);
  }

  async drain(withinMs: number): Promise<void> {
    const service = this.#service;
    if (service === null) return;
    service.draining = true;
    for (const { listener } of this.#open) listener.close();
    const at = this.#ports.clock.epochMs();
    this.#ports.events.emit({
      kind: "proxy-draining",
      at,
      withinMs,
      sessions: service.sessions.size,
    });
    const deadline = service.monotonicMs() + withinMs;
    while (service.sessions.size > 0 && service.monotonicMs() < deadline) {
      for (const session of service.sessions.values())
        if (session.isAtRest) session.close("drained");
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  async stop(): Promise<void> {
    const service = this.#service;
    if (service === null) return;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    for (const { listener } of this.#open) listener.close();
    const sessionsCut = service.sessions.size;
    for (const session of [...service.sessions.values()]) session.close("drained");
    for (const monitor of this.#monitors.values()) monitor.stop();
    for (const backend of [...service.backends])
      service.pool.discard(backend, "shutdown", service.monotonicMs());
    for (const backend of service.watched) backend.close();
    await new Promise((resolve) => setImmediate(resolve));
    this.#ports.events.emit({
      kind: "proxy-stopped",
      at: this.#ports.clock.epochMs(),
      sessionsCut,
    });
    this.#service = null;
  }

  #tick(service: Service): void {
    const now = service.monotonicMs();
    try {
      service.pool.tick(now);
      for (const monitor of this.#monitors.values()) monitor.tick(now);
      if (now - this.#lastSweepMs >= SWEEP_MS) {
        this.#lastSweepMs = now;
        sweep(service, now, service.epochMs());
        this.#availability(now);
      }
    } catch (error) {
      service.bug("tick", error, null);
    }
  }

  #availability(now: number): void {
    const has = (role: string): boolean => {
      for (const monitor of this.#monitors.values()) {
        if (monitor.role === role && monitor.state === "AVAILABLE") return true;
      }
      return false;
    };
    this.counters.readWrite.set(has("READ_WRITE"), now);
    this.counters.readOnly.set(has("READ_ONLY"), now);
  }

  async #listen(service: Service, spec: EndpointSpec): Promise<Open> {
    const endpoint = new Endpoint(service, spec.name, spec.targetRole);
    const listener = new Listener(service, endpoint);
    const port = await listener.listen(spec.host, spec.port);
    const at = this.#ports.clock.epochMs();
    const { name, targetRole: role, host } = spec;
    this.#ports.events.emit({ kind: "proxy-listening", at, endpoint: name, role, host, port });
    return { spec, listener, port };
  }

  /** Listens where the new spec wants more than the old one; undoes it all if one address cannot be had. */
  async #openNew(service: Service, spec: ProxySpec): Promise<Open[]> {
    const opened: Open[] = [];
    try {
      for (const wanted of spec.endpoints) {
        const same = this.#open.find((open) => sameEndpoint(open.spec, wanted));
        opened.push(same ?? (await this.#listen(service, wanted)));
      }
      return opened;
    } catch (error) {
      for (const open of opened) if (!this.#open.includes(open)) open.listener.close();
      throw error;
    }
  }

  #closeOld(opened: Open[]): void {
    for (const open of this.#open) if (!opened.includes(open)) open.listener.close();
    this.#open = opened;
  }

  async #loadFiles(service: Service, spec: ProxySpec): Promise<void> {
    const { readFile, clock } = this.#ports;
    const { caFile } = spec.target;
    const ca = caFile === null ? null : await readFile(caFile);
    const hosts = [
      ...new Set(["localhost", "127.0.0.1", ...spec.endpoints.map((each) => each.host)]),
    ];
    if (spec.tls !== null) {
      service.tls = makeServerTls(
        await readFile(spec.tls.certFile),
        await readFile(spec.tls.keyFile),
      );
    } else if (service.tls === null || this.#spec.tls !== null) {
      service.tls = makeOwnTls(spec.name, hosts, clock.epochMs());
    }
    service.targetCa = ca;
  }

  async #loadMonitor(spec: ProxySpec): Promise<void> {
    const { credential } = spec.target.monitor;
    this.#monitorLogin = credential === null ? null : await this.#accounts.credential(credential);
  }

  /** Adds and removes targets until they are those of the spec: the first host writes, the others read. */
  #setTargets(service: Service, spec: ProxySpec): void {
    const now = service.monotonicMs();
    const wanted = new Map(spec.target.hosts.map((host, i) => [nameOf(host, i), { host, i }]));
    for (const [name, monitor] of this.#monitors) {
      if (wanted.has(name)) continue;
      monitor.stop();
      service.pool.removeTarget(monitor.target, now);
      this.#monitors.delete(name);
    }
    for (const [name, { host, i }] of wanted) {
      if (this.#monitors.has(name)) continue;
      const role = i === 0 ? Role.READ_WRITE : Role.READ_ONLY;
      const id = `${host.host}:${host.port}`;
      const target = service.pool.addTarget(
        { id, role, maxConnections: null, accepting: true },
        now,
      );
      service.addresses.set(target, host);
      const roleName = i === 0 ? "READ_WRITE" : "READ_ONLY";
      this.#monitors.set(name, new TargetMonitor(service, target, roleName, () => this.#watchAs()));
    }
  }

  #watchAs(): MonitorLogin | null {
    if (this.#monitorLogin !== null) return this.#monitorLogin;
    for (const account of this.#accounts.all()) return account;
    return null;
  }

  /** Sessions of users who are gone end; passwords that have changed count for new backends. */
  #dropUsers(service: Service): void {
    for (const session of [...service.sessions.values()]) {
      const name = session.account?.username;
      if (name !== undefined && this.#accounts.find(name) === null) session.close("user-removed");
    }
    for (const key of service.pool.keys) {
      if (this.#accounts.find(key.userKey) === null)
        service.pool.renewKey(key, service.monotonicMs());
    }
  }

  async #renewSecrets(service: Service): Promise<void> {
    try {
      await this.#accounts.refreshAll(() => {});
    } catch (error) {
      service.bug("secrets", error, null);
    }
  }
}

function sameEndpoint(left: EndpointSpec, right: EndpointSpec): boolean {
  return (
    left.name === right.name &&
    left.targetRole === right.targetRole &&
    left.host === right.host &&
    left.port === right.port
  );
}

/** A target that changes its role is another target. */
function nameOf({ host, port }: HostSpec, position: number): string {
  return `${position === 0 ? "writer" : "reader"} ${host}:${port}`;
}
