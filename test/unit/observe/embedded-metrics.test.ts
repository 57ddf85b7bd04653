import { describe, expect, it } from "vitest";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";
import { EmbeddedMetrics } from "../../../proxy/observe/embedded-metrics.ts";
import { METRICS } from "../../../proxy/observe/metric-table.ts";

const NOW = { epochMs: 1_700_000_000_000, monotonicMs: 5_000 };

function read(line: string | undefined): Record<string, unknown> & {
  _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
} {
  return JSON.parse(line ?? "null");
}

describe("embedded metrics", () => {
  it("sum endpoints and targets: gauges as they are, counters since the line before", () => {
    const counters = new ProxyCounters("app");
    for (const [name, open] of [
      ["default", 3],
      ["reader", 4],
    ] as const) {
      counters.endpoint(name).clientConnections = open;
      counters.endpoint(name).queryRequests = 10;
    }
    counters.target("db", "READ_WRITE").databaseConnections = 2;
    const metrics = new EmbeddedMetrics(counters);
    expect(read(metrics.lines(NOW)[0])).toMatchObject({
      ProxyName: "app",
      ClientConnections: 7,
      QueryRequests: 20,
      DatabaseConnections: 2,
    });
    counters.endpoint("default").queryRequests += 5;
    counters.dropEndpoint("reader");
    expect(read(metrics.lines(NOW)[0])).toMatchObject({ ClientConnections: 3, QueryRequests: 5 });
  });

  it("tell the mean and the 99th percentile of durations since the line before", () => {
    const counters = new ProxyCounters("app");
    const { queryResponseLatency } = counters.endpoint("default");
    queryResponseLatency.record(1_000_000);
    const metrics = new EmbeddedMetrics(counters);
    metrics.lines(NOW);
    expect(read(metrics.lines(NOW)[0])).not.toHaveProperty("QueryResponseLatency");
    for (let i = 0; i < 100; i += 1) queryResponseLatency.record(i < 98 ? 100 : 5_000);
    expect(read(metrics.lines(NOW)[0])).toMatchObject({
      QueryResponseLatency: 198,
      QueryResponseLatencyP99: 8_192,
    });
  });

  it("declare each value they carry, in the format's own shape", () => {
    const counters = new ProxyCounters("app");
    counters.endpoint("default").queryResponseLatency.record(10);
    counters.readWrite.set(true, 0);
    const [proxy, writer] = new EmbeddedMetrics(counters).lines(NOW).map(read);
    const [declared] = proxy!._aws.CloudWatchMetrics;
    const names = declared!.Metrics.map((each) => each.Name);
    expect(declared!.Dimensions).toEqual([["ProxyName"]]);
    expect(names.filter((name) => typeof proxy![name] !== "number")).toEqual([]);
    const counted = METRICS.filter(
      ({ kind, source }) => kind !== "latency" && source.of !== "availability",
    );
    expect(counted.map((row) => row.name).filter((name) => !names.includes(name))).toEqual([]);
    // The format's limit for one line.
    expect(names.length).toBeLessThanOrEqual(100);
    expect(writer).toMatchObject({ TargetRole: "READ_WRITE", AvailabilityPercentage: 100 });
  });
});
