import {
  BackendState,
  type CloseReason,
  PooledBackend,
  type PoolTarget,
} from "../../../proxy/pool/backend.ts";
import type { PoolLimits } from "../../../proxy/pool/capacity.ts";
import type { PoolKey } from "../../../proxy/pool/key.ts";
import { type Enqueued, Pool } from "../../../proxy/pool/pool.ts";
import { Role } from "../../../proxy/pool/role.ts";
import { Waiter } from "../../../proxy/pool/waiters.ts";

export const LIMITS: PoolLimits = {
  maxConnectionsPercent: 100,
  maxConnections: null,
  maxIdleConnectionsPercent: 50,
  borrowTimeoutMs: 1_000,
  waitersMax: 100,
};

/** A pool whose outside is under the test's hand: logins and closes end when the test says so. */
export class PoolBench {
  readonly pool: Pool;
  now = 1_000;
  /** In order: every backend ever opened. */
  readonly backends: PooledBackend[] = [];
  readonly lent: { waiter: Waiter; backend: PooledBackend }[] = [];
  readonly expired: Waiter[] = [];
  readonly closings: { backend: PooledBackend; reason: CloseReason }[] = [];
  random = 0;
  #sessions = 0;

  constructor(limits: Partial<PoolLimits> = {}) {
    this.pool = new Pool(
      { ...LIMITS, ...limits },
      {
        open: (target, key) => {
          const backend = new PooledBackend(target, key);
          this.backends.push(backend);
          return backend;
        },
        lend: (waiter, backend) => {
          this.lent.push({ waiter, backend });
        },
        expire: (waiter) => {
          this.expired.push(waiter);
        },
        close: (backend, reason) => {
          this.closings.push({ backend, reason });
        },
        random: () => this.random,
      },
    );
  }

  target(id: string, maxConnections: number | null, role: Role = Role.READ_WRITE): PoolTarget {
    return this.pool.addTarget({ id, role, maxConnections, accepting: true }, this.now);
  }

  /** A session that asks and gets nothing: it waits, or is refused. */
  ask(key: PoolKey, role: Role = Role.READ_WRITE): { waiter: Waiter; answer: Enqueued } {
    this.#sessions += 1;
    const waiter = new Waiter(key, role);
    waiter.sessionId = this.#sessions;
    return { waiter, answer: this.pool.enqueue(waiter, this.now) };
  }

  waits(key: PoolKey, role: Role = Role.READ_WRITE): Waiter {
    return this.ask(key, role).waiter;
  }

  take(
    key: PoolKey,
    options: { role?: Role; token?: number; session?: number; prefer?: PooledBackend | null } = {},
  ): PooledBackend | null {
    const { role = Role.READ_WRITE, token = 0, session = 900, prefer = null } = options;
    return this.pool.take(key, role, token, session, prefer, this.now);
  }

  /** So many lent backends, as many waiters having been served by new ones. */
  borrow(key: PoolKey, count: number, role: Role = Role.READ_WRITE): PooledBackend[] {
    const lentBefore = this.lent.length;
    for (let i = 0; i < count; i += 1) this.waits(key, role);
    this.finishOpening();
    const served = this.lent.slice(lentBefore).map(({ backend }) => backend);
    if (served.length !== count) throw new Error(`${served.length} served of ${count}`);
    return served;
  }

  /** So many idle backends, given back one millisecond after the other: the first is the least recently used. */
  idle(key: PoolKey, count: number, role: Role = Role.READ_WRITE): PooledBackend[] {
    const backends = this.borrow(key, count, role);
    for (const backend of backends) this.giveBack(backend);
    return backends;
  }

  giveBack(backend: PooledBackend, token = backend.stateToken): void {
    this.now += 1;
    backend.stateToken = token;
    this.pool.giveBack(backend, this.now);
  }

  finishOpening(): void {
    for (const backend of this.backends) {
      if (backend.state === BackendState.OPENING) this.pool.opened(backend, this.now);
    }
  }

  finishClosing(): void {
    for (const backend of this.backends) {
      if (backend.state === BackendState.CLOSING) this.pool.closed(backend, this.now);
    }
  }

  tickAfter(ms: number): void {
    this.now += ms;
    this.pool.tick(this.now);
  }

  inState(state: BackendState): PooledBackend[] {
    return this.backends.filter((backend) => backend.state === state);
  }

  get opening(): PooledBackend[] {
    return this.inState(BackendState.OPENING);
  }

  reasons(): CloseReason[] {
    return this.closings.map(({ reason }) => reason);
  }
}
