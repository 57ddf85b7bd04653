/**
 * The counters as log lines in CloudWatch's embedded metric format: CloudWatch makes metrics of them wherever the log
 * goes there. One set of numbers for a proxy, as each series costs; the finer ones are at `/metrics`.
 */
import type { ProxyCounters } from "./counters.ts";
import { LATENCY_BUCKETS, Latency } from "./latency.ts";
import { METRICS, type MetricRow } from "./metric-table.ts";

/** The namespace of the metrics in CloudWatch. */
export const EMBEDDED_NAMESPACE = "Sluice";
const P99 = 0.99;

interface Now {
  readonly epochMs: number;
  readonly monotonicMs: number;
}

interface Metric {
  readonly Name: string;
  readonly Unit: string;
}

/** Counters and durations are told as what has come since the line before. */
export class EmbeddedMetrics {
  readonly #counters: ProxyCounters;
  readonly #before = new Map<string, number>();
  readonly #latencies = new Map<string, Latency>();

  constructor(counters: ProxyCounters) {
    this.#counters = counters;
  }

  /** One line for the proxy, and one for each role that has targets. */
  lines(now: Now): string[] {
    const metrics: Metric[] = [];
    const values: Record<string, number> = {};
    for (const row of METRICS) {
      for (const [suffix, value] of this.#values(row)) {
        metrics.push({ Name: row.name + suffix, Unit: row.unit });
        values[row.name + suffix] = value;
      }
    }
    return [
      this.#line(now, { dimensions: {}, metrics, values }),
      ...this.#availability(
        now,
        "READ_WRITE",
        this.#counters.readWrite.percentage(now.monotonicMs),
      ),
      ...this.#availability(now, "READ_ONLY", this.#counters.readOnly.percentage(now.monotonicMs)),
    ];
  }

  #values(row: MetricRow): [string, number][] {
    if (row.kind === "latency") return this.#latency(row);
    const total = this.#total(row);
    if (total === null) return [];
    if (row.kind === "gauge") return [["", total]];
    const before = this.#before.get(row.name) ?? 0;
    this.#before.set(row.name, total);
    return [["", total - before]];
  }

  /** The sum over all endpoints or targets, those that are gone included; null for what has no sum. */
  #total({ source, kind }: MetricRow): number | null {
    const { gone } = this.#counters;
    if (source.of === "endpoint") {
      const { field } = source;
      const start = kind === "counter" ? gone.endpoint[field] : 0;
      return [...this.#counters.endpoints()].reduce((sum, [, each]) => sum + each[field], start);
    }
    if (source.of === "target") {
      const { field } = source;
      const start = kind === "counter" ? gone.target[field] : 0;
      return [...this.#counters.targets()].reduce(
        (sum, { counters }) => sum + counters[field],
        start,
      );
    }
    return null;
  }

  /** Mean and 99th percentile of what came since; nothing where nothing came. */
  #latency(row: MetricRow): [string, number][] {
    const { source } = row;
    if (source.of !== "endpoint-latency" && source.of !== "both-latency") return [];
    const all = new Latency();
    all.add(this.#counters.gone.endpoint[source.field]);
    for (const [, each] of this.#counters.endpoints()) all.add(each[source.field]);
    const since = all.since(this.#latencies.get(row.name));
    this.#latencies.set(row.name, all);
    if (since.count === 0) return [];
    return [
      ["", Math.round(since.sumUs / since.count)],
      ["P99", percentile(since, P99)],
    ];
  }

  #availability(now: Now, role: string, percentage: number | null): string[] {
    if (percentage === null) return [];
    const metrics = [{ Name: "AvailabilityPercentage", Unit: "Percent" }];
    const values = { AvailabilityPercentage: percentage };
    return [this.#line(now, { dimensions: { TargetRole: role }, metrics, values })];
  }

  #line(
    now: Now,
    told: {
      readonly dimensions: Readonly<Record<string, string>>;
      readonly metrics: readonly Metric[];
      readonly values: Readonly<Record<string, number>>;
    },
  ): string {
    const dimensions = { ProxyName: this.#counters.proxyName, ...told.dimensions };
    return JSON.stringify({
      _aws: {
        Timestamp: now.epochMs,
        CloudWatchMetrics: [
          {
            Namespace: EMBEDDED_NAMESPACE,
            Dimensions: [Object.keys(dimensions)],
            Metrics: told.metrics,
          },
        ],
      },
      ...dimensions,
      ...told.values,
    });
  }
}

/** The upper bound of the bucket that the percentile falls into. */
function percentile(latency: Latency, part: number): number {
  const rank = latency.count * part;
  let below = 0;
  for (let i = 0; i < LATENCY_BUCKETS; i += 1) {
    below += latency.buckets[i]!;
    if (below >= rank) return 2 ** i;
  }
  return 2 ** LATENCY_BUCKETS;
}
