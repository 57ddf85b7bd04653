import type * as sdk from "@aws-sdk/client-cloudwatch";
import { pageOf } from "../pages.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { MetricStore, Series } from "./metric-store.ts";

const PAGE = 500;

export function listMetrics(
  store: MetricStore,
  input: sdk.ListMetricsInput,
): sdk.ListMetricsOutput {
  const found = new Map<string, Series>();
  for (const series of store.all())
    if (fits(series, input))
      found.set(JSON.stringify([series.namespace, series.name, series.dimensions]), series);
  const page = pageOf([...found.values()], { marker: input.NextToken, size: PAGE });
  if (page === null)
    throw new AwsFault(
      "InvalidParameterValue",
      "The value for the parameter NextToken is invalid.",
    );
  const Metrics = page.items.map(({ namespace, name, dimensions }) => ({
    Namespace: namespace,
    MetricName: name,
    Dimensions: dimensions.map(([Name, Value]) => ({ Name, Value })),
  }));
  return { Metrics, ...(page.next === undefined ? {} : { NextToken: page.next }) };
}

function fits(series: Series, input: sdk.ListMetricsInput): boolean {
  const { Namespace = series.namespace, MetricName = series.name, Dimensions = [] } = input;
  return (
    Namespace === series.namespace &&
    MetricName === series.name &&
    Dimensions.every(({ Name, Value }) =>
      series.dimensions.some(
        ([name, value]) => name === Name && (Value === undefined || Value === value),
      ),
    )
  );
}
