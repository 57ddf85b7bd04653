/**
 * Every metric of the data plane, once: CloudWatch's name, unit, kind and dimension sets, and the counter it is read
 * from. Whatever publishes metrics goes through this table.
 */
import type { EndpointCounters, TargetCounters } from "./counters.ts";
import type { Latency } from "./latency.ts";

/** CloudWatch's dimension sets for proxies, each with `ProxyName`. */
export type DimensionSet = "proxy" | "endpoint" | "target" | "role";

export const DIMENSIONS: Readonly<Record<DimensionSet, readonly string[]>> = {
  proxy: ["ProxyName"],
  endpoint: ["ProxyName", "EndpointName"],
  target: ["ProxyName", "TargetGroup", "Target"],
  role: ["ProxyName", "TargetGroup", "TargetRole"],
};

/** RDS gives each proxy one target group, of this name. */
export const TARGET_GROUP = "default";

export type MetricUnit = "Count" | "Microseconds" | "Percent";

/** gauge: what is now · counter: what has been since the start · latency: durations. */
export type MetricKind = "gauge" | "counter" | "latency";

type FieldOf<C, V> = { [K in keyof C]: C[K] extends V ? K : never }[keyof C];

/** Where the numbers are kept. A latency may be kept twice: by endpoint and by target. */
export type MetricSource =
  | { readonly of: "endpoint"; readonly field: FieldOf<EndpointCounters, number> }
  | { readonly of: "target"; readonly field: FieldOf<TargetCounters, number> }
  | { readonly of: "endpoint-latency"; readonly field: FieldOf<EndpointCounters, Latency> }
  | {
      readonly of: "both-latency";
      readonly field: FieldOf<EndpointCounters, Latency> & FieldOf<TargetCounters, Latency>;
    }
  | { readonly of: "availability" };

export interface MetricRow {
  readonly name: string;
  readonly unit: MetricUnit;
  readonly kind: MetricKind;
  readonly sets: readonly DimensionSet[];
  readonly source: MetricSource;
  readonly help: string;
  /** Not one of CloudWatch's. */
  readonly ours?: true;
}

const CLIENT = ["proxy", "endpoint"] as const;
const BACKEND = ["proxy", "target", "role"] as const;

function client(
  name: string,
  kind: "gauge" | "counter",
  field: FieldOf<EndpointCounters, number>,
  help: string,
): MetricRow {
  return { name, unit: "Count", kind, sets: CLIENT, source: { of: "endpoint", field }, help };
}

function backend(
  name: string,
  kind: "gauge" | "counter",
  field: FieldOf<TargetCounters, number>,
  help: string,
): MetricRow {
  return { name, unit: "Count", kind, sets: BACKEND, source: { of: "target", field }, help };
}

export const METRICS: readonly MetricRow[] = [
  {
    name: "AvailabilityPercentage",
    unit: "Percent",
    kind: "gauge",
    sets: ["role"],
    source: { of: "availability" },
    help: "Share of the last minute in which the target group could serve the role",
  },
  client("ClientConnections", "gauge", "clientConnections", "Open client connections"),
  client(
    "ClientConnectionsClosed",
    "counter",
    "clientConnectionsClosed",
    "Client connections closed",
  ),
  client(
    "ClientConnectionsInSetup",
    "gauge",
    "clientConnectionsInSetup",
    "Open client connections that have not completed their login",
  ),
  client(
    "ClientConnectionsNoTLS",
    "gauge",
    "clientConnectionsNoTLS",
    "Open client connections without TLS",
  ),
  client(
    "ClientConnectionsTLS",
    "gauge",
    "clientConnectionsTLS",
    "Open client connections with TLS",
  ),
  client(
    "ClientConnectionsReceived",
    "counter",
    "clientConnectionsReceived",
    "Client connections received",
  ),
  client(
    "ClientConnectionsSetupFailedAuth",
    "counter",
    "clientConnectionsSetupFailedAuth",
    "Client connections that failed for their login or for TLS",
  ),
  client(
    "ClientConnectionsSetupSucceeded",
    "counter",
    "clientConnectionsSetupSucceeded",
    "Client connections set up",
  ),
  backend(
    "DatabaseConnectionRequests",
    "counter",
    "databaseConnectionRequests",
    "Requests to open a backend",
  ),
  backend(
    "DatabaseConnectionRequestsWithTLS",
    "counter",
    "databaseConnectionRequestsWithTLS",
    "Requests to open a backend with TLS",
  ),
  backend("DatabaseConnections", "gauge", "databaseConnections", "Open backends"),
  backend(
    "DatabaseConnectionsWithTLS",
    "gauge",
    "databaseConnectionsWithTLS",
    "Open backends with TLS",
  ),
  {
    name: "DatabaseConnectionsBorrowLatency",
    unit: "Microseconds",
    kind: "latency",
    sets: CLIENT,
    source: { of: "endpoint-latency", field: "databaseConnectionsBorrowLatency" },
    help: "Time that sessions took to borrow a backend",
  },
  backend(
    "DatabaseConnectionsCurrentlyBorrowed",
    "gauge",
    "databaseConnectionsCurrentlyBorrowed",
    "Backends that a session has",
  ),
  backend(
    "DatabaseConnectionsCurrentlyInTransaction",
    "gauge",
    "databaseConnectionsCurrentlyInTransaction",
    "Backends in a transaction",
  ),
  backend(
    "DatabaseConnectionsCurrentlySessionPinned",
    "gauge",
    "databaseConnectionsCurrentlySessionPinned",
    "Backends pinned to a session",
  ),
  backend(
    "DatabaseConnectionsSetupFailed",
    "counter",
    "databaseConnectionsSetupFailed",
    "Backends that could not be opened",
  ),
  backend(
    "DatabaseConnectionsSetupSucceeded",
    "counter",
    "databaseConnectionsSetupSucceeded",
    "Backends opened",
  ),
  backend(
    "MaxDatabaseConnectionsAllowed",
    "gauge",
    "maxDatabaseConnectionsAllowed",
    "Most backends that may be open",
  ),
  {
    name: "QueryDatabaseResponseLatency",
    unit: "Microseconds",
    kind: "latency",
    sets: ["proxy", "endpoint", "target", "role"],
    source: { of: "both-latency", field: "queryDatabaseResponseLatency" },
    help: "Time that the database took to answer",
  },
  client(
    "QueryRequests",
    "counter",
    "queryRequests",
    "Requests received; a text with several statements counts once",
  ),
  client("QueryRequestsNoTLS", "counter", "queryRequestsNoTLS", "Requests received without TLS"),
  client("QueryRequestsTLS", "counter", "queryRequestsTLS", "Requests received over TLS"),
  {
    name: "QueryResponseLatency",
    unit: "Microseconds",
    kind: "latency",
    sets: CLIENT,
    source: { of: "endpoint-latency", field: "queryResponseLatency" },
    help: "Time from a request to the end of its answer, at the proxy",
  },
  {
    ...client("SessionsWaiting", "gauge", "sessionsWaiting", "Sessions that wait for a backend"),
    ours: true,
  },
  {
    ...client(
      "BorrowTimeouts",
      "counter",
      "borrowTimeouts",
      "Sessions that waited in vain for a backend",
    ),
    ours: true,
  },
  {
    ...client(
      "FailoverRequestsWaited",
      "counter",
      "failoverRequestsWaited",
      "Requests that came while no target had the role they need, and were served later",
    ),
    ours: true,
  },
  {
    ...client(
      "FailoverRequestsRetried",
      "counter",
      "failoverRequestsRetried",
      "Requests that had done nothing on a target that was lost or had become read-only, and were sent to another one",
    ),
    ours: true,
  },
  {
    ...client(
      "FailoverRequestsFailed",
      "counter",
      "failoverRequestsFailed",
      "Sessions closed since their backend was lost or its target has another role, and requests that waited in vain for a target",
    ),
    ours: true,
  },
  {
    ...client(
      "ClientConnectionsRefused",
      "counter",
      "clientConnectionsRefused",
      "Client connections refused for the limits on their number or rate",
    ),
    ours: true,
  },
];

/** `ClientConnectionsNoTLS` as `sluice_client_connections_no_tls`. */
export function prometheusNameOf(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  return `sluice_${words}`;
}
