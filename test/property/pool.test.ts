import fc from "fast-check";
import { expect, test } from "vitest";
import { BackendState } from "../../proxy/pool/backend.ts";
import type { PoolLimits } from "../../proxy/pool/capacity.ts";
import { NO_ROLE, Role } from "../../proxy/pool/role.ts";
import { PoolWorld } from "./pool-world.ts";

const RUNS = Number(process.env["SLUICE_PROPERTY_RUNS"] ?? 3_000);

/** A whim that does nothing, whatever it is asked. */
const NO_WHIM = 10;

/** One step of a history: what happens, and numbers that choose to whom. */
interface Step {
  readonly act: (typeof ACTS)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const ACTS = [
  ...Array<"borrow">(8).fill("borrow"),
  ...Array<"give back">(6).fill("give back"),
  ...Array<"opened">(6).fill("opened"),
  ...Array<"closed">(4).fill("closed"),
  "burst",
  "open failed",
  "open failed",
  "discard",
  "lost",
  "cancel",
  "pin",
  "reset",
  "tick",
  "tick",
  "later",
  "much later",
  "configure",
  "max connections",
  "role",
  "accepting",
  "add target",
  "remove target",
  "renew",
] as const;

const limits: fc.Arbitrary<PoolLimits> = fc.record({
  maxConnectionsPercent: fc.integer({ min: 1, max: 100 }),
  maxConnections: fc.option(fc.integer({ min: 1, max: 8 }), { freq: 3 }),
  maxIdleConnectionsPercent: fc.integer({ min: 0, max: 100 }),
  borrowTimeoutMs: fc.constantFrom(0, 50, 500, 500, 5_000, 120_000),
  waitersMax: fc.constantFrom(1, 5, 1_000, 1_000),
});

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...ACTS),
  a: fc.nat(1_000),
  b: fc.nat(1_000),
  c: fc.nat(1_000),
});

const LIVE = [
  BackendState.OPENING,
  BackendState.IDLE,
  BackendState.LENT,
  BackendState.RESETTING,
] as const;

function pick<T>(items: readonly T[], n: number): T | undefined {
  return items[n % items.length];
}

/** Sessions and backends. */
function actOnBackends(world: PoolWorld, { act, a, b, c }: Step): void {
  const { OPENING, LENT, RESETTING, CLOSING } = BackendState;
  const of = (...states: BackendState[]) => pick(world.inState(...states), a);
  if (act === "borrow") {
    const prefer = c % 3 === 0 ? (pick(world.backends, c) ?? null) : null;
    world.borrow(
      pick(world.keys, a)!,
      a % 2 === 0 ? Role.READ_WRITE : Role.READ_ONLY,
      b % 4,
      prefer,
    );
  } else if (act === "burst") {
    for (let i = 0; i < b % 80; i += 1) {
      world.borrow(
        pick(world.keys, a)!,
        a % 2 === 0 ? Role.READ_WRITE : Role.READ_ONLY,
        i % 4,
        null,
      );
    }
  } else if (act === "give back") {
    const backend = of(LENT, RESETTING);
    if (backend) world.giveBack(backend, b % 4);
  } else if (act === "opened") {
    const backend = of(OPENING);
    if (backend) world.opened(backend);
  } else if (act === "open failed") {
    const backend = of(OPENING);
    if (backend) world.openFailed(backend);
  } else if (act === "closed") {
    const backend = of(CLOSING);
    if (backend) world.closed(backend);
  } else if (act === "lost") {
    const backend = of(...LIVE);
    if (backend) world.closed(backend);
  } else if (act === "discard") {
    const backend = of(...LIVE);
    if (backend) world.discard(backend);
  } else if (act === "pin") {
    const backend = of(LENT);
    if (backend) world.pool.pinnedChanged(backend, b % 3 > 0);
  } else if (act === "reset") {
    const backend = of(LENT);
    if (!backend) return;
    world.set(backend, RESETTING);
    world.pool.beginReset(backend);
  } else if (act === "cancel") {
    const waiting = pick(world.waiting, a);
    if (waiting) world.cancel(waiting.waiter);
  }
}

/** Time, settings and targets. */
function actOnTargets(world: PoolWorld, next: PoolLimits, { act, a, b, c }: Step): void {
  const target = pick(world.targets, a);
  if (act === "tick" || act === "later" || act === "much later") {
    world.now += act === "tick" ? b % 60 : act === "later" ? b * 10 : b * 100_000;
    world.tick();
  } else if (act === "configure") {
    world.configure({ ...world.limits, ...next });
  } else if (act === "add target") {
    if (world.targets.length < 5)
      world.addTarget(b % 3 === 0 ? 0 : 1, c % 5 === 0 ? null : 1 + (c % 12));
  } else if (target === undefined) {
    return;
  } else if (act === "max connections") {
    world.pool.setTargetMaxConnections(target, b % 5 === 0 ? null : 1 + (b % 12), world.now);
  } else if (act === "role") {
    world.setRole(target, pick([Role.READ_WRITE, Role.READ_ONLY, NO_ROLE], b)!);
  } else if (act === "accepting") {
    world.pool.setAccepting(target, b % 3 > 0, world.now);
  } else if (act === "remove target") {
    if (b % 3 === 0) world.removeTarget(target);
  } else if (act === "renew") {
    const key = pick(world.keys, b)!;
    if (c % 2 === 0) {
      world.stale((backend) => backend.key === key);
      world.pool.renewKey(key, world.now);
    } else {
      world.stale((backend) => backend.target === target);
      world.pool.renewTarget(target, world.now);
    }
  }
}

function live(world: PoolWorld, steps: readonly Step[], changes: readonly PoolLimits[]): void {
  world.addTarget(Role.READ_WRITE, 5);
  world.addTarget(Role.READ_ONLY, 3);
  world.addTarget(Role.READ_ONLY, 6);
  for (const [index, one] of steps.entries()) {
    actOnBackends(world, one);
    actOnTargets(world, changes[index % changes.length]!, one);
    world.checkAll();
  }
}

function whims(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state >>> 8;
  };
}

test("no history breaks a promise of the pool", () => {
  const reasons = new Set<string>();
  let served = 0;
  let expired = 0;
  fc.assert(
    fc.property(
      limits,
      fc.array(step, { maxLength: 150, size: "max" }),
      fc.array(limits, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      (first, steps, changes, seed) => {
        // Every second history has ports that call back.
        const world = new PoolWorld(first, seed % 2 === 0 ? () => NO_WHIM : whims(seed));
        live(world, steps, changes);
        served += world.served;
        expired += world.expired;
        for (const reason of world.reasons.keys()) reasons.add(reason);
      },
    ),
    { numRuns: RUNS },
  );
  // The histories have met what the promises are about.
  expect(served).toBeGreaterThan(RUNS);
  expect(expired).toBeGreaterThan(RUNS / 10);
  const expected = ["aged-out", "broken", "evicted", "idle", "lifetime", "retired", "surplus"];
  expect([...reasons].sort()).toEqual(expected);
});

/** Clients in a closed loop: each asks, keeps the backend for a while, gives it back and asks again at once. */
class Loop {
  readonly world: PoolWorld;
  longestWaitMs = 0;

  constructor(world: PoolWorld) {
    this.world = world;
  }

  ask(key: number): void {
    this.world.borrow(this.world.keys[key]!, Role.READ_WRITE, key, null);
  }

  /** Logins take 5 ms, closing takes 1 ms, a lease `leaseMs`; then the same user asks again. */
  run(untilMs: number, leaseMs: number): void {
    const { world } = this;
    const stateSince = new Map<object, { state: number; at: number }>();
    for (; world.now < untilMs; world.now += 1) {
      world.tick();
      for (const backend of [...world.backends]) {
        const known = stateSince.get(backend);
        if (known?.state !== backend.state)
          stateSince.set(backend, { state: backend.state, at: world.now });
        const age = world.now - stateSince.get(backend)!.at;
        if (backend.state === BackendState.OPENING && age >= 5) world.opened(backend);
        else if (backend.state === BackendState.CLOSING && age >= 1) world.closed(backend);
        else if (backend.state === BackendState.LENT && age >= leaseMs) {
          stateSince.delete(backend);
          world.giveBack(backend, backend.key.index);
          this.ask(backend.key.index);
        }
      }
      for (const { waiter } of world.waiting) {
        this.longestWaitMs = Math.max(this.longestWaitMs, world.now - waiter.sinceMs);
      }
    }
  }
}

test("no user starves beside one that always has somebody waiting", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 10, max: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 20 }),
      (capacity, crowd, few, leaseMs) => {
        const world = new PoolWorld(
          {
            maxConnectionsPercent: 100,
            maxConnections: capacity,
            maxIdleConnectionsPercent: 100,
            borrowTimeoutMs: 60_000,
            waitersMax: 1_000,
          },
          () => NO_WHIM,
        );
        world.addTarget(Role.READ_WRITE, 100);
        const loop = new Loop(world);
        for (let i = 0; i < crowd; i += 1) loop.ask(0);
        loop.run(1_500, leaseMs);
        for (let i = 0; i < few; i += 1) loop.ask(2);
        loop.run(3_500, leaseMs);
        // In strict order of arrival nobody would wait longer than all the others' leases together, in `capacity` lanes.
        const fair = ((crowd + few) * (leaseMs + 1)) / capacity;
        expect(loop.longestWaitMs).toBeLessThan(2 * fair + 100 + 50);
      },
    ),
    { numRuns: Math.ceil(RUNS / 60) },
  );
});
