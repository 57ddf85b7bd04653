import { describe, expect, it } from "vitest";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";

describe("the counters of a proxy", () => {
  it("are the same object for the same endpoint, and for the same target in the same role", () => {
    const counters = new ProxyCounters("app");
    expect(counters.endpoint("default")).toBe(counters.endpoint("default"));
    expect(counters.target("a", "READ_WRITE")).toBe(counters.target("a", "READ_WRITE"));
    expect(counters.target("a", "READ_WRITE")).not.toBe(counters.target("a", "READ_ONLY"));
  });

  it("keep the totals of what is gone", () => {
    const counters = new ProxyCounters("app");
    for (const name of ["one", "two"]) {
      counters.endpoint(name).queryRequests += 3;
      counters.endpoint(name).queryResponseLatency.record(7);
      counters.dropEndpoint(name);
    }
    counters.target("a", "READ_ONLY").databaseConnectionRequests += 2;
    counters.dropTarget("a", "READ_ONLY");
    counters.dropTarget("a", "READ_ONLY");
    expect([...counters.endpoints()]).toEqual([]);
    expect([...counters.targets()]).toEqual([]);
    expect(counters.gone.endpoint.queryRequests).toBe(6);
    expect(counters.gone.endpoint.queryResponseLatency.count).toBe(2);
    expect(counters.gone.target.databaseConnectionRequests).toBe(2);
  });
});
