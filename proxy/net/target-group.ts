import type { TargetRole } from "../observe/events.ts";
import { Role } from "../pool/role.ts";
import type { EndpointRole, HostSpec, ProxySpec } from "../spec/proxy-spec.ts";
import type { Service } from "./service.ts";
import { type MonitorLogins, TargetMonitor } from "./target-monitor.ts";

/** The servers of a proxy with their roles, and what watches them. */
export class TargetGroup {
  /** By role and address: a server that changes its role is another target. */
  readonly monitors = new Map<string, TargetMonitor>();
  readonly #service: Service;
  readonly #logins: MonitorLogins;
  /** Targets that are gone, until their last backend is. */
  readonly #leaving = new Set<TargetMonitor>();

  constructor(service: Service, logins: MonitorLogins) {
    this.#service = service;
    this.#logins = logins;
  }

  /** Adds and removes targets until they are those of the spec: the first host writes, the others read. */
  set({ target }: ProxySpec): void {
    const wanted = new Map(target.hosts.map((host, i) => [nameOf(host, i), { host, i }]));
    for (const [name, monitor] of this.monitors) if (!wanted.has(name)) this.#remove(name, monitor);
    for (const [name, { host, i }] of wanted) {
      if (!this.monitors.has(name)) this.#add(name, host, roleAt(i));
    }
  }

  tick(now: number): void {
    for (const monitor of this.monitors.values()) monitor.tick(now);
  }

  /** Is everything as it should be? Less often than `tick`. */
  sweep(now: number): void {
    const { counters, backends } = this.#service;
    const [writable, readable] = [this.#isAvailable("READ_WRITE"), this.#isAvailable("READ_ONLY")];
    if (writable !== null) counters.readWrite.set(writable, now);
    if (readable !== null) counters.readOnly.set(readable, now);
    for (const monitor of this.#leaving) {
      const { target } = monitor;
      if ([...backends].some((backend) => backend.target === target)) continue;
      this.#leaving.delete(monitor);
      this.#service.addresses.delete(target);
      if (!this.#has(monitor)) counters.dropTarget(target.id, roleNamed(monitor.role));
    }
  }

  /** Connections of the proxy's own are made anew. */
  renew(): void {
    for (const monitor of this.monitors.values()) monitor.renew();
  }

  stop(): void {
    for (const monitor of this.monitors.values()) monitor.stop();
  }

  /** null: no target has this role, or none has been asked yet. */
  #isAvailable(role: EndpointRole): boolean | null {
    let found: boolean | null = null;
    for (const monitor of this.monitors.values())
      if (monitor.role === role && monitor.state !== "REGISTERING")
        found = found === true || monitor.state === "AVAILABLE";
    return found;
  }

  /** Another monitor stands for the same target in the same role by now. */
  #has({ target, role }: TargetMonitor): boolean {
    for (const monitor of this.monitors.values())
      if (monitor.target.id === target.id && monitor.role === role) return true;
    return false;
  }

  #add(name: string, host: HostSpec, role: EndpointRole): void {
    const service = this.#service;
    const target = service.pool.addTarget(
      {
        id: `${host.host}:${host.port}`,
        role: role === "READ_WRITE" ? Role.READ_WRITE : Role.READ_ONLY,
        maxConnections: null,
        accepting: true,
      },
      service.monotonicMs(),
    );
    service.addresses.set(target, host);
    this.monitors.set(name, new TargetMonitor(service, target, role, this.#logins));
  }

  #remove(name: string, monitor: TargetMonitor): void {
    const service = this.#service;
    const { target, role, state } = monitor;
    monitor.stop();
    this.monitors.delete(name);
    this.#leaving.add(monitor);
    service.pool.removeTarget(target, service.monotonicMs());
    service.counters.target(target.id, roleNamed(role)).maxDatabaseConnectionsAllowed = 0;
    service.events.emit({
      kind: "target-changed",
      at: service.epochMs(),
      target: target.id,
      before: { state, role },
      after: null,
      reason: null,
      detail: "",
    });
  }
}

function roleAt(position: number): EndpointRole {
  return position === 0 ? "READ_WRITE" : "READ_ONLY";
}

function roleNamed(role: TargetRole): EndpointRole {
  return role === "READ_WRITE" ? "READ_WRITE" : "READ_ONLY";
}

function nameOf({ host, port }: HostSpec, position: number): string {
  return `${roleAt(position)} ${host}:${port}`;
}
