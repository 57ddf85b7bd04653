import {
  BackendState,
  type CloseReason,
  PooledBackend,
  type PoolTarget,
} from "../../proxy/pool/backend.ts";
import type { PoolLimits } from "../../proxy/pool/capacity.ts";
import type { PoolKey } from "../../proxy/pool/key.ts";
import { Pool } from "../../proxy/pool/pool.ts";
import { NO_ROLE, Role } from "../../proxy/pool/role.ts";
import { Waiter } from "../../proxy/pool/waiters.ts";

/** Opens in flight that no waiter stands behind, for each target and key. */
const AHEAD_MAX = 2;
const OPENS_AT_ONCE = 64;
/** The same at a writer with few backends. */
const FIRST_OPENS = 6;

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Backends as the model knows them: kept apart from the pool's own records, and compared with them. */
interface Facts {
  state: BackendState;
  /** Opened before its target changed role, or its user was renewed. */
  stale: boolean;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly deadlineMs: number;
}

/**
 * A pool with a model beside it: every port call is checked when it happens, everything else after each command. With
 * a `whim` the ports call back into the pool, as a session may that has ended meanwhile.
 */
export class PoolWorld {
  readonly pool: Pool;
  readonly backends: PooledBackend[] = [];
  readonly targets: PoolTarget[] = [];
  readonly keys: PoolKey[];
  readonly facts = new Map<PooledBackend, Facts>();
  /** In order of arrival. */
  waiting: Waiting[] = [];
  limits: PoolLimits;
  now = 1_000;
  served = 0;
  expired = 0;
  /** Why each backend was closed by the pool. */
  readonly reasons = new Map<CloseReason, number>();
  readonly #whim: () => number;
  /** A backend may be opened for balance, or a backend for the next who may not wait. */
  #mayOpenAhead = false;
  #sessions = 0;
  #targetIds = 0;
  #depth = 0;

  constructor(limits: PoolLimits, whim: () => number) {
    this.limits = limits;
    this.#whim = whim;
    this.pool = new Pool(limits, {
      open: (target, key) => this.#open(target, key),
      lend: (waiter, backend) => this.#lend(waiter, backend),
      expire: (waiter) => this.#expire(waiter),
      close: (backend, reason) => this.#close(backend, reason),
      random: () => 0.5,
    });
    this.keys = [this.pool.key("app", 0), this.pool.key("app", 1), this.pool.key("report", 0)];
  }

  addTarget(role: Role, maxConnections: number | null): void {
    this.#targetIds += 1;
    const id = `t${this.#targetIds}`;
    // Opens during the call are checked against the target's capacity, so that it must be known before.
    this.targets.push(this.pool.addTarget({ id, role, maxConnections, accepting: true }, this.now));
  }

  removeTarget(target: PoolTarget): void {
    this.stale((backend) => backend.target === target);
    this.targets.splice(this.targets.indexOf(target), 1);
    this.pool.removeTarget(target, this.now);
  }

  setRole(target: PoolTarget, role: Role | typeof NO_ROLE): void {
    if (role !== target.role) this.stale((backend) => backend.target === target);
    this.pool.setRole(target, role, this.now);
  }

  stale(which: (backend: PooledBackend) => boolean): void {
    for (const [backend, facts] of this.facts) if (which(backend)) facts.stale = true;
  }

  borrow(key: PoolKey, role: Role, token: number, prefer: PooledBackend | null): void {
    this.#sessions += 1;
    const sessionId = this.#sessions;
    const before = this.waiting.length;
    this.#mayOpenAhead = true;
    const taken = this.pool.take(key, role, token, sessionId, prefer, this.now);
    this.#mayOpenAhead = false;
    if (taken !== null) {
      check(
        !this.waiting.slice(0, before).some(({ waiter: w }) => w.key === key && w.role === role),
        "somebody was overtaken",
      );
      this.#note(taken, key, role);
      check(taken.lastSession === sessionId, "the last session is not known");
      return;
    }
    const waiter = new Waiter(key, role);
    waiter.sessionId = sessionId;
    waiter.stateToken = token;
    this.wait(waiter, false);
  }

  wait(waiter: Waiter, again: boolean): void {
    const deadlineMs = again ? waiter.deadlineMs : this.now + this.limits.borrowTimeoutMs;
    const count = this.waiting.length;
    const isFull = count >= this.limits.waitersMax;
    if (this.limits.borrowTimeoutMs > 0 && !isFull) this.#insert({ waiter, deadlineMs }, again);
    this.#mayOpenAhead = this.limits.borrowTimeoutMs === 0;
    const answer = again
      ? this.pool.requeue(waiter, this.now)
      : this.pool.enqueue(waiter, this.now);
    this.#mayOpenAhead = false;
    const expected =
      this.limits.borrowTimeoutMs === 0 ? "timeout-zero" : isFull ? "full" : "waiting";
    check(answer === expected, `${answer} instead of ${expected}`);
  }

  configure(limits: PoolLimits): void {
    this.limits = limits;
    this.waiting = this.waiting.map(({ waiter }) => ({
      waiter,
      deadlineMs: waiter.sinceMs + limits.borrowTimeoutMs,
    }));
    this.pool.configure(limits, this.now);
  }

  cancel(waiter: Waiter): void {
    const before = this.waiting.length;
    this.waiting = this.waiting.filter((one) => one.waiter !== waiter);
    check(this.pool.cancel(waiter) === this.waiting.length < before, "wrong answer to cancel");
  }

  set(backend: PooledBackend, state: BackendState): void {
    this.facts.get(backend)!.state = state;
  }

  giveBack(backend: PooledBackend, token: number): void {
    backend.stateToken = token;
    this.set(backend, BackendState.IDLE);
    this.pool.giveBack(backend, this.now);
  }

  discard(backend: PooledBackend): void {
    this.pool.discard(backend, "broken", this.now);
  }

  closed(backend: PooledBackend): void {
    this.set(backend, BackendState.CLOSED);
    this.pool.closed(backend, this.now);
  }

  opened(backend: PooledBackend): void {
    this.set(backend, BackendState.IDLE);
    this.pool.opened(backend, this.now);
  }

  openFailed(backend: PooledBackend): void {
    this.set(backend, BackendState.CLOSED);
    this.pool.openFailed(backend, "refused", this.now);
  }

  tick(): void {
    this.pool.tick(this.now);
    for (const { deadlineMs } of this.waiting)
      check(deadlineMs > this.now, "waits past its deadline");
    this.#checkLiveness(true);
  }

  inState(...states: BackendState[]): PooledBackend[] {
    return this.backends.filter((backend) => states.includes(backend.state));
  }

  checkAll(): void {
    this.#checkStates();
    this.#checkQueues();
    this.#checkLiveness(false);
  }

  #insert(waiting: Waiting, again: boolean): void {
    let at = this.waiting.length;
    if (again)
      while (at > 0 && this.waiting[at - 1]!.waiter.ticket > waiting.waiter.ticket) at -= 1;
    this.waiting.splice(at, 0, waiting);
  }

  #open(target: PoolTarget, key: PoolKey): PooledBackend {
    const { role } = target;
    check(target.accepting && role !== NO_ROLE, "opened where nobody is sent");
    const used = this.#count((b) => b.target === target);
    check(used < target.capacity, "opened above the capacity");
    const waiting = this.waiting.filter(({ waiter: w }) => w.key === key && w.role === role).length;
    if (this.#openingFor(key, role) >= waiting) {
      check(this.#mayOpenAhead, "opened for nobody");
      check(target.shelves[key.index]!.opening < AHEAD_MAX, "opened too many for nobody");
    }
    check(!this.#isBusyOpening(target), "too many logins at once");
    const backend = new PooledBackend(target, key);
    this.backends.push(backend);
    this.facts.set(backend, { state: BackendState.OPENING, stale: false });
    return backend;
  }

  #lend(waiter: Waiter, backend: PooledBackend): void {
    const at = this.waiting.findIndex((one) => one.waiter === waiter);
    check(at >= 0, "lent to somebody who does not wait");
    const isOvertaking = this.waiting
      .slice(0, at)
      .some(({ waiter: w }) => w.key === waiter.key && w.role === waiter.role);
    check(!isOvertaking, "lent out of turn");
    this.waiting.splice(at, 1);
    this.#note(backend, waiter.key!, waiter.role);
    check(backend.lastSession === waiter.sessionId, "the last session is not known");
    this.served += 1;
    this.#caprice(waiter, backend);
  }

  /** What a backend must be that somebody gets. */
  #note(backend: PooledBackend, key: PoolKey, role: Role): void {
    const facts = this.facts.get(backend)!;
    check(facts.state === BackendState.IDLE, "lent though not idle");
    check(!facts.stale, "lent though of an earlier role or user");
    check(backend.key === key, "lent to another user");
    check(backend.target.role === role && backend.target.accepting, "lent from the wrong target");
    facts.state = BackendState.LENT;
  }

  #expire(waiter: Waiter): void {
    const at = this.waiting.findIndex((one) => one.waiter === waiter);
    check(at >= 0, "expired somebody who does not wait");
    check(this.waiting[at]!.deadlineMs <= this.now, "expired too early");
    this.waiting.splice(at, 1);
    this.expired += 1;
    if (this.#whim() % 4 === 0) this.#nested(() => this.borrow(waiter.key!, waiter.role, 0, null));
  }

  #close(backend: PooledBackend, reason: CloseReason): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    const facts = this.facts.get(backend)!;
    check(facts.state < BackendState.CLOSING, "closed twice");
    facts.state = BackendState.CLOSING;
    const whim = this.#whim() % 6;
    if (whim < 2) this.#nested(() => this.closed(backend));
    else if (whim === 2) this.#nested(() => this.#loseOne());
  }

  /** A session that got a backend may be gone, find the backend dead, or be done before `lend` returns. */
  #caprice(waiter: Waiter, backend: PooledBackend): void {
    const whim = this.#whim() % 12;
    if (whim === 1) this.#nested(() => this.giveBack(backend, waiter.stateToken));
    else if (whim === 2) this.#nested(() => this.closed(backend));
    else if (whim === 3) {
      this.#nested(() => {
        this.discard(backend);
        if (waiter.queue === null) this.wait(waiter, true);
      });
    } else if (whim === 4 && this.waiting.length > 0) {
      this.#nested(() => this.cancel(this.waiting[0]!.waiter));
    } else if (whim === 5) {
      this.#nested(() => this.borrow(waiter.key!, waiter.role, waiter.stateToken, backend));
    } else if (whim === 6) {
      this.#nested(() => {
        this.giveBack(backend, 0);
        this.borrow(waiter.key!, waiter.role, 0, null);
      });
    } else if (whim === 7) {
      this.#nested(() => {
        for (const other of this.inState(BackendState.LENT)) this.giveBack(other, 0);
      });
    }
  }

  #loseOne(): void {
    const [first] = this.inState(BackendState.IDLE, BackendState.OPENING);
    if (first !== undefined) this.closed(first);
  }

  #nested(act: () => void): void {
    if (this.#depth >= 3) return;
    this.#depth += 1;
    act();
    this.#depth -= 1;
  }

  #count(which: (backend: PooledBackend) => boolean): number {
    return this.backends.filter((b) => b.state !== BackendState.CLOSED && which(b)).length;
  }

  #checkStates(): void {
    const targets = new Set(this.targets);
    for (const backend of this.backends) {
      targets.add(backend.target);
      check(backend.state === this.facts.get(backend)!.state, "the states differ from the model's");
    }
    for (const target of targets) {
      for (const state of Object.values(BackendState)) {
        const count = state === BackendState.CLOSED ? 0 : this.#countState(target, state);
        check(
          target.counts[state] === count,
          `${count} backends in state ${state} are not counted so`,
        );
      }
      let listed = 0;
      for (let b = target.first; b !== null; b = b.nextOfTarget) listed += 1;
      check(listed === target.used, "the list of all backends is not complete");
      const isBelow = target.live <= target.capacity || target.counts[BackendState.IDLE] === 0;
      check(isBelow, "idle backends are kept above the capacity");
      const pinned = this.#count((b) => b.target === target && b.pinned);
      check(target.pinned === pinned, "the pins are not counted so");
      for (const shelf of target.shelves) this.#checkShelf(target, shelf.key);
    }
  }

  #checkShelf(target: PoolTarget, key: PoolKey): void {
    const shelf = target.shelves[key.index]!;
    const idle = this.backends.filter(
      (b) => b.target === target && b.key === key && b.state === BackendState.IDLE,
    );
    let listed = 0;
    for (let b = shelf.newest; b !== null; b = b.older) {
      check(b.older === null || b.older.idleSince <= b.idleSince, "not in order of use");
      listed += 1;
    }
    check(listed === idle.length, "an idle backend is not on its shelf");
    for (const backend of idle) {
      const newest = shelf.matching(backend.stateToken);
      check(newest?.stateToken === backend.stateToken, "an idle backend is not found by its state");
      check(newest.idleSince >= backend.idleSince, "not the most recently used");
    }
    const opening = this.#count(
      (b) => b.target === target && b.key === key && b.state === BackendState.OPENING,
    );
    check(shelf.opening === opening, "the opens of a shelf are not counted so");
  }

  #countState(target: PoolTarget, state: BackendState): number {
    return this.#count((b) => b.target === target && b.state === state);
  }

  #checkQueues(): void {
    check(this.pool.waiting === this.waiting.length, "the waiters differ from the model's");
    for (const role of [Role.READ_WRITE, Role.READ_ONLY]) {
      for (const key of this.keys) {
        const expected = this.waiting.filter(({ waiter: w }) => w.key === key && w.role === role);
        let waiter = this.pool.oldestWaiter(key, role);
        const opening = this.#openingFor(key, role);
        for (const [index, one] of expected.entries()) {
          check(waiter === one.waiter, "the queue is not in the order of arrival");
          check(waiter.covered === index < opening, "the wrong waiters are covered by opens");
          check(waiter.deadlineMs === one.deadlineMs, "a deadline differs from the model's");
          waiter = waiter.younger;
        }
        check(waiter === null, "somebody waits whom the model does not know");
      }
    }
  }

  /** At a writer as many logins may be under way as backends are open, and a few more at first. */
  #isBusyOpening(target: PoolTarget): boolean {
    const opening = this.#countState(target, BackendState.OPENING);
    if (target.role !== Role.READ_WRITE) return opening >= OPENS_AT_ONCE;
    const open = [BackendState.IDLE, BackendState.LENT, BackendState.RESETTING]
      .map((state) => this.#countState(target, state))
      .reduce((sum, count) => sum + count, 0);
    return opening >= Math.min(OPENS_AT_ONCE, Math.max(FIRST_OPENS, open));
  }

  #openingFor(key: PoolKey, role: Role): number {
    return this.#count(
      (b) => b.key === key && b.target.role === role && b.state === BackendState.OPENING,
    );
  }

  /** Nobody waits who could be served. After a failed open only a tick promises the next try. */
  #checkLiveness(isTick: boolean): void {
    for (const role of [Role.READ_WRITE, Role.READ_ONLY]) {
      const targets = this.targets.filter((t) => t.role === role && t.accepting);
      const coming = targets.reduce((n, t) => n + this.#countState(t, BackendState.CLOSING), 0);
      for (const key of this.keys) {
        const waiting = this.pool.waitingFor(key, role);
        if (waiting === 0) continue;
        for (const target of targets) {
          const shelf = target.shelves[key.index]!;
          check(shelf.newest === null, "waits while a backend that suits is idle");
          const isCovered = waiting <= this.#openingFor(key, role);
          const mayTry =
            shelf.failures === 0 || (isTick && shelf.retryAt <= this.now && shelf.opening === 0);
          const isBusy = this.#isBusyOpening(target);
          if (isCovered || !mayTry || isBusy) continue;
          check(target.used >= target.capacity, "waits while there is free capacity");
          const isIdle = this.#countState(target, BackendState.IDLE) > 0;
          check(!isIdle || coming > 0, "waits while another user's backend is idle");
        }
      }
    }
  }
}
