import { generateLoginKey } from "./auth/login-key.ts";
import { type AccountChanges, Accounts, type NamedPassword } from "./net/accounts.ts";
import { EndpointSet } from "./net/endpoint-set.ts";
import { splitStatements } from "./net/init-query.ts";
import { poolLimits } from "./net/pool-settings.ts";
import { Service } from "./net/service.ts";
import { makeView } from "./net/state-view.ts";
import { sweep } from "./net/sweep.ts";
import { TargetGroup } from "./net/target-group.ts";
import type { MonitorLogins } from "./net/target-monitor.ts";
import { makeOwnTls, makeServerTls, type ServerTls } from "./net/tls.ts";
import { TopologyGroup } from "./net/topology-group.ts";
import { ProxyCounters } from "./observe/counters.ts";
import { PinLog } from "./observe/pin-log.ts";
import type { AdminView, EndpointView } from "./observe/state-view.ts";
import { type ProxyHandle, type ProxyPorts, SettingFault } from "./ports.ts";
import type { ProxySpec, TargetSpec } from "./spec/proxy-spec.ts";

const TICK_MS = 50;
const SWEEP_MS = 500;
/** How long clients wait for the first sight of a server before they are greeted without. */
const UNKNOWN_MS = 3_000;
/** Rotated secrets are noticed at the latest after this long; a refused login notices at once. */
const SECRETS_MS = 300_000;
/** The same for a secret that could not be read yet. */
const MISSING_SECRETS_MS = 15_000;
/** Milliseconds between two readings of the monitor's secret after refused logins. */
const MONITOR_REREAD_MS = 5_000;
/** How long a stop waits for statements of vanished clients to be killed. */
const KILLS_MS = 1_000;

/** What of a spec has to be read before it can be in force. */
interface Files {
  readonly tls: ServerTls;
  readonly targetCa: Buffer | null;
  readonly monitor: NamedPassword | null;
}

/** One proxy: puts the parts together, starts, changes and stops them. */
export class ProxyRuntime implements ProxyHandle {
  readonly counters: ProxyCounters;
  readonly view: AdminView;
  readonly #ports: ProxyPorts;
  readonly #accounts: Accounts;
  readonly #pins = new PinLog();
  #spec: ProxySpec;
  #service: Service | null = null;
  #endpoints: EndpointSet | null = null;
  #targets: TargetGroup | TopologyGroup | null = null;
  #monitorLogin: NamedPassword | null = null;
  #timers: NodeJS.Timeout[] = [];
  #nextSweepMs = 0;
  #greetAtMs = 0;
  #nextSecretsMs = 0;
  #allSecretsMs = 0;
  #nextMonitorRereadMs = 0;
  #rereading = false;

  constructor(spec: ProxySpec, ports: ProxyPorts) {
    this.#spec = spec;
    this.#ports = ports;
    this.counters = new ProxyCounters(spec.name);
    this.#accounts = new Accounts(ports);
    const startedAt = ports.clock.epochMs();
    this.view = makeView({
      service: () => this.#service,
      pins: this.#pins,
      monitors: () => this.#targets?.monitors.values() ?? [],
      endpoints: () => this.endpoints(),
      spec: () => this.#spec,
      version: ports.version,
      startedAt,
    });
  }

  async start(): Promise<void> {
    const spec = this.#spec;
    this.#accounts.adopt(await this.#accounts.read(spec.auth));
    const service = new Service({
      spec,
      accounts: this.#accounts,
      clock: this.#ports.clock,
      events: this.#ports.events,
      counters: this.counters,
      pins: this.#pins,
      loginKey: await generateLoginKey(),
    });
    service.iam = { keys: this.#ports.tokenKeys ?? null, endpoints: [] };
    this.#adoptFiles(service, await this.#readFiles(spec, null));
    const logins: MonitorLogins = {
      current: () => this.#watchAs(),
      refused: () => void this.#rereadMonitor(service),
    };
    const { topology, clusterIdentifier } = spec.target;
    const find = clusterIdentifier === "" ? null : (this.#ports.findInstances ?? null);
    const targets =
      topology === "static"
        ? new TargetGroup(service, logins)
        : new TopologyGroup(service, logins, find);
    const endpoints = new EndpointSet(service);
    this.#service = service;
    this.#targets = targets;
    this.#endpoints = endpoints;
    targets.set(spec);
    this.#greetAtMs = service.monotonicMs() + UNKNOWN_MS;
    this.#tick(service);
    endpoints.adopt(await endpoints.prepare(spec.endpoints));
    this.#nextSecretsMs = service.monotonicMs() + MISSING_SECRETS_MS;
    this.#allSecretsMs = service.monotonicMs() + SECRETS_MS;
    this.#timers.push(setInterval(() => this.#tick(service), TICK_MS));
  }

  endpoints(): readonly EndpointView[] {
    return this.#endpoints?.views() ?? [];
  }

  /** Everything that can fail comes first, and changes nothing. */
  async apply(spec: ProxySpec): Promise<void> {
    const service = this.#service;
    const { old, endpoints, targets } = this.#parts();
    if (service === null) throw new Error("the proxy is not running");
    const files = await this.#readFiles(spec, service.tls);
    const accounts = await this.#accounts.read(spec.auth);
    const opened = await endpoints.prepare(spec.endpoints);
    this.#spec = spec;
    service.spec = spec;
    const isOtherMonitor = !isSameLogin(this.#monitorLogin, files.monitor);
    const isOtherWay = !isSameWay(old.target, spec.target) || !isSameFile(service.targetCa, files);
    this.#adoptFiles(service, files);
    endpoints.adopt(opened);
    targets.set(spec);
    if (isOtherMonitor || isOtherWay) targets.renew();
    service.denials.forgiveAll();
    service.knownSchemas.clear();
    this.#changed(service, this.#accounts.adopt(accounts));
    const now = service.monotonicMs();
    service.pool.configure(poolLimits(spec), now);
    if (old.pool.initQuery !== spec.pool.initQuery) {
      service.initStatements = splitStatements(spec.pool.initQuery);
      for (const target of service.pool.targets) service.pool.renewTarget(target, now);
    }
  }

  async drain(withinMs: number): Promise<void> {
    const service = this.#service;
    if (service === null) return;
    service.draining = true;
    this.#endpoints?.close();
    const at = this.#ports.clock.epochMs();
    const sessions = service.sessions.size;
    this.#ports.events.emit({ kind: "proxy-draining", at, withinMs, sessions });
    const deadline = service.monotonicMs() + withinMs;
    for (;;) {
      for (const session of [...service.sessions.values()])
        if (session.isAtRest) session.close("drained");
      if (service.sessions.size === 0 || service.monotonicMs() >= deadline) return;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  async stop(): Promise<void> {
    const service = this.#service;
    if (service === null) return;
    this.#service = null;
    service.draining = true;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#endpoints?.close();
    this.#targets?.stop();
    const sessionsCut = service.sessions.size;
    for (const session of [...service.sessions.values()]) session.close("drained");
    await untilKilled(service);
    for (const backend of [...service.backends])
      service.pool.discard(backend, "shutdown", service.monotonicMs());
    for (const backend of service.watched) backend.close();
    await new Promise((resolve) => setImmediate(resolve));
    const at = this.#ports.clock.epochMs();
    this.#ports.events.emit({ kind: "proxy-stopped", at, sessionsCut });
  }

  #parts(): { old: ProxySpec; endpoints: EndpointSet; targets: TargetGroup | TopologyGroup } {
    const [endpoints, targets] = [this.#endpoints, this.#targets];
    if (endpoints === null || targets === null) throw new Error("the proxy has not been started");
    return { old: this.#spec, endpoints, targets };
  }

  #tick(service: Service): void {
    const now = service.monotonicMs();
    try {
      service.pool.tick(now);
      this.#targets?.tick(now);
      if (now >= this.#nextSweepMs) {
        this.#nextSweepMs = now + SWEEP_MS;
        if (now >= this.#greetAtMs) service.greet();
        sweep(service, now, service.epochMs());
        this.#targets?.sweep(now);
        this.#endpoints?.sweep();
      }
      if (now >= this.#nextSecretsMs) void this.#reread(service, now);
    } catch (error) {
      service.bug("tick", error, null);
    }
  }

  async #readFiles(spec: ProxySpec, present: ServerTls | null): Promise<Files> {
    const { target } = spec;
    const ca =
      target.caFile === null ? null : await this.#file(["target", "caFile"], target.caFile);
    const { credential } = target.monitor;
    const monitor =
      credential === null ? null : await this.#accounts.credential(credential, this.#monitorLogin);
    return { tls: await this.#certificate(spec, present), targetCa: ca, monitor };
  }

  async #certificate(spec: ProxySpec, present: ServerTls | null): Promise<ServerTls> {
    if (spec.tls === null) {
      if (present?.isOwn === true) return present;
      const hosts = ["localhost", "127.0.0.1", ...spec.endpoints.map((each) => each.host)];
      return makeOwnTls(spec.name, [...new Set(hosts)], this.#ports.clock.epochMs());
    }
    const cert = await this.#file(["tls", "certFile"], spec.tls.certFile);
    const key = await this.#file(["tls", "keyFile"], spec.tls.keyFile);
    try {
      return makeServerTls(cert, key);
    } catch (error) {
      const { message } = error as Error;
      throw new SettingFault(["tls", "certFile"], `cannot be used with its key: ${message}`);
    }
  }

  async #file(path: readonly string[], name: string): Promise<Buffer> {
    try {
      return await this.#ports.readFile(name);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new SettingFault(path, `The file ${name} cannot be read: ${code ?? message}.`);
    }
  }

  #adoptFiles(service: Service, { tls, targetCa, monitor }: Files): void {
    service.tls = tls;
    service.targetCa = targetCa;
    this.#monitorLogin = monitor;
  }

  #watchAs(): NamedPassword | null {
    if (this.#monitorLogin !== null) return this.#monitorLogin;
    for (const account of this.#accounts.all()) return account;
    return null;
  }

  /** Sessions of users who are gone end; backends under old passwords are replaced as they come back. */
  #changed(service: Service, { gone, renewed }: AccountChanges): void {
    for (const session of [...service.sessions.values()]) {
      const name = session.account?.username;
      if (name !== undefined && gone.includes(name)) session.close("user-removed");
    }
    service.renewUsers([...gone, ...renewed]);
  }

  /** On a schedule: all secrets, and sooner those that could not be read yet. */
  async #reread(service: Service, now: number): Promise<void> {
    this.#nextSecretsMs = Number.POSITIVE_INFINITY;
    const missingOnly = now < this.#allSecretsMs;
    if (!missingOnly) this.#allSecretsMs = now + SECRETS_MS;
    const { credential } = this.#spec.target.monitor;
    const accounts = this.#accounts;
    try {
      if (missingOnly ? accounts.isMissingSecrets : accounts.hasSecrets)
        this.#changed(service, await accounts.reread(missingOnly));
      if (!missingOnly && credential?.from === "secret") await this.#rereadMonitor(service);
    } catch (error) {
      service.bug("secrets", error, null);
    }
    this.#nextSecretsMs = now + MISSING_SECRETS_MS;
  }

  /** The monitor was refused: its password may be another one now. */
  async #rereadMonitor(service: Service): Promise<void> {
    const now = service.monotonicMs();
    const { credential } = this.#spec.target.monitor;
    if (this.#rereading || now < this.#nextMonitorRereadMs) return;
    this.#nextMonitorRereadMs = now + MONITOR_REREAD_MS;
    this.#rereading = true;
    try {
      const old = this.#watchAs();
      if (credential !== null)
        this.#monitorLogin = await this.#accounts.credential(credential, this.#monitorLogin);
      else if (old !== null) await this.#accounts.rereadAfterDenial(old.username);
      if (!isSameLogin(old, this.#watchAs())) this.#targets?.renew();
    } catch (error) {
      service.bug("secrets", error, null);
    } finally {
      this.#rereading = false;
    }
  }
}

async function untilKilled(service: Service): Promise<void> {
  const deadline = service.monotonicMs() + KILLS_MS;
  while (service.killsRunning > 0 && service.monotonicMs() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

function isSameLogin(left: NamedPassword | null, right: NamedPassword | null): boolean {
  return left?.username === right?.username && left?.password === right?.password;
}

function isSameWay(left: TargetSpec, right: TargetSpec): boolean {
  return left.tls === right.tls && left.caFile === right.caFile;
}

function isSameFile(before: Buffer | null, { targetCa }: Files): boolean {
  return before === targetCa || (before !== null && targetCa?.equals(before) === true);
}
