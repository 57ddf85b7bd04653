import { describe, expect, test } from "vitest";
import { Role } from "../../../proxy/pool/role.ts";
import { PoolBench } from "./pool-bench.ts";

describe("which idle backend", () => {
  test("the one of equal state, the most recently used first", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a, b, c] = bench.borrow(key, 3);
    bench.giveBack(a!, 1);
    bench.giveBack(b!, 1);
    bench.giveBack(c!, 2);
    expect(bench.take(key, { token: 1 })).toBe(b);
    expect(bench.take(key, { token: 1 })).toBe(a);
    expect(bench.take(key, { token: 1 })).toBe(c);
  });

  test("of unequal states the least recently used, so that hot states keep theirs", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a, b] = bench.borrow(key, 2);
    bench.giveBack(a!, 1);
    bench.giveBack(b!, 2);
    expect(bench.take(key, { token: 3 })).toBe(a);
    bench.giveBack(a!, 3);
    expect(bench.take(key, { token: 2 })).toBe(b);
    expect(bench.take(key, { token: 3 })).toBe(a);
  });

  test("the session's last one before others of equal state", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a, b] = bench.idle(key, 2);
    expect(bench.take(key, { prefer: a! })).toBe(a);
    expect(bench.take(key, { prefer: a! })).toBe(b);
  });

  test("the session's last one though its own state has moved on", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a] = bench.idle(key, 2);
    bench.giveBack(bench.take(key, { prefer: a!, session: 5 })!, 1);
    expect(bench.take(key, { prefer: a!, session: 5, token: 2 })).toBe(a);
  });

  test("two sessions of different states settle on a backend each", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a] = bench.idle(key, 2);
    const last = [a!, a!];
    let changes = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      const who = turn % 2;
      const backend = bench.take(key, { prefer: last[who]!, session: 5 + who, token: 1 + who })!;
      if (backend.stateToken !== 1 + who) changes += 1;
      bench.giveBack(backend, 1 + who);
      last[who] = backend;
    }
    expect(changes).toBe(2);
  });
});

describe("which reader", () => {
  test("the one with the fewest sessions for its size", () => {
    const bench = new PoolBench();
    const small = bench.target("small", 10, Role.READ_ONLY);
    const large = bench.target("large", 30, Role.READ_ONLY);
    bench.borrow(bench.pool.key("app", 0), 20, Role.READ_ONLY);
    expect([small.outstanding, large.outstanding]).toEqual([5, 15]);
  });

  test("taking idle ones spreads the same way", () => {
    const bench = new PoolBench();
    const one = bench.target("one", 10, Role.READ_ONLY);
    const other = bench.target("other", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    bench.idle(key, 20, Role.READ_ONLY);
    for (let i = 0; i < 10; i += 1) bench.take(key, { role: Role.READ_ONLY });
    expect([one.outstanding, other.outstanding]).toEqual([5, 5]);
  });

  test("a session stays with its reader while that has an idle backend", () => {
    const bench = new PoolBench();
    bench.target("one", 10, Role.READ_ONLY);
    bench.target("other", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    const [last] = bench.idle(key, 20, Role.READ_ONLY);
    for (let i = 0; i < 10; i += 1) {
      expect(bench.take(key, { role: Role.READ_ONLY, prefer: last! })?.target).toBe(last!.target);
    }
    const next = bench.take(key, { role: Role.READ_ONLY, prefer: last! });
    expect(next).not.toBeNull();
    expect(next?.target).not.toBe(last!.target);
  });

  test("a new reader gets its share though the others have idle backends", () => {
    const bench = new PoolBench();
    const old = bench.target("old", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    bench.idle(key, 8, Role.READ_ONLY);
    const fresh = bench.target("fresh", 10, Role.READ_ONLY);
    for (let i = 0; i < 8; i += 1) {
      expect(bench.take(key, { role: Role.READ_ONLY })).not.toBeNull();
      bench.finishOpening();
    }
    // One login behind: the session that noticed the difference was still served by the old one.
    expect([old.outstanding, fresh.outstanding]).toEqual([5, 3]);
  });

  test("a reader that refuses logins keeps nobody from the others", () => {
    const bench = new PoolBench();
    const bad = bench.target("bad", 10, Role.READ_ONLY);
    const good = bench.target("good", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 6; i += 1) {
      bench.waits(key, Role.READ_ONLY);
      for (const backend of bench.opening) {
        if (backend.target === bad) bench.pool.openFailed(backend, "refused", bench.now);
        else bench.pool.opened(backend, bench.now);
      }
    }
    bench.finishOpening();
    expect(good.outstanding).toBe(6);
  });
});
