import { describe, expect, test } from "vitest";
import { LIMITS, PoolBench } from "./pool-bench.ts";

describe("capacity", () => {
  test.each([
    { known: 90, percent: 100, absolute: null, capacity: 90, idleCap: 45 },
    { known: 45, percent: 55, absolute: null, capacity: 24, idleCap: 22 },
    { known: 10, percent: 1, absolute: null, capacity: 1, idleCap: 5 },
    { known: 90, percent: 100, absolute: 20, capacity: 20, idleCap: 10 },
    { known: 15, percent: 100, absolute: 20, capacity: 15, idleCap: 10 },
    { known: null, percent: 100, absolute: null, capacity: 4, idleCap: 4 },
    { known: null, percent: 100, absolute: 20, capacity: 20, idleCap: 10 },
  ])(
    "of $known connections, $percent % or $absolute: $capacity, $idleCap of them idle for long",
    ({ known, percent, absolute, capacity, idleCap }) => {
      const bench = new PoolBench({ maxConnectionsPercent: percent, maxConnections: absolute });
      const target = bench.target("writer", known);
      expect([target.capacity, target.idleCap]).toEqual([capacity, idleCap]);
    },
  );

  test("who waits is served when the server's limit becomes known", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", null);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 10; i += 1) bench.waits(key);
    expect(bench.opening).toHaveLength(4);
    bench.pool.setTargetMaxConnections(target, 6, bench.now);
    expect(bench.opening).toHaveLength(6);
  });
});

describe("a live change", () => {
  test("a shrink closes idle backends at once and lent ones when given back", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const backends = bench.borrow(key, 10);
    for (const backend of backends.slice(0, 3)) bench.giveBack(backend);
    bench.pool.configure({ ...LIMITS, maxConnectionsPercent: 50 }, bench.now);
    expect(bench.reasons()).toEqual(["surplus", "surplus", "surplus"]);

    const waiter = bench.waits(key);
    bench.giveBack(backends[3]!);
    bench.giveBack(backends[4]!);
    expect(bench.closings).toHaveLength(5);
    bench.giveBack(backends[5]!);
    expect(bench.closings).toHaveLength(5);
    expect(bench.lent.at(-1)?.waiter).toBe(waiter);
    expect(target.live).toBe(5);
  });

  test("growth serves those who wait", () => {
    const bench = new PoolBench({ maxConnectionsPercent: 10 });
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 5; i += 1) bench.waits(key);
    expect(bench.opening).toHaveLength(1);
    bench.pool.configure(LIMITS, bench.now);
    expect(bench.opening).toHaveLength(5);
  });

  test("the borrow timeout changes for those who wait already", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 10_000 });
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    bench.borrow(key, 1);
    const waiter = bench.waits(key);
    bench.tickAfter(3_000);
    bench.pool.configure({ ...LIMITS, borrowTimeoutMs: 2_000 }, bench.now);
    bench.tickAfter(0);
    expect(bench.expired).toEqual([waiter]);
  });
});
