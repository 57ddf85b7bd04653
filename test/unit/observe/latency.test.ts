import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LATENCY_BUCKETS, Latency } from "../../../proxy/observe/latency.ts";

function bucketFor(us: number): number {
  const latency = new Latency();
  latency.record(us);
  return latency.buckets.indexOf(1);
}

describe("a latency", () => {
  it("puts each duration under the smallest power of two that is not below it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 29, noNaN: true }), (us) => {
        const bucket = bucketFor(us);
        expect(us).toBeLessThanOrEqual(2 ** bucket);
        if (bucket > 0) expect(us).toBeGreaterThan(2 ** (bucket - 1));
      }),
    );
  });

  it.each([
    [0, 0],
    [1, 0],
    [1.5, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [2 ** 29, 29],
    [2 ** 29 + 1, LATENCY_BUCKETS - 1],
    [1e12, LATENCY_BUCKETS - 1],
  ])("of %d µs belongs in bucket %i", (us, bucket) => {
    expect(bucketFor(us)).toBe(bucket);
  });

  it("counts and sums", () => {
    const one = new Latency();
    one.record(10);
    one.record(20);
    const two = new Latency();
    two.record(5);
    two.add(one);
    expect([two.count, two.sumUs, two.buckets.reduce((a, b) => a + b)]).toEqual([3, 35, 3]);
  });
});
