/**
 * The counters as a Prometheus registry. Each series has the finest labels that its counter has; sums over endpoints,
 * targets or roles are the reader's. A duration kept both by endpoint and by target has series of both kinds.
 */
import { type Metric, Registry } from "prom-client";
import type { EndpointRole } from "../spec/proxy-spec.ts";
import type { EndpointCounters, ProxyCounters, TargetCounters } from "./counters.ts";
import type { Latency } from "./latency.ts";
import { METRICS, type MetricRow, prometheusNameOf, TARGET_GROUP } from "./metric-table.ts";

type Labels = Record<string, string>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

/** Buckets shown: from 2^5 microseconds (32 µs); finer ones tell nothing over a network. */
const FIRST_BUCKET_SHOWN = 5;

export interface ExpositionOptions {
  readonly counters: ProxyCounters;
  /** Milliseconds of the clock that availability is fed with. */
  readonly nowMs: () => number;
  readonly registry?: Registry;
}

/** Registers every metric of the table, to be read from the counters whenever somebody asks. */
export function createRegistry({
  counters,
  nowMs,
  registry = new Registry(),
}: ExpositionOptions): Registry {
  for (const row of METRICS) {
    const shown = {
      name: prometheusNameOf(row.name),
      help: `${row.help} (${row.unit.toLowerCase()})`,
      type: row.kind === "latency" ? ("histogram" as const) : row.kind,
    };
    register(registry, shown, () => samplesOf(row, counters, nowMs()));
  }
  const pins = {
    name: "sluice_pins_total",
    help: "Sessions pinned since the start, by rule (count)",
    type: "counter" as const,
  };
  register(registry, pins, () => pinsOf(counters));
  return registry;
}

interface Shown {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
}

/** A metric whose numbers are read, not kept: prom-client asks nothing more of one than this. */
function register(registry: Registry, shown: Shown, samples: () => Sample[]): void {
  const metric = {
    ...shown,
    aggregator: "sum",
    get: async () => ({ ...shown, aggregator: "sum", values: samples() }),
    reset: () => {},
  };
  registry.registerMetric(metric as unknown as Metric);
}

function pinsOf(counters: ProxyCounters): Sample[] {
  return [...counters.pins].map(([rule, value]) => ({
    labels: { proxy_name: counters.proxyName, rule },
    value,
  }));
}

function samplesOf(row: MetricRow, counters: ProxyCounters, nowMs: number): Sample[] {
  const { source } = row;
  const name = prometheusNameOf(row.name);
  switch (source.of) {
    case "endpoint":
      return endpointsOf(counters).map(([labels, of]) => ({ labels, value: of[source.field] }));
    case "target":
      return targetsOf(counters).map(([labels, of]) => ({ labels, value: of[source.field] }));
    case "endpoint-latency":
      return endpointsOf(counters).flatMap(([labels, of]) =>
        histogram(name, labels, of[source.field]),
      );
    case "both-latency":
      return [
        ...endpointsOf(counters).flatMap(([labels, of]) =>
          histogram(name, labels, of[source.field]),
        ),
        ...targetsOf(counters).flatMap(([labels, of]) => histogram(name, labels, of[source.field])),
      ];
    case "availability":
      return availabilityOf(counters, nowMs);
  }
}

function endpointsOf(counters: ProxyCounters): [Labels, EndpointCounters][] {
  return [...counters.endpoints()].map(([name, of]) => [
    { proxy_name: counters.proxyName, endpoint_name: name },
    of,
  ]);
}

function targetsOf(counters: ProxyCounters): [Labels, TargetCounters][] {
  return [...counters.targets()].map(({ target, role, counters: of }) => [
    { proxy_name: counters.proxyName, target_group: TARGET_GROUP, target, target_role: role },
    of,
  ]);
}

function availabilityOf(counters: ProxyCounters, nowMs: number): Sample[] {
  const roles: [EndpointRole, number | null][] = [
    ["READ_WRITE", counters.readWrite.percentage(nowMs)],
    ["READ_ONLY", counters.readOnly.percentage(nowMs)],
  ];
  return roles.flatMap(([role, value]) => {
    if (value === null) return [];
    const labels = {
      proxy_name: counters.proxyName,
      target_group: TARGET_GROUP,
      target_role: role,
    };
    return [{ labels, value }];
  });
}

function histogram(name: string, labels: Labels, latency: Latency): Sample[] {
  const samples: Sample[] = [];
  let below = 0;
  const last = latency.buckets.length - 1;
  for (let i = 0; i < last; i += 1) {
    below += latency.buckets[i]!;
    if (i < FIRST_BUCKET_SHOWN) continue;
    samples.push({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(2 ** i) },
      value: below,
    });
  }
  samples.push({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: "+Inf" },
    value: latency.count,
  });
  samples.push({ metricName: `${name}_sum`, labels, value: latency.sumUs });
  samples.push({ metricName: `${name}_count`, labels, value: latency.count });
  return samples;
}
