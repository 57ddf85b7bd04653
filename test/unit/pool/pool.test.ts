import { describe, expect, test } from "vitest";
import { BackendState, PooledBackend } from "../../../proxy/pool/backend.ts";
import { NO_ROLE, Role } from "../../../proxy/pool/role.ts";
import { LIMITS, PoolBench } from "./pool-bench.ts";

describe("borrowing", () => {
  test("a backend given back is taken again by the next session", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.idle(key, 1);

    expect(bench.take(key, { session: 7 })).toBe(backend);
    expect(backend!.lastSession).toBe(7);
    expect(backend!.state).toBe(BackendState.LENT);
    expect(bench.take(key)).toBeNull();
  });

  test("one user never gets the backend of another, nor of another class", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    bench.idle(key, 1);

    expect(bench.take(bench.pool.key("report", 0))).toBeNull();
    expect(bench.take(bench.pool.key("app", 1))).toBeNull();
    expect(bench.pool.key("app", 0)).toBe(key);
  });

  test("the oldest waiter gets the backend that is given back", () => {
    const bench = new PoolBench();
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    const first = bench.waits(key);
    const second = bench.waits(key);

    bench.giveBack(backend!);
    expect(bench.lent.at(-1)).toEqual({ waiter: first, backend });
    bench.giveBack(backend!);
    expect(bench.lent.at(-1)).toEqual({ waiter: second, backend });
  });

  test("nobody overtakes those who wait for such a backend", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    bench.idle(key, 1);
    bench.pool.setAccepting(target, false, bench.now);
    const waiter = bench.waits(key);
    bench.pool.setAccepting(target, true, bench.now);

    expect(bench.lent.at(-1)?.waiter).toBe(waiter);
    const next = bench.waits(key);
    expect(bench.take(key)).toBeNull();
    expect(bench.pool.waitingFor(key, Role.READ_WRITE)).toBe(1);
    expect(bench.pool.oldestWaiter(key, Role.READ_WRITE)).toBe(next);
  });

  test("a client that dies while waiting leaves the queue", () => {
    const bench = new PoolBench();
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    const dead = bench.waits(key);
    const alive = bench.waits(key);

    expect(bench.pool.cancel(dead)).toBe(true);
    expect(bench.pool.cancel(dead)).toBe(false);
    bench.giveBack(backend!);
    expect(bench.lent.at(-1)?.waiter).toBe(alive);
  });

  test("who waits past the borrow timeout is told so by the next tick", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 1_000 });
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    bench.borrow(key, 1);
    const first = bench.waits(key);
    bench.now += 10;
    const second = bench.waits(key);

    bench.tickAfter(989);
    expect(bench.expired).toEqual([]);
    bench.tickAfter(1);
    expect(bench.expired).toEqual([first]);
    bench.tickAfter(10);
    expect(bench.expired).toEqual([first, second]);
    expect(bench.pool.waiting).toBe(0);
  });

  test("a full queue refuses", () => {
    const bench = new PoolBench({ waitersMax: 2 });
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    expect(bench.ask(key).answer).toBe("waiting");
    expect(bench.ask(key, Role.READ_ONLY).answer).toBe("waiting");
    expect(bench.ask(key).answer).toBe("full");
  });

  test("a waiter whose backend proved dead gets back to its place", () => {
    const bench = new PoolBench();
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    const first = bench.waits(key);
    const { deadlineMs } = first;
    const second = bench.waits(key);
    bench.giveBack(backend!);

    bench.pool.discard(backend!, "broken", bench.now);
    expect(bench.pool.requeue(first, bench.now)).toBe("waiting");
    expect(first.deadlineMs).toBe(deadlineMs);
    expect(first.younger).toBe(second);
    bench.finishClosing();
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(first);
  });
});

describe("borrow timeout 0", () => {
  test("fails at once, and the pool grows for the next session", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 0 });
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);

    expect(bench.ask(key).answer).toBe("timeout-zero");
    expect(bench.opening).toHaveLength(1);
    bench.finishOpening();
    expect(bench.take(key)).not.toBeNull();
  });

  test("a burst of refusals opens a few backends, not one for each", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 0 });
    bench.target("writer", 100);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 50; i += 1) bench.ask(key);
    expect(bench.opening).toHaveLength(2);
  });

  test("a user without backends gets room at a target full of another's idle ones", () => {
    const bench = new PoolBench();
    bench.target("writer", 2);
    bench.idle(bench.pool.key("app", 0), 2);
    bench.pool.configure({ ...LIMITS, borrowTimeoutMs: 0 }, bench.now);
    const other = bench.pool.key("report", 0);

    bench.ask(other);
    expect(bench.reasons()).toEqual(["evicted"]);
    bench.ask(other);
    expect(bench.reasons()).toEqual(["evicted"]);
    bench.finishClosing();
    bench.ask(other);
    bench.finishOpening();
    expect(bench.take(other)).not.toBeNull();
  });
});

describe("opening", () => {
  test("one open for each waiter, up to the capacity", () => {
    const bench = new PoolBench();
    bench.target("writer", 3);
    const key = bench.pool.key("app", 0);
    for (let i = 1; i <= 5; i += 1) {
      bench.waits(key);
      expect(bench.opening).toHaveLength(Math.min(i, 3));
    }
  });

  test("an open whose waiter was served otherwise serves the next, or lies idle", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    bench.waits(key);
    bench.giveBack(backend!);
    expect(bench.opening).toHaveLength(1);

    const next = bench.waits(key);
    expect(bench.opening).toHaveLength(1);
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(next);
  });

  test("a failed open is tried again after a pause that doubles, while somebody waits", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 100_000 });
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    bench.waits(key);
    for (const pause of [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      bench.pool.openFailed(bench.opening[0]!, "refused", bench.now);
      expect(target.shelves[key.index]!.lastFailure).toBe("refused");
      bench.tickAfter(pause - 1);
      expect(bench.opening).toHaveLength(0);
      bench.tickAfter(1);
      expect(bench.opening).toHaveLength(1);
    }
    bench.finishOpening();
    expect(bench.lent).toHaveLength(1);
    expect(target.shelves[key.index]!.failures).toBe(0);
  });

  test("logins that fail together count as one failure", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 8; i += 1) bench.waits(key);
    for (const backend of bench.opening) bench.pool.openFailed(backend, null, bench.now);
    expect(target.shelves[key.index]!.failures).toBe(1);
    bench.tickAfter(50);
    expect(bench.opening).toHaveLength(1);
  });

  test("the failures of one user do not hold up another", () => {
    const bench = new PoolBench();
    bench.target("writer", 10);
    const wrong = bench.pool.key("wrong", 0);
    const right = bench.pool.key("right", 0);
    bench.waits(wrong);
    bench.pool.openFailed(bench.opening[0]!, 1045, bench.now);
    bench.waits(right);
    expect(bench.opening.map(({ key }) => key)).toEqual([right]);
  });

  test("a user that cannot log in takes no idle backend away from another", () => {
    const bench = new PoolBench();
    bench.target("writer", 2);
    const app = bench.pool.key("app", 0);
    bench.idle(app, 1);
    const wrong = bench.pool.key("wrong", 0);
    bench.waits(wrong);
    bench.pool.openFailed(bench.opening[0]!, 1045, bench.now);
    bench.idle(app, 2);
    bench.pool.tick(bench.now);
    expect(bench.closings).toEqual([]);
  });

  test("a bounded number of logins is in flight at once", () => {
    const bench = new PoolBench({ waitersMax: 1_000 });
    bench.target("writer", 1_000);
    const key = bench.pool.key("app", 0);
    for (let i = 0; i < 500; i += 1) bench.waits(key);
    // A few at first; then as many as are open, up to the bound.
    expect(bench.opening).toHaveLength(6);
    for (let open = 1; open <= 200; open += 1) {
      bench.pool.opened(bench.opening[0]!, bench.now);
      expect(bench.opening).toHaveLength(Math.min(64, Math.max(6, open)));
    }
  });
});

describe("the end of a backend", () => {
  test("a discarded backend is never lent again; its place is free when it is closed", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    const waiter = bench.waits(key);

    bench.pool.discard(backend!, "broken", bench.now);
    bench.pool.discard(backend!, "broken", bench.now);
    expect(bench.reasons()).toEqual(["broken"]);
    expect(bench.opening).toHaveLength(0);
    expect(target.used).toBe(1);

    bench.pool.closed(backend!, bench.now);
    expect(target.first).toBe(bench.opening[0]);
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(waiter);
    expect(bench.lent.at(-1)?.backend).not.toBe(backend);
  });

  test("an idle backend whose connection breaks is forgotten", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.idle(key, 1);
    bench.pool.closed(backend!, bench.now);
    expect(bench.take(key, { prefer: backend! })).toBeNull();
    expect(target.used).toBe(0);
    expect(target.first).toBeNull();
  });

  test("a pin is counted until the backend is reset, given back or gone", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const [a, b, c] = bench.borrow(key, 3);
    for (const backend of [a!, b!, c!]) bench.pool.pinnedChanged(backend, true);
    bench.pool.pinnedChanged(a!, true);
    expect(target.pinned).toBe(3);
    bench.pool.beginReset(a!);
    expect(target.pinned).toBe(2);
    expect(target.counts[BackendState.RESETTING]).toBe(1);
    bench.giveBack(a!);
    bench.giveBack(b!);
    bench.pool.closed(c!, bench.now);
    expect(target.pinned).toBe(0);
    expect(target.counts).toEqual([0, 2, 0, 0, 0, 0]);
  });

  test("steps that make no sense are refused", () => {
    const bench = new PoolBench();
    const target = bench.target("writer", 10);
    const key = bench.pool.key("app", 0);
    const { pool, now } = bench;
    const [idle] = bench.idle(key, 1);
    const [gone] = bench.borrow(bench.pool.key("other", 0), 1);
    pool.closed(gone!, now);
    const waiter = bench.waits(bench.pool.key("third", 0));

    for (const step of [
      () => pool.giveBack(idle!, now),
      () => pool.opened(idle!, now),
      () => pool.openFailed(idle!, null, now),
      () => pool.beginReset(idle!),
      () => pool.pinnedChanged(idle!, true),
      () => pool.discard(gone!, "broken", now),
      () => pool.closed(gone!, now),
      () => pool.closed(new PooledBackend(target, key), now),
      () => pool.enqueue(waiter, now),
    ]) {
      expect(step).toThrow(expect.objectContaining({ name: "InvariantError" }));
    }
  });
});

describe("users that share a target", () => {
  test("an idle backend of another user makes room, the least recently used first", () => {
    const bench = new PoolBench();
    bench.target("writer", 3);
    const [oldest] = bench.idle(bench.pool.key("app", 0), 3);
    const other = bench.pool.key("report", 0);
    const waiter = bench.waits(other);

    expect(bench.closings).toEqual([{ backend: oldest, reason: "evicted" }]);
    bench.pool.tick(bench.now);
    expect(bench.closings).toHaveLength(1);
    bench.finishClosing();
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(waiter);
  });

  test("free capacity goes to the oldest waiter of all", () => {
    const bench = new PoolBench();
    bench.target("writer", 1);
    const app = bench.pool.key("app", 0);
    const other = bench.pool.key("report", 0);
    const [backend] = bench.borrow(app, 1);
    bench.waits(other);
    bench.waits(app);
    bench.pool.closed(backend!, bench.now);
    expect(bench.opening.map(({ key }) => key)).toEqual([other]);
  });

  test("a waiter does not starve while another user always has somebody waiting", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 60_000 });
    bench.target("writer", 1);
    const app = bench.pool.key("app", 0);
    let [backend] = bench.borrow(app, 1);
    const starving = bench.waits(bench.pool.key("report", 0));
    const from = bench.now;
    bench.waits(app);
    while (bench.closings.length === 0) {
      bench.now += 19;
      bench.giveBack(backend!);
      backend = bench.lent.at(-1)!.backend;
      bench.waits(app);
      expect(bench.now - from).toBeLessThan(200);
    }
    expect(bench.reasons()).toEqual(["aged-out"]);
    expect(bench.now - from).toBeGreaterThan(100);
    bench.finishClosing();
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(starving);
  });
});

describe("a waiter that would starve", () => {
  test("gets one place, not every backend that is given back meanwhile", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 60_000 });
    bench.target("writer", 3);
    const app = bench.pool.key("app", 0);
    const lent = bench.borrow(app, 3);
    bench.waits(bench.pool.key("report", 0));
    bench.now += 150;
    for (let i = 0; i < 3; i += 1) bench.waits(app);
    for (const backend of lent) bench.giveBack(backend);
    expect(bench.reasons()).toEqual(["aged-out"]);
    expect(bench.lent).toHaveLength(5);
  });

  test("takes nothing away while there is room for both", () => {
    const bench = new PoolBench({ borrowTimeoutMs: 60_000 });
    bench.target("writer", 3);
    const app = bench.pool.key("app", 0);
    const lent = bench.borrow(app, 2);
    const other = bench.pool.key("report", 0);
    bench.waits(other);
    for (const pause of [50, 100, 200]) {
      bench.pool.openFailed(bench.opening[0]!, "refused", bench.now);
      bench.tickAfter(pause);
    }
    bench.pool.openFailed(bench.opening[0]!, "refused", bench.now);
    bench.waits(app);
    bench.pool.openFailed(bench.opening[0]!, "refused", bench.now);
    bench.now += 400;
    bench.giveBack(lent[0]!);
    expect(bench.closings).toEqual([]);
    expect(bench.opening.map(({ key }) => key)).toEqual([other]);
  });
});

describe("targets", () => {
  test("a reader's backend never serves a session that writes", () => {
    const bench = new PoolBench();
    bench.target("writer", 10, Role.READ_WRITE);
    bench.target("reader", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.idle(key, 1, Role.READ_ONLY);
    expect(bench.take(key, { prefer: backend! })).toBeNull();
    expect(bench.take(key, { role: Role.READ_ONLY })).toBe(backend);
  });

  test("nothing opened under one role is lent under another", () => {
    const bench = new PoolBench();
    const target = bench.target("one", 10, Role.READ_WRITE);
    const key = bench.pool.key("app", 0);
    const [lent, idle] = bench.borrow(key, 2);
    bench.giveBack(idle!);
    bench.waits(bench.pool.key("other", 0));
    const [opening] = bench.opening;

    bench.pool.setRole(target, Role.READ_ONLY, bench.now);
    expect(bench.closings.map(({ backend }) => backend)).toEqual([opening, idle]);
    bench.giveBack(lent!);
    expect(bench.closings.at(-1)).toEqual({ backend: lent, reason: "retired" });
  });

  test("who waits during a failover is served by the new writer", () => {
    const bench = new PoolBench();
    const old = bench.target("old", 10, Role.READ_WRITE);
    const next = bench.target("next", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    bench.pool.setAccepting(old, false, bench.now);
    const waiter = bench.waits(key);
    expect(bench.opening).toEqual([]);

    bench.pool.setRole(old, NO_ROLE, bench.now);
    bench.pool.setRole(next, Role.READ_WRITE, bench.now);
    expect(bench.opening.map(({ target }) => target)).toEqual([next]);
    bench.finishOpening();
    expect(bench.lent.at(-1)?.waiter).toBe(waiter);
  });

  test("logins in flight at a target that stops accepting are given up for another target", () => {
    const bench = new PoolBench();
    const one = bench.target("one", 10, Role.READ_ONLY);
    const other = bench.target("other", 10, Role.READ_ONLY);
    const key = bench.pool.key("app", 0);
    bench.waits(key, Role.READ_ONLY);
    bench.pool.setAccepting(one, false, bench.now);
    expect(bench.opening.map(({ target }) => target)).toEqual([other]);
  });

  test("a removed target takes its backends with it", () => {
    const bench = new PoolBench();
    const target = bench.target("one", 10);
    const key = bench.pool.key("app", 0);
    const [lent, idle] = bench.borrow(key, 2);
    bench.giveBack(idle!);
    bench.pool.removeTarget(target, bench.now);
    expect(bench.pool.targets).toEqual([]);
    expect(bench.take(key, { prefer: idle! })).toBeNull();
    bench.giveBack(lent!);
    bench.finishClosing();
    expect(bench.reasons()).toEqual(["retired", "retired"]);
    expect(target.first).toBeNull();
  });

  test("a renewed user gets new backends only, other users keep theirs", () => {
    const bench = new PoolBench();
    bench.target("one", 10);
    const app = bench.pool.key("app", 0);
    const other = bench.pool.key("other", 0);
    const [lent, idle] = bench.borrow(app, 2);
    bench.giveBack(idle!);
    const [kept] = bench.idle(other, 1);
    bench.pool.renewKey(app, bench.now);
    bench.giveBack(lent!);
    expect(bench.closings.map(({ backend }) => backend)).toEqual([idle, lent]);
    expect(bench.take(app)).toBeNull();
    expect(bench.take(other)).toBe(kept);
  });
});

describe("ports that call back", () => {
  test("a session that gives back at once lets the whole queue through without nesting", () => {
    const bench = new PoolBench({ waitersMax: 100_000 });
    bench.target("writer", 1);
    const key = bench.pool.key("app", 0);
    const [backend] = bench.borrow(key, 1);
    for (let i = 0; i < 50_000; i += 1) bench.waits(key);
    bench.lent.push = ({ backend: lent }) => {
      bench.pool.giveBack(lent, bench.now);
      return 0;
    };
    bench.giveBack(backend!);
    expect(bench.pool.waiting).toBe(0);
    expect(backend!.state).toBe(BackendState.IDLE);
  });
});
