import type { PoolKey } from "./key.ts";
import type { Role } from "./role.ts";

/**
 * A session that waits for a backend, or may wait later: net's session extends or keeps one, and uses it again for
 * each wait. Net sets `key`, `role`, `stateToken` and `sessionId` before `enqueue`; the other fields are the pool's.
 */
export class Waiter {
  key: PoolKey | null;
  role: Role;
  stateToken = 0;
  sessionId = 0;
  sinceMs = 0;
  deadlineMs = 0;
  /** Place in the order of arrival. */
  ticket = 0;
  /** The queue it stands in; null while it does not wait. */
  queue: WaiterQueue | null = null;
  older: Waiter | null = null;
  younger: Waiter | null = null;
  /** One of the opens in flight is meant for it. */
  covered = false;

  constructor(key: PoolKey | null, role: Role) {
    this.key = key;
    this.role = role;
  }
}

/**
 * First in, first out: the waiters of one key and role. The oldest of them are covered by the opens in flight, one by
 * each; for the others a backend may be opened. Every operation but `insert` takes constant time.
 */
export class WaiterQueue {
  readonly key: PoolKey;
  oldest: Waiter | null = null;
  youngest: Waiter | null = null;
  length = 0;
  /** Opens in flight for this key at the targets of this role. */
  opening = 0;
  covered = 0;
  firstUncovered: Waiter | null = null;
  /** Neighbours among the queues that are not empty. */
  next: WaiterQueue | null = null;
  previous: WaiterQueue | null = null;

  constructor(key: PoolKey) {
    this.key = key;
  }

  append(waiter: Waiter): void {
    waiter.queue = this;
    waiter.older = this.youngest;
    if (this.youngest === null) this.oldest = waiter;
    else this.youngest.younger = waiter;
    this.youngest = waiter;
    this.length += 1;
    if (this.firstUncovered === null) this.firstUncovered = waiter;
    this.#cover();
  }

  /** Back into the place that its ticket gives it, walking past those that are older. */
  insert(waiter: Waiter): void {
    let next = this.oldest;
    while (next !== null && next.ticket < waiter.ticket) next = next.younger;
    if (next === null) {
      this.append(waiter);
      return;
    }
    waiter.queue = this;
    waiter.younger = next;
    waiter.older = next.older;
    if (next.older === null) this.oldest = waiter;
    else next.older.younger = waiter;
    next.older = waiter;
    this.length += 1;
    if (next.covered) {
      waiter.covered = true;
      this.covered += 1;
      this.#uncover();
    } else if (next === this.firstUncovered) {
      this.firstUncovered = waiter;
    }
  }

  remove(waiter: Waiter): void {
    const { older, younger } = waiter;
    if (older === null) this.oldest = younger;
    else older.younger = younger;
    if (younger === null) this.youngest = older;
    else younger.older = older;
    this.length -= 1;
    if (this.firstUncovered === waiter) this.firstUncovered = younger;
    waiter.queue = null;
    waiter.older = null;
    waiter.younger = null;
    if (!waiter.covered) return;
    waiter.covered = false;
    this.covered -= 1;
    this.#cover();
  }

  openStarted(): void {
    this.opening += 1;
    this.#cover();
  }

  openEnded(): void {
    this.opening -= 1;
    this.#uncover();
  }

  get uncovered(): number {
    return this.length - this.covered;
  }

  #cover(): void {
    while (this.covered < this.opening && this.firstUncovered !== null) {
      this.firstUncovered.covered = true;
      this.firstUncovered = this.firstUncovered.younger;
      this.covered += 1;
    }
  }

  #uncover(): void {
    if (this.covered <= this.opening) return;
    const last = this.firstUncovered === null ? this.youngest! : this.firstUncovered.older!;
    last.covered = false;
    this.firstUncovered = last;
    this.covered -= 1;
  }
}
