import type * as sdk from "@aws-sdk/client-cloudwatch";
import { AwsFault } from "../protocol/fault.ts";
import {
  type Dimensions,
  joined,
  type MetricStore,
  type Numbers,
  type Series,
} from "./metric-store.ts";

const MINUTE_S = 60;
const POINTS_MAX = 1_440;
const STATISTICS = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] as const;

type Statistic = (typeof STATISTICS)[number];

interface Window {
  readonly startMs: number;
  readonly endMs: number;
  /** Seconds. */
  readonly period: number;
}

export function getMetricStatistics(
  store: MetricStore,
  input: sdk.GetMetricStatisticsInput,
): sdk.GetMetricStatisticsOutput {
  const statistics = input.Statistics ?? [];
  if (input.ExtendedStatistics !== undefined && input.ExtendedStatistics.length > 0)
    throw invalid("ExtendedStatistics", "percentiles are not kept; ask for Statistics");
  if (statistics.length === 0)
    throw new AwsFault("InvalidParameterCombination", "At least one of Statistics is needed.");
  for (const each of statistics) requireStatistic(each);
  const window = windowOf(input.StartTime!, input.EndTime!, input.Period!);
  if ((window.endMs - window.startMs) / 1_000 / window.period > POINTS_MAX)
    throw new AwsFault(
      "InvalidParameterCombination",
      `You have requested up to ${Math.ceil((window.endMs - window.startMs) / 1_000 / window.period)} datapoints, which exceeds the limit of ${POINTS_MAX}.`,
    );
  const found = store.find(input.Namespace!, input.MetricName!, dimensionsOf(input.Dimensions));
  const series = found.filter(({ unit }) => input.Unit === undefined || unit === input.Unit);
  const Datapoints = series.flatMap((each) =>
    [...bucketsOf(each, window)].map(([at, numbers]) => ({
      Timestamp: new Date(at),
      Unit: each.unit as sdk.StandardUnit,
      ...Object.fromEntries(statistics.map((name) => [name, numberOf(numbers, name)])),
    })),
  );
  return { Label: input.MetricName, Datapoints };
}

export function getMetricData(
  store: MetricStore,
  input: sdk.GetMetricDataInput,
): sdk.GetMetricDataOutput {
  const isAscending = input.ScanBy === "TimestampAscending";
  const results = (input.MetricDataQueries ?? [])
    .filter(({ ReturnData }) => ReturnData !== false)
    .map((query) => resultOf(store, query, input, isAscending));
  return { MetricDataResults: results, Messages: [] };
}

function resultOf(
  store: MetricStore,
  { Id, Label, MetricStat: stat, Expression: expression }: sdk.MetricDataQuery,
  { StartTime, EndTime }: sdk.GetMetricDataInput,
  isAscending: boolean,
): sdk.MetricDataResult {
  if (expression !== undefined || stat === undefined)
    throw invalid("MetricDataQueries", "expressions are not evaluated here");
  const { Metric: metric, Stat: name, Period: period, Unit: unit } = stat;
  const statistic = requireStatistic(name!);
  const dimensions = dimensionsOf(metric?.Dimensions);
  const series = store
    .find(metric?.Namespace ?? "", metric?.MetricName ?? "", dimensions)
    .filter((each) => unit === undefined || unit === each.unit);
  const window = windowOf(StartTime!, EndTime!, period!);
  const points = series.flatMap((each) => [...bucketsOf(each, window)]);
  points.sort(([one], [other]) => (isAscending ? one - other : other - one));
  return {
    Id,
    Label: Label ?? metric?.MetricName,
    Timestamps: points.map(([at]) => new Date(at)),
    Values: points.map(([, numbers]) => numberOf(numbers, statistic)),
    StatusCode: "Complete",
  };
}

function windowOf(start: Date, end: Date, period: number): Window {
  if (period % MINUTE_S !== 0)
    throw invalid("Period", "must be a multiple of 60: numbers are kept by the minute");
  if (start >= end)
    throw new AwsFault(
      "InvalidParameterCombination",
      "The parameter StartTime must be less than the parameter EndTime.",
    );
  const minute = MINUTE_S * 1_000;
  return {
    startMs: Math.floor(start.getTime() / minute) * minute,
    endMs: end.getTime(),
    period,
  };
}

/** By the beginning of each period. */
function bucketsOf({ minutes }: Series, { startMs, endMs, period }: Window): Map<number, Numbers> {
  const buckets = new Map<number, Numbers>();
  const periodMs = period * 1_000;
  for (const [at, numbers] of minutes) {
    if (at < startMs || at >= endMs) continue;
    const start = startMs + Math.floor((at - startMs) / periodMs) * periodMs;
    const had = buckets.get(start);
    buckets.set(start, had === undefined ? numbers : joined(had, numbers));
  }
  return buckets;
}

function numberOf({ sum, count, min, max }: Numbers, statistic: Statistic): number {
  switch (statistic) {
    case "SampleCount":
      return count;
    case "Average":
      return sum / count;
    case "Sum":
      return sum;
    case "Minimum":
      return min;
    case "Maximum":
      return max;
  }
}

function requireStatistic(name: string): Statistic {
  const found = STATISTICS.find((each) => each === name);
  if (found === undefined) throw invalid("Stat", `${name} is none of ${STATISTICS.join(", ")}`);
  return found;
}

export function dimensionsOf(given: readonly sdk.Dimension[] | undefined): Dimensions {
  return (given ?? []).map(({ Name = "", Value = "" }) => [Name, Value] as const);
}

function invalid(name: string, why: string): AwsFault {
  return new AwsFault(
    "InvalidParameterValue",
    `The value for the parameter ${name} is invalid: ${why}`,
  );
}
