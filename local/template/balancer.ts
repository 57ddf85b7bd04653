/** A network load balancer of the template: listeners, target groups, health checks. */
import { setTimeout as pause } from "node:timers/promises";
import { type Destination, Forwarder } from "./network.ts";

export interface TargetGroupPlan {
  readonly id: string;
  readonly healthPort: number;
  readonly healthPath: string;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  /** Whether security groups let health checks and traffic through. */
  readonly checkable: boolean;
  readonly reachable: boolean;
}

interface Target {
  readonly destination: Destination;
  state: "initial" | "healthy" | "unhealthy" | "draining";
  /** Checks in a row. */
  passes: number;
  failures: number;
}

const CHECK_TIMEOUT_MS = 5_000;

export class TargetGroup {
  readonly plan: TargetGroupPlan;
  readonly #targets: Target[] = [];
  readonly #stopped = new AbortController();
  readonly #intervalMs: number;
  #turn = 0;

  constructor(plan: TargetGroupPlan, intervalMs: number) {
    this.plan = plan;
    this.#intervalMs = intervalMs;
  }

  register(destination: Destination): void {
    const target: Target = { destination, state: "initial", passes: 0, failures: 0 };
    this.#targets.push(target);
    void this.#watch(target);
  }

  /** From now on it gets no new connections; those that are open stay. */
  deregister({ host, port }: Destination): void {
    for (const target of this.#targets) {
      if (target.destination.host === host && target.destination.port === port)
        target.state = "draining";
    }
  }

  /** The next healthy target in turn. Where none is healthy all of them get connections, as on AWS. */
  choose(): Destination | null {
    if (!this.plan.reachable) return null;
    const usable = this.#targets.filter(({ state }) => state !== "draining");
    const healthy = usable.filter(({ state }) => state === "healthy");
    const among = healthy.length > 0 ? healthy : usable;
    this.#turn += 1;
    return among[this.#turn % Math.max(1, among.length)]?.destination ?? null;
  }

  get healthy(): number {
    return this.#targets.filter(({ state }) => state === "healthy").length;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(target: Target): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted && target.state !== "draining") {
      this.#note(target, await this.#check(target));
      await pause(this.#intervalMs, undefined, { signal }).catch(() => {});
    }
    const at = this.#targets.indexOf(target);
    if (at >= 0) this.#targets.splice(at, 1);
  }

  #note(target: Target, passed: boolean): void {
    if (target.state === "draining") return;
    target.passes = passed ? target.passes + 1 : 0;
    target.failures = passed ? 0 : target.failures + 1;
    if (target.passes >= this.plan.healthyThreshold) target.state = "healthy";
    if (target.failures >= this.plan.unhealthyThreshold) target.state = "unhealthy";
  }

  async #check({ destination }: Target): Promise<boolean> {
    if (!this.plan.checkable) return false;
    const { healthPort, healthPath } = this.plan;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
    try {
      const answer = await fetch(`http://${destination.host}:${healthPort}${healthPath}`, {
        signal,
      });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }
}

export interface ListenerPlan {
  readonly port: number;
  readonly group: TargetGroup;
  readonly idleMs: number;
}

/** Listens on one address, on all ports of its listeners. */
export class LoadBalancer {
  readonly address: string;
  readonly #forwarders: Forwarder[] = [];

  constructor(address: string) {
    this.address = address;
  }

  async listen({ port, group, idleMs }: ListenerPlan): Promise<void> {
    const choose = () => group.choose();
    this.#forwarders.push(await Forwarder.start({ host: this.address, port, choose, idleMs }));
  }

  openTo(destination: Destination): number {
    return this.#forwarders.reduce((sum, each) => sum + each.openTo(destination), 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#forwarders.map((each) => each.stop()));
  }
}
