import type { PoolTarget } from "./backend.ts";
import type { Role } from "./role.ts";
import type { Waiter, WaiterQueue } from "./waiters.ts";

/** What concerns one role: the targets that have it and the queues of those who ask for it. */
export class Line {
  readonly role: Role;
  readonly targets: PoolTarget[] = [];
  /** By index of the key. */
  readonly queues: WaiterQueue[] = [];
  /** The first of the queues that are not empty. */
  active: WaiterQueue | null = null;
  length = 0;
  /** Where to begin among equal targets. */
  turn = 0;

  constructor(role: Role) {
    this.role = role;
  }

  /** Equal targets take turns. */
  rotate(): void {
    this.turn = (this.turn + 1) % this.targets.length;
  }

  join(queue: WaiterQueue, waiter: Waiter, again: boolean): void {
    if (queue.length === 0) this.#activate(queue);
    if (again) queue.insert(waiter);
    else queue.append(waiter);
    this.length += 1;
  }

  leave(waiter: Waiter): void {
    const queue = waiter.queue!;
    queue.remove(waiter);
    this.length -= 1;
    if (queue.length === 0) this.#deactivate(queue);
  }

  reschedule(borrowTimeoutMs: number): void {
    for (let queue = this.active; queue !== null; queue = queue.next) {
      for (let waiter = queue.oldest; waiter !== null; waiter = waiter.younger) {
        waiter.deadlineMs = waiter.sinceMs + borrowTimeoutMs;
      }
    }
  }

  #activate(queue: WaiterQueue): void {
    queue.next = this.active;
    if (this.active !== null) this.active.previous = queue;
    this.active = queue;
  }

  #deactivate(queue: WaiterQueue): void {
    const { next, previous } = queue;
    if (previous === null) this.active = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    queue.next = null;
    queue.previous = null;
  }
}
