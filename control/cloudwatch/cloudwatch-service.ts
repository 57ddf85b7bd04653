import * as sdk from "@aws-sdk/client-cloudwatch";
import { limitCheck } from "../limits.ts";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Service } from "../service.ts";
import { listMetrics } from "./list-metrics.ts";
import type { MetricStore } from "./metric-store.ts";
import { putMetricData } from "./put-metric-data.ts";
import { getMetricData, getMetricStatistics } from "./statistics.ts";

const NAME = { min: 1, max: 255 };

/** CloudWatch's metrics. `refresh` brings the store up to date before it is asked. */
export function cloudwatchService(store: MetricStore, refresh: () => void): Service {
  const { config } = new sdk.CloudWatchClient({ region: "us-east-1" });
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "monitoring" }),
    actionPrefix: "cloudwatch",
    handlers: {
      GetMetricStatistics: (input: sdk.GetMetricStatisticsInput) => {
        refresh();
        return getMetricStatistics(store, input);
      },
      GetMetricData: (input: sdk.GetMetricDataInput) => {
        refresh();
        return getMetricData(store, input);
      },
      ListMetrics: (input: sdk.ListMetricsInput) => {
        refresh();
        return listMetrics(store, input);
      },
      PutMetricData: (input: sdk.PutMetricDataInput, { nowMs }) =>
        putMetricData(store, input, nowMs),
    },
    checkLimits: limitCheck({
      "*": {
        Namespace: { ...NAME, pattern: /^[^:].*$/ },
        MetricName: NAME,
        Dimensions: { max: 30 },
        "Dimensions[].Name": NAME,
        "Dimensions[].Value": { min: 1, max: 1_024 },
        Period: { min: 1, max: 86_400 },
        Statistics: { min: 1, max: 5 },
        MetricDataQueries: { max: 500 },
        MetricData: { max: 1_000 },
      },
    }),
    resourceOf: () => "*",
  };
}
