import { describe, expect, test } from "vitest";
import { BackendState } from "../../../proxy/pool/backend.ts";
import { PoolBench } from "./pool-bench.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("retirement", () => {
  test("of the backends idle for five minutes those beyond the cap are closed, the least recently used first", () => {
    const bench = new PoolBench({ maxIdleConnectionsPercent: 30 });
    const target = bench.target("writer", 10);
    const backends = bench.idle(bench.pool.key("app", 0), 5);
    bench.tickAfter(5 * MINUTE - 100);
    expect(bench.closings).toEqual([]);
    bench.tickAfter(1_100);
    expect(bench.closings.map(({ backend }) => backend)).toEqual(backends.slice(0, 2));
    expect(bench.reasons()).toEqual(["idle", "idle"]);
    bench.tickAfter(5 * MINUTE);
    expect(target.counts[BackendState.IDLE]).toBe(3);
  });

  test("use makes a backend stay", () => {
    const bench = new PoolBench({ maxIdleConnectionsPercent: 0 });
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [, used] = bench.idle(key, 2);
    for (let minute = 0; minute < 10; minute += 1) {
      bench.tickAfter(MINUTE);
      bench.giveBack(bench.take(key)!);
    }
    expect(bench.inState(BackendState.IDLE)).toEqual([used]);
  });

  test("the idle cap counts all users of a target together", () => {
    const bench = new PoolBench({ maxIdleConnectionsPercent: 30 });
    const target = bench.target("writer", 10);
    const first = bench.idle(bench.pool.key("app", 0), 2);
    bench.idle(bench.pool.key("report", 0), 3);
    bench.tickAfter(6 * MINUTE);
    expect(bench.closings.map(({ backend }) => backend)).toEqual(first);
    expect(target.counts[BackendState.IDLE]).toBe(3);
  });

  test("life ends some time after 24 hours, not for all at once", () => {
    const bench = new PoolBench({ maxIdleConnectionsPercent: 100 });
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [first] = bench.borrow(key, 1);
    bench.random = 0.5;
    const [second] = bench.borrow(key, 1);
    bench.giveBack(first!);
    bench.giveBack(second!);
    bench.tickAfter(24 * HOUR - 10);
    expect(bench.closings).toEqual([]);
    bench.tickAfter(2_000);
    expect(bench.closings).toEqual([{ backend: first, reason: "lifetime" }]);
    bench.tickAfter(1.2 * HOUR);
    expect(bench.closings.at(-1)).toEqual({ backend: second, reason: "lifetime" });
  });

  test("a lent backend past its life is closed when given back", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const [backend] = bench.borrow(bench.pool.key("app", 0), 1);
    bench.tickAfter(25 * HOUR);
    expect(bench.closings).toEqual([]);
    bench.giveBack(backend!);
    expect(bench.closings).toEqual([{ backend, reason: "lifetime" }]);
  });
});
