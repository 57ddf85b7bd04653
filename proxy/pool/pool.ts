import { invariant } from "../base/assert.ts";
import { BackendState, type CloseReason, type PooledBackend, type PoolTarget } from "./backend.ts";
import { forgiveFailures, noteFailure } from "./backoff.ts";
import { measure, type PoolLimits } from "./capacity.ts";
import type { PoolKey } from "./key.ts";
import { Lifecycle, shelfOf } from "./lifecycle.ts";
import type { Line } from "./line.ts";
import type { PoolPorts } from "./ports.ts";
import { endOfLife, findBeyondIdleCap, findExpired, RETIRE_EVERY_MS } from "./retirement.ts";
import type { Role, TargetRole } from "./role.ts";
import { type AddTargetOptions, Roster } from "./roster.ts";
import {
  isAgedOut,
  leastRecent,
  pickEvicted,
  pickIdle,
  pickPreferred,
  pickReplaced,
  queueToOpen,
  shelfToBalance,
  shelfToOpen,
} from "./selection.ts";
import type { Waiter } from "./waiters.ts";

/** Opens in flight for each target and key that no waiter stands behind: the borrow timeout is 0. */
const SPARE_OPENS = 2;

export type Enqueued = "waiting" | "full" | "timeout-zero";

/**
 * Decides who borrows which backend, and when. Each method changes the records first and calls the ports last; whatever
 * may let somebody be served ends in `#settle`, after which nobody waits who could be served.
 */
export class Pool {
  #limits: PoolLimits;
  readonly #ports: PoolPorts;
  readonly #roster = new Roster();
  readonly #lifecycle: Lifecycle;
  #tickets = 0;
  #retireDue = 0;
  /** Serving, or amid a change of several backends: nobody else may begin to serve. */
  #busy = false;
  #unsettled = false;

  constructor(limits: PoolLimits, ports: PoolPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#lifecycle = new Lifecycle(this.#roster, ports);
  }

  /** The one key of a user and a class of capabilities. To be asked for once in a session, not for each statement. */
  key(userKey: string, classId: number): PoolKey {
    return this.#roster.key(userKey, classId);
  }

  get limits(): PoolLimits {
    return this.#limits;
  }

  get targets(): readonly PoolTarget[] {
    return this.#roster.targets;
  }

  get keys(): readonly PoolKey[] {
    return this.#roster.keys;
  }

  get waiting(): number {
    return this.#roster.lines[0].length + this.#roster.lines[1].length;
  }

  waitingFor(key: PoolKey, role: Role): number {
    return this.#roster.lines[role].queues[key.index]!.length;
  }

  oldestWaiter(key: PoolKey, role: Role): Waiter | null {
    return this.#roster.lines[role].queues[key.index]!.oldest;
  }

  /** A live change. Those who wait already get the new borrow timeout, counted from when they began to wait. */
  configure(limits: PoolLimits, now: number): void {
    this.#limits = limits;
    for (const line of this.#roster.lines) line.reschedule(limits.borrowTimeoutMs);
    for (const target of this.#roster.targets) measure(target, limits);
    this.#arrange(now, () => this.#shrink());
  }

  addTarget(options: AddTargetOptions, now: number): PoolTarget {
    const target = this.#roster.add(options);
    measure(target, this.#limits);
    this.#settle(now);
    return target;
  }

  /** Nobody is sent there any more; its idle backends are closed now, the lent ones when given back. */
  removeTarget(target: PoolTarget, now: number): void {
    invariant(!target.removed, "a target is removed once");
    this.#roster.remove(target);
    this.#arrange(now, () => this.#renew(target, null));
  }

  setTargetMaxConnections(target: PoolTarget, maxConnections: number | null, now: number): void {
    if (target.maxConnections === maxConnections) return;
    target.maxConnections = maxConnections;
    measure(target, this.#limits);
    this.#arrange(now, () => this.#shrink());
  }

  /** A backend opened under another role is never lent again: idle ones close now, lent ones when given back. */
  setRole(target: PoolTarget, role: TargetRole, now: number): void {
    invariant(!target.removed, "a removed target has no role");
    if (target.role === role) return;
    this.#roster.changeRole(target, role);
    this.#arrange(now, () => this.#renew(target, null));
  }

  /** Not accepting: idle backends are kept but not lent, logins in flight are given up, none are begun. */
  setAccepting(target: PoolTarget, accepting: boolean, now: number): void {
    invariant(!target.removed, "a removed target accepts nothing");
    if (target.accepting === accepting) return;
    target.accepting = accepting;
    this.#arrange(now, () => {
      for (const shelf of target.shelves) forgiveFailures(shelf);
      if (!accepting) this.#lifecycle.closeAll(target, null, BackendState.OPENING);
    });
  }

  /** Closes a user's backends at all targets, the lent ones when given back: its password has changed, or it is gone. */
  renewKey(key: PoolKey, now: number): void {
    this.#arrange(now, () => {
      for (const target of this.#roster.targets) this.#renew(target, key);
    });
  }

  /** The same for all backends of a target: the init query has changed, the server was restarted. */
  renewTarget(target: PoolTarget, now: number): void {
    this.#arrange(now, () => this.#renew(target, null));
  }

  /**
   * An idle backend for a session, at once, or null: none is idle, or others wait for such a one already. Then
   * `enqueue`. `prefer` is the backend that the session had last.
   */
  take(
    key: PoolKey,
    role: Role,
    stateToken: number,
    sessionId: number,
    prefer: PooledBackend | null,
    now: number,
  ): PooledBackend | null {
    const line = this.#roster.lines[role];
    if (line.length > 0 && line.queues[key.index]!.length > 0) return null;
    if (prefer !== null && prefer.target.role === role && prefer.target.accepting) {
      const near = pickPreferred(prefer, key, stateToken, sessionId);
      if (near !== null) {
        this.#lifecycle.lend(near, sessionId);
        return near;
      }
    }
    const found = pickIdle(line, key, stateToken);
    if (found === null) return null;
    if (line.targets.length === 1) {
      this.#lifecycle.lend(found, sessionId);
      return found;
    }
    const shelf = shelfToBalance(line, found, now);
    this.#lifecycle.lend(found, sessionId);
    line.rotate();
    if (shelf !== null) this.#lifecycle.open(shelf);
    return found;
  }

  /** Puts a session in the queue, or says why not. The wait ends with `lend`, `expire` or by `cancel`. */
  enqueue(waiter: Waiter, now: number): Enqueued {
    waiter.sinceMs = now;
    waiter.deadlineMs = now + this.#limits.borrowTimeoutMs;
    this.#tickets += 1;
    waiter.ticket = this.#tickets;
    return this.#join(waiter, false, now);
  }

  /** Back into its old place, with its old deadline: the backend that it was lent proved to be dead before use. */
  requeue(waiter: Waiter, now: number): Enqueued {
    invariant(waiter.ticket > 0, "only who has waited waits again");
    return this.#join(waiter, true, now);
  }

  /** The session leaves the queue. False if it did not wait. */
  cancel(waiter: Waiter): boolean {
    if (waiter.queue === null) return false;
    this.#roster.lines[waiter.role].leave(waiter);
    return true;
  }

  /** Login is complete: the backend is free. */
  opened(backend: PooledBackend, now: number): void {
    invariant(backend.state === BackendState.OPENING, "only an opening backend becomes open");
    forgiveFailures(shelfOf(backend));
    backend.openedAt = now;
    backend.retireAt = endOfLife(now, this.#ports.random());
    this.#lifecycle.free(backend, now);
    this.#settle(now);
  }

  /** Dialling or login failed, or took too long. The reason is kept in the shelf's `lastFailure`. */
  openFailed(backend: PooledBackend, reason: unknown, now: number): void {
    invariant(backend.state === BackendState.OPENING, "only an opening backend fails to open");
    noteFailure(shelfOf(backend), reason, now);
    this.#lifecycle.end(backend);
    this.#settle(now);
  }

  /** The session is over; the backend is being made clean before others may have it. */
  beginReset(backend: PooledBackend): void {
    invariant(backend.state === BackendState.LENT, "only a lent backend is reset");
    this.#lifecycle.pin(backend, false);
    backend.target.move(backend, BackendState.RESETTING);
  }

  pinnedChanged(backend: PooledBackend, pinned: boolean): void {
    invariant(backend.state === BackendState.LENT, "only a lent backend is pinned");
    this.#lifecycle.pin(backend, pinned);
  }

  /** The backend is clean and its `stateToken` true: to the oldest waiter it suits, else idle. */
  giveBack(backend: PooledBackend, now: number): void {
    const { state } = backend;
    invariant(
      state === BackendState.LENT || state === BackendState.RESETTING,
      "only a lent backend is given back",
    );
    this.#lifecycle.pin(backend, false);
    this.#lifecycle.free(backend, now);
    this.#settle(now);
  }

  /** Broken or in doubt: closed, never lent again. Nothing happens if it is being closed already. */
  discard(backend: PooledBackend, reason: CloseReason, now: number): void {
    const { state } = backend;
    invariant(state !== BackendState.CLOSED, "a closed backend is not discarded");
    if (state === BackendState.CLOSING) return;
    if (state === BackendState.OPENING) noteFailure(shelfOf(backend), reason, now);
    this.#lifecycle.close(backend, reason);
    this.#settle(now);
  }

  /** The connection is no more, whoever ended it, in whatever state: its place is free. */
  closed(backend: PooledBackend, now: number): void {
    const { state } = backend;
    invariant(state !== BackendState.CLOSED, "a backend closes once");
    if (state === BackendState.OPENING) noteFailure(shelfOf(backend), null, now);
    this.#lifecycle.end(backend);
    this.#settle(now);
  }

  /** To be called every 50 ms or so while the process runs. */
  tick(now: number): void {
    for (const line of this.#roster.lines) this.#expire(line, now);
    if (now < this.#retireDue) this.#settle(now);
    else this.#arrange(now, () => this.#retire(now));
  }

  #join(waiter: Waiter, again: boolean, now: number): Enqueued {
    const { key, role } = waiter;
    invariant(key !== null, "a waiter has a key");
    invariant(waiter.queue === null, "a session waits once");
    const line = this.#roster.lines[role];
    if (this.#limits.borrowTimeoutMs === 0) {
      this.#openAhead(line, key, now);
      return "timeout-zero";
    }
    if (this.waiting >= this.#limits.waitersMax) return "full";
    line.join(line.queues[key.index]!, waiter, again);
    this.#settle(now);
    return "waiting";
  }

  /** Nobody may wait (borrow timeout 0): still the pool has to grow, or it would stay empty for ever. */
  #openAhead(line: Line, key: PoolKey, now: number): void {
    const shelf = shelfToOpen(line, key, now);
    if (shelf !== null) {
      if (shelf.opening < SPARE_OPENS) this.#lifecycle.open(shelf);
      return;
    }
    const victim = pickReplaced(line, key, now);
    if (victim !== null) this.#lifecycle.close(victim, "evicted");
  }

  /**
   * Serves whoever can be served: lends, opens, makes room, one act at a time, each from a fresh look, since a port may
   * have called back. Such calls do not nest: they leave the work to the loop that is already running.
   */
  #settle(now: number): void {
    const { lines } = this.#roster;
    if (lines[0].length === 0 && lines[1].length === 0) return;
    if (this.#busy) {
      this.#unsettled = true;
      return;
    }
    this.#busy = true;
    try {
      do {
        this.#unsettled = false;
        for (const line of lines) {
          while (line.active !== null && this.#serveOne(line, now)) {}
        }
      } while (this.#unsettled);
    } finally {
      this.#busy = false;
    }
  }

  /** A change of several backends, during which nobody is served. */
  #arrange(now: number, change: () => void): void {
    const wasBusy = this.#busy;
    this.#busy = true;
    try {
      change();
    } finally {
      this.#busy = wasBusy;
    }
    this.#settle(now);
  }

  #serveOne(line: Line, now: number): boolean {
    for (let queue = line.active; queue !== null; queue = queue.next) {
      const waiter = queue.oldest!;
      const backend = pickIdle(line, queue.key, waiter.stateToken);
      if (backend === null) continue;
      if (isAgedOut(line, queue, backend.target, now)) {
        this.#lifecycle.close(backend, "aged-out");
        return true;
      }
      line.leave(waiter);
      this.#lifecycle.lend(backend, waiter.sessionId);
      this.#ports.lend(waiter, backend);
      return true;
    }
    const next = queueToOpen(line, now);
    if (next !== null) {
      const shelf = shelfToOpen(line, next.key, now)!;
      line.rotate();
      this.#lifecycle.open(shelf);
      return true;
    }
    const victim = pickEvicted(line, now);
    if (victim === null) return false;
    this.#lifecycle.close(victim, "evicted");
    return true;
  }

  #renew(target: PoolTarget, key: PoolKey | null): void {
    for (const shelf of target.shelves) {
      if (key !== null && shelf.key !== key) continue;
      shelf.generation += 1;
      forgiveFailures(shelf);
    }
    this.#lifecycle.closeAll(target, key, BackendState.OPENING);
    this.#lifecycle.closeAll(target, key, BackendState.IDLE);
  }

  #shrink(): void {
    for (const target of [...this.#roster.targets]) {
      while (target.live > target.capacity) {
        const victim = leastRecent(target);
        if (victim === null) break;
        this.#lifecycle.close(victim, "surplus");
      }
    }
  }

  #expire(line: Line, now: number): void {
    let queue = line.active;
    while (queue !== null) {
      const waiter: Waiter = queue.oldest!;
      if (waiter.deadlineMs > now) {
        queue = queue.next;
        continue;
      }
      line.leave(waiter);
      this.#ports.expire(waiter);
      queue = line.active;
    }
  }

  #retire(now: number): void {
    this.#retireDue = now + RETIRE_EVERY_MS;
    for (const target of [...this.#roster.targets]) {
      this.#lifecycle.closeEach(findExpired(target, now), BackendState.IDLE, "lifetime");
      this.#lifecycle.closeEach(findBeyondIdleCap(target, now), BackendState.IDLE, "idle");
      for (const shelf of target.shelves) shelf.sweep();
    }
  }
}
