import type * as sdk from "@aws-sdk/client-cloudwatch";
import { AwsFault } from "../protocol/fault.ts";
import type { MetricStore, Numbers } from "./metric-store.ts";
import { dimensionsOf } from "./statistics.ts";

/** Numbers of other programs. */
export function putMetricData(
  store: MetricStore,
  input: sdk.PutMetricDataInput,
  nowMs: number,
): void {
  const namespace = input.Namespace!;
  if (namespace.startsWith("AWS/"))
    throw new AwsFault(
      "InvalidParameterValue",
      "The value AWS/ for parameter Namespace is invalid.",
    );
  const data = [
    ...(input.MetricData ?? []),
    ...(input.EntityMetricData ?? []).flatMap(({ MetricData }) => MetricData ?? []),
  ];
  const samples = data.map((datum) => ({
    ...numbersOf(datum),
    namespace,
    name: datum.MetricName!,
    dimensions: dimensionsOf(datum.Dimensions),
    unit: datum.Unit ?? "None",
    at: datum.Timestamp?.getTime() ?? nowMs,
  }));
  for (const sample of samples) store.add(sample);
}

function numbersOf(datum: sdk.MetricDatum): Numbers {
  const { Value: value, StatisticValues: set, Values: values, Counts: counts } = datum;
  if ([value, set, values].filter((each) => each !== undefined).length !== 1)
    throw new AwsFault(
      "InvalidParameterCombination",
      "Each datum of MetricData needs one of Value, StatisticValues and Values.",
    );
  if (value !== undefined) return { sum: value, count: 1, min: value, max: value };
  if (set !== undefined)
    return {
      sum: set.Sum!,
      count: set.SampleCount!,
      min: set.Minimum!,
      max: set.Maximum!,
    };
  const list = values ?? [];
  if (list.length === 0 || (counts !== undefined && counts.length !== list.length))
    throw new AwsFault("InvalidParameterValue", "Values and Counts must be of the same length.");
  const countOf = (i: number) => counts?.[i] ?? 1;
  return {
    sum: list.reduce((sum, each, i) => sum + each * countOf(i), 0),
    count: list.reduce((sum, _, i) => sum + countOf(i), 0),
    min: Math.min(...list),
    max: Math.max(...list),
  };
}
