/**
 * The numbers of a proxy. The hot path adds to plain fields; whoever shows them reads. Fields carry the CloudWatch
 * names in camel case. Those that name something current go up and down; all others only grow.
 */
import type { EndpointRole } from "../spec/proxy-spec.ts";
import { Availability } from "./availability.ts";
import { Latency } from "./latency.ts";

/** One for each endpoint: clients and their requests. */
export class EndpointCounters {
  /** Open now, in setup or set up. */
  clientConnections = 0;
  clientConnectionsInSetup = 0;
  clientConnectionsTLS = 0;
  clientConnectionsNoTLS = 0;

  clientConnectionsReceived = 0;
  clientConnectionsClosed = 0;
  clientConnectionsSetupSucceeded = 0;
  clientConnectionsSetupFailedAuth = 0;
  /** A text with several statements counts once. */
  queryRequests = 0;
  queryRequestsTLS = 0;
  queryRequestsNoTLS = 0;

  readonly databaseConnectionsBorrowLatency = new Latency();
  /** From the request to the last byte of the answer, at the proxy. */
  readonly queryResponseLatency = new Latency();
  readonly queryDatabaseResponseLatency = new Latency();

  /** Sessions that wait for a backend now. */
  sessionsWaiting = 0;
  borrowTimeouts = 0;
  /** What became of requests that met a failover: each is counted once. */
  failoverRequestsWaited = 0;
  failoverRequestsRetried = 0;
  failoverRequestsFailed = 0;
  /** Refused for the limits on connections or on their rate. */
  clientConnectionsRefused = 0;
}

/** One for each target in each role: its backends. A backend keeps the counters it was opened under. */
export class TargetCounters {
  databaseConnections = 0;
  databaseConnectionsWithTLS = 0;
  databaseConnectionsCurrentlyBorrowed = 0;
  databaseConnectionsCurrentlyInTransaction = 0;
  databaseConnectionsCurrentlySessionPinned = 0;
  maxDatabaseConnectionsAllowed = 0;

  databaseConnectionRequests = 0;
  databaseConnectionRequestsWithTLS = 0;
  databaseConnectionsSetupSucceeded = 0;
  databaseConnectionsSetupFailed = 0;

  readonly queryDatabaseResponseLatency = new Latency();
}

/** What a metric series of a target is labelled with. */
export interface TargetSeries {
  readonly target: string;
  readonly role: EndpointRole;
  readonly counters: TargetCounters;
}

/** All counters of one proxy. What is dropped leaves its totals behind, so that sums over the proxy never shrink. */
export class ProxyCounters {
  readonly proxyName: string;
  readonly readWrite = new Availability();
  readonly readOnly = new Availability();
  /** Pins by rule id. */
  readonly pins = new Map<string, number>();
  /** Totals of endpoints and targets that are gone. */
  readonly gone = { endpoint: new EndpointCounters(), target: new TargetCounters() };
  readonly #endpoints = new Map<string, EndpointCounters>();
  readonly #targets = new Map<string, TargetSeries>();

  constructor(proxyName: string) {
    this.proxyName = proxyName;
  }

  /** The counters of an endpoint, made on first use. */
  endpoint(name: string): EndpointCounters {
    let found = this.#endpoints.get(name);
    if (found === undefined) {
      found = new EndpointCounters();
      this.#endpoints.set(name, found);
    }
    return found;
  }

  /** The counters of a target in one role, made on first use. */
  target(target: string, role: EndpointRole): TargetCounters {
    const key = `${role} ${target}`;
    let found = this.#targets.get(key);
    if (found === undefined) {
      found = { target, role, counters: new TargetCounters() };
      this.#targets.set(key, found);
    }
    return found.counters;
  }

  /** Forgets an endpoint. Call it once its last client is gone. */
  dropEndpoint(name: string): void {
    const found = this.#endpoints.get(name);
    if (found !== undefined) addTotals(this.gone.endpoint, found);
    this.#endpoints.delete(name);
  }

  /** Forgets a target in one role. Call it once its last backend is gone. */
  dropTarget(target: string, role: EndpointRole): void {
    const key = `${role} ${target}`;
    const found = this.#targets.get(key);
    if (found !== undefined) addTotals(this.gone.target, found.counters);
    this.#targets.delete(key);
  }

  countPin(rule: string): void {
    this.pins.set(rule, (this.pins.get(rule) ?? 0) + 1);
  }

  endpoints(): Iterable<readonly [string, EndpointCounters]> {
    return this.#endpoints;
  }

  targets(): Iterable<TargetSeries> {
    return this.#targets.values();
  }
}

function addTotals<T extends object>(into: T, from: T): void {
  for (const key of Object.keys(from) as (keyof T)[]) {
    const more = from[key];
    const sum = into[key];
    if (sum instanceof Latency && more instanceof Latency) sum.add(more);
    else if (typeof sum === "number" && typeof more === "number")
      into[key] = (sum + more) as T[keyof T];
  }
}
