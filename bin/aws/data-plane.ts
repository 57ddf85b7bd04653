import { readFile } from "node:fs/promises";
import type { ProxyHooks, ProxyPlan, RunningProxy } from "../../control/index.ts";
import type { CertificateAuthority } from "../../proxy/index.ts";
import { createProxy } from "../../proxy/index.ts";
import { DataPoints } from "../../proxy/observe/data-points.ts";
import { EventBus } from "../../proxy/observe/events.ts";
import { EventLog } from "../../proxy/observe/log.ts";
import type { DatabaseSecret, ProxyClock, ProxyHandle } from "../../proxy/ports.ts";
import { DebugLogging } from "../debug-logging.ts";
import { VERSION } from "../version.ts";
import { reserveAddress } from "./loopback.ts";
import { CERT_FILE, KEY_FILE, specOf } from "./proxy-spec.ts";
import { createRoleFetcher } from "./role-secrets.ts";

export interface DataPlaneOptions {
  /** Signs the certificates that clients are shown. */
  readonly authority: CertificateAuthority;
  readonly clock?: ProxyClock;
}

const MACHINE_CLOCK: ProxyClock = {
  epochMs: Date.now,
  monotonicMs: performance.now.bind(performance),
};

const CERTIFICATE_DAYS = 397;

/** Real proxies in this process, for the control plane. */
export function createDataPlane({ authority, clock = MACHINE_CLOCK }: DataPlaneOptions) {
  return {
    reserve: reserveAddress,
    open: async (plan: ProxyPlan, hooks: ProxyHooks): Promise<RunningProxy> => {
      const proxy = new ManagedProxy(plan, hooks, { authority, clock });
      await proxy.start();
      return proxy;
    },
  };
}

class ManagedProxy implements RunningProxy {
  #plan: ProxyPlan;
  readonly #handle: ProxyHandle;
  readonly #debug: DebugLogging;
  readonly #clock: ProxyClock;
  readonly #points: DataPoints;
  readonly #certificates: Certificates;
  /** ARNs of secrets that could be read. */
  readonly #read = new Set<string>();

  constructor(
    plan: ProxyPlan,
    hooks: ProxyHooks,
    { authority, clock }: Required<DataPlaneOptions>,
  ) {
    this.#plan = plan;
    this.#clock = clock;
    this.#certificates = new Certificates(authority, clock);
    const events = new EventBus();
    const log = new EventLog({ form: "text", debug: false, sink: hooks.onLine });
    events.subscribe(log.write);
    events.subscribe(({ kind }) => {
      if (kind === "debug-logging-ended") hooks.onDebugLoggingEnded();
    });
    this.#debug = new DebugLogging(events, log, clock);
    const fetchSecret = createRoleFetcher(hooks);
    this.#handle = createProxy(specOf(plan), {
      version: VERSION,
      clock,
      events,
      passwords: { env: () => undefined, readText: () => "" },
      readFile: (path) => this.#file(path),
      fetchSecret: (arn) => this.#fetch(arn, fetchSecret),
      tokenKeys: {
        region: hooks.region,
        secretOf: (id, sessionToken, user) => hooks.tokenSecret(id, sessionToken, user),
      },
    });
    this.#points = new DataPoints(this.#handle.counters);
  }

  async start(): Promise<void> {
    this.#debug.want(this.#plan.debugLogging);
    try {
      await this.#handle.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async apply(plan: ProxyPlan): Promise<void> {
    const before = this.#plan;
    this.#plan = plan;
    try {
      await this.#handle.apply(specOf(plan));
    } catch (error) {
      this.#plan = before;
      throw error;
    }
    this.#debug.want(plan.debugLogging);
  }

  targets() {
    return this.#handle.view.state(0).targets.map(({ id, host, port, ...sight }) => ({
      id,
      address: { host, port },
      role: sight.role,
      state: sight.state,
      reason: sight.reason,
      description: sight.description,
    }));
  }

  hasCredentials(): boolean {
    return this.#plan.auth.some(({ secretArn }) => this.#read.has(secretArn));
  }

  dataPoints() {
    return this.#points.collect(this.#clock.monotonicMs());
  }

  async stop(): Promise<void> {
    this.#debug.stop();
    await this.#handle.stop();
  }

  async #fetch(
    arn: string,
    fetchSecret: (arn: string) => Promise<DatabaseSecret>,
  ): Promise<DatabaseSecret> {
    const secret = await fetchSecret(arn);
    this.#read.add(arn);
    return secret;
  }

  async #file(path: string): Promise<Buffer> {
    const hosts = this.#plan.endpoints.map(({ address }) => address.host);
    if (path === CERT_FILE) return Buffer.from(this.#certificates.for(this.#plan.name, hosts).cert);
    if (path === KEY_FILE) return Buffer.from(this.#certificates.for(this.#plan.name, hosts).key);
    return readFile(path);
  }
}

/** One certificate for all endpoints of a proxy; another one when they change. */
class Certificates {
  readonly #authority: CertificateAuthority;
  readonly #clock: ProxyClock;
  #hosts = "";
  #issued: { readonly cert: string; readonly key: string } | null = null;

  constructor(authority: CertificateAuthority, clock: ProxyClock) {
    this.#authority = authority;
    this.#clock = clock;
  }

  for(name: string, hosts: readonly string[]): { readonly cert: string; readonly key: string } {
    const key = hosts.join(" ");
    if (this.#issued === null || this.#hosts !== key) {
      this.#hosts = key;
      this.#issued = this.#authority.issue({
        commonName: name,
        altNames: [...new Set([...hosts, "localhost", "127.0.0.1"])],
        days: CERTIFICATE_DAYS,
        now: this.#clock.epochMs(),
      });
    }
    return this.#issued;
  }
}
