/**
 * The counters as CloudWatch has them: every metric of the table in each of its dimension sets, what has come since the
 * last time for those that only grow.
 */
import type { EndpointRole } from "../spec/proxy-spec.ts";
import type { ProxyCounters } from "./counters.ts";
import { Latency } from "./latency.ts";
import { type DimensionSet, METRICS, type MetricRow, TARGET_GROUP } from "./metric-table.ts";

export interface DataPoint {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "counter" | "latency";
  readonly dimensions: readonly (readonly [string, string])[];
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

type Dimensions = DataPoint["dimensions"];

/** Where a number was counted. */
interface Origin {
  readonly endpoint?: string;
  readonly target?: string;
  readonly role?: EndpointRole;
}

interface Series {
  readonly dimensions: Dimensions;
  value: number;
  readonly latency: Latency;
}

/** Reads the counters of one proxy. */
export class DataPoints {
  readonly #counters: ProxyCounters;
  readonly #before = new Map<string, number>();
  readonly #latencies = new Map<string, Latency>();

  constructor(counters: ProxyCounters) {
    this.#counters = counters;
  }

  /** Milliseconds of the clock that availability is fed with. CloudWatch's own metrics only. */
  collect(nowMs: number): DataPoint[] {
    return METRICS.filter(({ ours }) => ours !== true).flatMap((row) => this.#pointsOf(row, nowMs));
  }

  #pointsOf(row: MetricRow, nowMs: number): DataPoint[] {
    const points: DataPoint[] = [];
    for (const set of row.sets) {
      for (const [key, series] of this.#seriesOf(row, set, nowMs)) {
        const point = this.#point(row, `${row.name} ${set} ${key}`, series);
        if (point !== null) points.push(point);
      }
    }
    return points;
  }

  #point(row: MetricRow, key: string, series: Series): DataPoint | null {
    const { name, unit, kind } = row;
    const { dimensions } = series;
    if (kind === "latency") {
      const since = series.latency.since(this.#latencies.get(key));
      this.#latencies.set(key, series.latency);
      if (since.count === 0) return null;
      const [min, max] = boundsOf(since);
      return { name, unit, kind, dimensions, sum: since.sumUs, count: since.count, min, max };
    }
    let { value } = series;
    if (kind === "counter") {
      value -= this.#before.get(key) ?? 0;
      this.#before.set(key, series.value);
    }
    return { name, unit, kind, dimensions, sum: value, count: 1, min: value, max: value };
  }

  /** Numbers that agree in the dimensions of the set are added up. */
  #seriesOf(row: MetricRow, set: DimensionSet, nowMs: number): Map<string, Series> {
    const found = new Map<string, Series>();
    for (const [origin, value] of this.#numbersOf(row, set, nowMs)) {
      const dimensions = dimensionsOf(this.#counters.proxyName, set, origin);
      if (dimensions === null) continue;
      const key = dimensions.map(([, text]) => text).join(" ");
      const series = found.get(key) ?? { dimensions, value: 0, latency: new Latency() };
      found.set(key, series);
      if (value instanceof Latency) series.latency.add(value);
      else series.value += value;
    }
    return found;
  }

  *#numbersOf(
    { source, kind }: MetricRow,
    set: DimensionSet,
    nowMs: number,
  ): Generator<readonly [Origin, number | Latency]> {
    const counters = this.#counters;
    const isWhole = set === "proxy" && kind !== "gauge";
    if (source.of === "availability") {
      for (const [role, of] of [
        ["READ_WRITE", counters.readWrite],
        ["READ_ONLY", counters.readOnly],
      ] as const) {
        const value = of.percentage(nowMs);
        if (value !== null) yield [{ role }, value];
      }
      return;
    }
    const isOfTargets =
      source.of === "target" ||
      (source.of === "both-latency" && (set === "target" || set === "role"));
    if (isOfTargets) {
      const { field } = source;
      for (const { target, role, counters: of } of counters.targets())
        yield [{ target, role }, of[field as keyof typeof of] as number | Latency];
      if (isWhole) yield [{}, counters.gone.target[field as "databaseConnections"]];
      return;
    }
    const { field } = source;
    for (const [endpoint, of] of counters.endpoints())
      yield [{ endpoint }, of[field as keyof typeof of] as number | Latency];
    if (isWhole) yield [{}, counters.gone.endpoint[field as "clientConnections"]];
  }
}

/** null: not counted by what the set wants. */
function dimensionsOf(
  proxyName: string,
  set: DimensionSet,
  { endpoint, target, role }: Origin,
): Dimensions | null {
  const proxy = ["ProxyName", proxyName] as const;
  const group = ["TargetGroup", TARGET_GROUP] as const;
  switch (set) {
    case "proxy":
      return [proxy];
    case "endpoint":
      return endpoint === undefined ? null : [proxy, ["EndpointName", endpoint]];
    case "target":
      return target === undefined ? null : [proxy, group, ["Target", target]];
    case "role":
      return role === undefined ? null : [proxy, group, ["TargetRole", role]];
  }
}

/** The bounds of the first and the last bucket that hold anything: how near durations are known. */
function boundsOf(latency: Latency): [number, number] {
  const mean = latency.sumUs / latency.count;
  const first = latency.buckets.findIndex((held) => held > 0);
  const last = latency.buckets.findLastIndex((held) => held > 0);
  return [Math.min(mean, first <= 0 ? 0 : 2 ** (first - 1)), Math.max(mean, 2 ** last)];
}
