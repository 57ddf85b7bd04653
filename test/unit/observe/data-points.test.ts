import { describe, expect, it } from "vitest";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";
import { type DataPoint, DataPoints } from "../../../proxy/observe/data-points.ts";
import { DIMENSIONS, METRICS } from "../../../proxy/observe/metric-table.ts";

const find = (points: readonly DataPoint[], name: string, ...values: string[]) =>
  points.find(
    (point) =>
      point.name === name && point.dimensions.map(([, text]) => text).join() === values.join(),
  );

/** A proxy with two endpoints and two targets, each of which has counted something. */
function counted(): ProxyCounters {
  const counters = new ProxyCounters("p");
  counters.endpoint("default").clientConnections = 3;
  counters.endpoint("reader").clientConnections = 4;
  counters.endpoint("default").queryRequests = 10;
  counters.endpoint("reader").queryRequests = 5;
  counters.endpoint("default").queryResponseLatency.record(100);
  counters.endpoint("default").databaseConnectionsBorrowLatency.record(7);
  counters.endpoint("default").queryDatabaseResponseLatency.record(90);
  counters.target("a", "READ_WRITE").databaseConnections = 2;
  counters.target("b", "READ_ONLY").databaseConnections = 5;
  counters.target("a", "READ_WRITE").queryDatabaseResponseLatency.record(90);
  counters.readWrite.set(true, 0);
  counters.readOnly.set(true, 0);
  return counters;
}

describe("data points", () => {
  it("hold every metric of CloudWatch in each of its dimension sets", () => {
    const points = new DataPoints(counted()).collect(60_000);
    const wanted = METRICS.filter(({ ours }) => ours !== true);
    expect(wanted.length).toBeGreaterThan(20);
    for (const { name, sets, unit } of wanted) {
      const found = points.filter((point) => point.name === name);
      const names = new Set(found.map(({ dimensions }) => dimensions.map(([key]) => key).join()));
      expect(names, name).toEqual(new Set(sets.map((set) => DIMENSIONS[set].join())));
      expect(new Set(found.map((point) => point.unit)), name).toEqual(new Set([unit]));
    }
  });

  it("add up what agrees in the dimensions", () => {
    const points = new DataPoints(counted()).collect(60_000);
    expect(find(points, "ClientConnections", "p")?.sum).toBe(7);
    expect(find(points, "ClientConnections", "p", "reader")?.sum).toBe(4);
    expect(find(points, "DatabaseConnections", "p")?.sum).toBe(7);
    expect(find(points, "DatabaseConnections", "p", "default", "a")?.sum).toBe(2);
    expect(find(points, "DatabaseConnections", "p", "default", "READ_ONLY")?.sum).toBe(5);
    expect(find(points, "AvailabilityPercentage", "p", "default", "READ_WRITE")?.sum).toBe(100);
  });

  it("tell of what only grows what has come since the last time", () => {
    const counters = counted();
    const points = new DataPoints(counters);
    expect(find(points.collect(0), "QueryRequests", "p")?.sum).toBe(15);
    counters.endpoint("default").queryRequests += 2;
    expect(find(points.collect(0), "QueryRequests", "p")?.sum).toBe(2);
    // The total of an endpoint that is gone stays in the proxy's.
    counters.endpoint("reader").queryRequests += 1;
    counters.dropEndpoint("reader");
    const after = points.collect(0);
    expect(find(after, "QueryRequests", "p")?.sum).toBe(1);
    expect(find(after, "QueryRequests", "p", "reader")).toBeUndefined();
  });

  it("tell of durations their sum, number and how near their ends are known", () => {
    const counters = counted();
    const points = new DataPoints(counters);
    expect(find(points.collect(0), "QueryResponseLatency", "p")).toMatchObject({
      sum: 100,
      count: 1,
      min: 64,
      max: 128,
    });
    expect(find(points.collect(0), "QueryResponseLatency", "p")).toBeUndefined();
    counters.endpoint("default").queryResponseLatency.record(10);
    counters.endpoint("default").queryResponseLatency.record(1_000);
    expect(find(points.collect(0), "QueryResponseLatency", "p")).toMatchObject({
      sum: 1_010,
      count: 2,
      min: 8,
      max: 1_024,
    });
  });
});
