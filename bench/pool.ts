import { PooledBackend } from "../proxy/pool/backend.ts";
import { Pool } from "../proxy/pool/pool.ts";
import { Role } from "../proxy/pool/role.ts";
import { Waiter } from "../proxy/pool/waiters.ts";

/** What the pool costs by itself, in nanoseconds: `npx tsx bench/pool.ts`. Each line is the best of several rounds. */

const BACKENDS = 200;
const WAITERS = 10_000;
const ROUNDS = 7;
const OPERATIONS = 400_000;

interface Bench {
  readonly pool: Pool;
  readonly opened: PooledBackend[];
  lent: PooledBackend | null;
}

function makeBench(targets: number, role: Role): Bench {
  const opened: PooledBackend[] = [];
  const bench: Bench = { pool: null as never, opened, lent: null };
  const pool = new Pool(
    {
      maxConnectionsPercent: 100,
      maxConnections: null,
      maxIdleConnectionsPercent: 100,
      borrowTimeoutMs: 120_000,
      waitersMax: 65_536,
    },
    {
      open(target, key) {
        const backend = new PooledBackend(target, key);
        opened.push(backend);
        return backend;
      },
      lend(_waiter, backend) {
        bench.lent = backend;
      },
      expire() {},
      close() {},
      random: () => 0,
    },
  );
  for (let i = 0; i < targets; i += 1) {
    const maxConnections = BACKENDS / targets;
    pool.addTarget({ id: `t${i}`, role, maxConnections, accepting: true }, 0);
  }
  return Object.assign(bench, { pool });
}

/** A pool with all its backends idle, their session states taken from so many different ones. */
function filled(targets: number, role: Role, states: number): Bench {
  const bench = makeBench(targets, role);
  const key = bench.pool.key("app", 0);
  const waiters: Waiter[] = [];
  for (let i = 0; i < BACKENDS; i += 1) {
    const waiter = new Waiter(key, role);
    waiters.push(waiter);
    bench.pool.enqueue(waiter, 0.5);
    if (bench.opened.length > waiters.length - 1) bench.pool.opened(bench.opened[i]!, 0.5);
  }
  for (const [i, backend] of bench.opened.entries()) {
    backend.stateToken = i % states;
    bench.pool.giveBack(backend, 0.5);
  }
  return bench;
}

function measure(name: string, operations: number, run: (operations: number) => void): void {
  run(operations);
  let best = Number.POSITIVE_INFINITY;
  const heapBefore = process.memoryUsage().heapUsed;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    run(operations);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / operations);
  }
  const bytes = (process.memoryUsage().heapUsed - heapBefore) / (operations * ROUNDS);
  console.log(
    `${name.padEnd(64)} ${best.toFixed(1).padStart(8)} ns ${bytes.toFixed(2).padStart(8)} bytes`,
  );
}

function benchPairs(): void {
  const single = filled(1, Role.READ_WRITE, 1);
  const key = single.pool.key("app", 0);
  let now = 1.5;
  measure("take + give back, the session's last backend", OPERATIONS, (n) => {
    let last: PooledBackend | null = null;
    for (let i = 0; i < n; i += 1) {
      now += 0.25;
      last = single.pool.take(key, Role.READ_WRITE, 0, 7, last, now)!;
      single.pool.giveBack(last, now);
    }
  });
  measure("take + give back, any backend of equal state", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 1) {
      now += 0.25;
      single.pool.giveBack(single.pool.take(key, Role.READ_WRITE, 0, i, null, now)!, now);
    }
  });
  const held: PooledBackend[] = [];
  measure("take + give back, 100 lent at a time", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 100) {
      now += 0.25;
      for (let j = 0; j < 100; j += 1) held[j] = single.pool.take(key, 0, 0, j, null, now)!;
      for (let j = 0; j < 100; j += 1) single.pool.giveBack(held[(j * 37) % 100]!, now);
    }
  });
  const mixed = filled(1, Role.READ_WRITE, 20);
  const mixedKey = mixed.pool.key("app", 0);
  measure("take + give back, 20 session states in turn", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 1) {
      now += 0.25;
      mixed.pool.giveBack(mixed.pool.take(mixedKey, 0, i % 20, i, null, now)!, now);
    }
  });
  const readers = filled(4, Role.READ_ONLY, 1);
  const readerKey = readers.pool.key("app", 0);
  measure("take + give back, least loaded of 4 readers", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 1) {
      now += 0.25;
      readers.pool.giveBack(readers.pool.take(readerKey, Role.READ_ONLY, 0, i, null, now)!, now);
    }
  });
}

function benchQueue(): void {
  const bench = filled(1, Role.READ_WRITE, 1);
  const { pool } = bench;
  const key = pool.key("app", 0);
  let now = 1e6 + 0.5;
  for (let i = 0; i < BACKENDS; i += 1) pool.take(key, Role.READ_WRITE, 0, i, null, now);
  const waiters = Array.from({ length: WAITERS }, (_, i) => {
    const waiter = new Waiter(key, Role.READ_WRITE);
    waiter.sessionId = i;
    return waiter;
  });
  for (const waiter of waiters) pool.enqueue(waiter, now);
  measure("give back to the oldest waiter + enqueue again, 10,000 waiting", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 1) {
      const waiter = pool.oldestWaiter(key, Role.READ_WRITE)!;
      pool.giveBack(bench.opened[i % BACKENDS]!, now);
      pool.enqueue(waiter, now);
    }
  });
  measure("cancel + enqueue in the middle of 10,000 waiting", OPERATIONS, (n) => {
    for (let i = 0; i < n; i += 1) {
      const waiter = waiters[(i * 7919) % WAITERS]!;
      pool.cancel(waiter);
      pool.enqueue(waiter, now);
    }
  });
  measure("tick, 10,000 waiting, nothing due", 20_000, (n) => {
    for (let i = 0; i < n; i += 1) {
      now += 0.0001;
      pool.tick(now);
    }
  });
}

/** Waiters of many users at one full target: each give back looks at every user that waits. */
function benchUsers(): void {
  const bench = filled(1, Role.READ_WRITE, 1);
  const { pool } = bench;
  const app = pool.key("app", 0);
  for (let i = 0; i < BACKENDS; i += 1) pool.take(app, Role.READ_WRITE, 0, i, null, 1.5);
  for (let i = 0; i < WAITERS; i += 1) {
    pool.enqueue(new Waiter(pool.key(`user${i % 20}`, 0), Role.READ_WRITE), 1.5);
  }
  for (let i = 0; i < 100; i += 1) pool.enqueue(new Waiter(app, Role.READ_WRITE), 1.5);
  measure("give back + enqueue, 10,000 waiting of 20 other users", OPERATIONS / 4, (n) => {
    for (let i = 0; i < n; i += 1) {
      const waiter = pool.oldestWaiter(app, Role.READ_WRITE)!;
      pool.giveBack(bench.opened[i % BACKENDS]!, 1.5);
      pool.enqueue(waiter, 1.5);
    }
  });
}

benchPairs();
benchQueue();
benchUsers();
