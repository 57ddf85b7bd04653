import { BackendState, type PooledBackend, type PoolTarget, type Shelf } from "./backend.ts";
import type { PoolKey } from "./key.ts";
import type { Line } from "./line.ts";
import { Role } from "./role.ts";
import type { WaiterQueue } from "./waiters.ts";

/** Logins in flight at one target: more would only keep each other waiting, and each may prove needless meanwhile. */
export const OPENS_AT_ONCE = 64;
/**
 * The same at a writer where little is open: after a failover everybody waits for the first backend of the new one, which should not
 * share the processor with the logins of all others. As many as are open may be on their way.
 */
export const FIRST_OPENS = 6;
/** An older waiter of another key gets room when it has waited this much longer than the one whose turn it is. */
export const AGEING_MS = 100;

/**
 * The idle backend that a session used last, or another at the same target: what a reader shows should not jump
 * between replicas with every statement. A backend whose state another session has changed since is no better than
 * any other; preferring it would have two sessions change it to and fro while others lie idle.
 */
export function pickPreferred(
  prefer: PooledBackend,
  key: PoolKey,
  token: number,
  sessionId: number,
): PooledBackend | null {
  if (prefer.key !== key) return null;
  if (
    prefer.state === BackendState.IDLE &&
    (prefer.stateToken === token || prefer.lastSession === sessionId)
  ) {
    return prefer;
  }
  return fromShelf(prefer.target.shelves[key.index]!, token);
}

/** An idle backend at the least loaded target that has one for this key. */
export function pickIdle(line: Line, key: PoolKey, token: number): PooledBackend | null {
  const { targets } = line;
  const count = targets.length;
  if (count === 1) {
    const only = targets[0]!;
    return only.accepting ? fromShelf(only.shelves[key.index]!, token) : null;
  }
  let best: Shelf | null = null;
  for (let step = 0; step < count; step += 1) {
    const target = targets[(line.turn + step) % count]!;
    const shelf = target.shelves[key.index]!;
    if (!target.accepting || shelf.newest === null) continue;
    if (best === null || load(target) < load(best.target)) best = shelf;
  }
  return best === null ? null : fromShelf(best, token);
}

/**
 * Equal state first, the most recently used of those: it stays warm and the surplus ages out. Else the least recently
 * used: its state is the least likely to be asked for again. One of unequal state is better than a new connection:
 * bringing it up to date costs one round trip, a login costs several, and a thread of the server.
 */
function fromShelf(shelf: Shelf, token: number): PooledBackend | null {
  return shelf.matching(token) ?? shelf.oldest;
}

/** Sessions served, this one included, in proportion to what the server can take. */
export function load(target: PoolTarget): number {
  return (target.outstanding + target.counts[BackendState.OPENING]! + 1) / target.weight;
}

/** How many opens this target and key may have now besides those in flight; capacity aside. */
export function openable(shelf: Shelf, now: number): number {
  const { target } = shelf;
  if (!target.accepting || now < shelf.retryAt) return 0;
  const opening = target.counts[BackendState.OPENING]!;
  const open = target.live - opening;
  const most = target.role === Role.READ_WRITE ? Math.max(FIRST_OPENS, open) : OPENS_AT_ONCE;
  const room = Math.min(OPENS_AT_ONCE, most) - opening;
  // After a failure one at a time, until one succeeds.
  return shelf.failures === 0 ? room : Math.min(room, shelf.opening > 0 ? 0 : 1);
}

/** The shelf where the next backend for this key is to be opened: the least loaded with room, healthy ones first. */
export function shelfToOpen(line: Line, key: PoolKey, now: number): Shelf | null {
  const { targets } = line;
  const count = targets.length;
  let best: Shelf | null = null;
  for (let step = 0; step < count; step += 1) {
    const target = targets[(line.turn + step) % count]!;
    const shelf = target.shelves[key.index]!;
    if (target.used >= target.capacity || openable(shelf, now) <= 0) continue;
    if (best === null || isBetterToOpen(shelf, best)) best = shelf;
  }
  return best;
}

function isBetterToOpen(one: Shelf, other: Shelf): boolean {
  if ((one.failures === 0) !== (other.failures === 0)) return one.failures === 0;
  return load(one.target) < load(other.target);
}

/** The queue whose oldest uncovered waiter is the oldest of all for whom a backend could be opened right now. */
export function queueToOpen(line: Line, now: number): WaiterQueue | null {
  let best: WaiterQueue | null = null;
  for (let queue = line.active; queue !== null; queue = queue.next) {
    const waiter = queue.firstUncovered;
    if (waiter === null) continue;
    if (best !== null && best.firstUncovered!.ticket < waiter.ticket) continue;
    if (shelfToOpen(line, queue.key, now) !== null) best = queue;
  }
  return best;
}

/** Backends on their way out: room that will come by itself. */
function roomComing(line: Line): number {
  let sum = 0;
  for (const target of line.targets) {
    if (target.accepting) sum += target.counts[BackendState.CLOSING]!;
  }
  return sum;
}

/**
 * An idle backend to close for the uncovered waiters of other keys, or null. By then no idle backend suits anybody who
 * waits, so every idle one is of a key that nobody waits for.
 */
export function pickEvicted(line: Line, now: number): PooledBackend | null {
  let demand = 0;
  for (let queue = line.active; queue !== null; queue = queue.next) {
    demand += demandOf(line, queue, now);
  }
  if (demand <= roomComing(line)) return null;
  let victim: PooledBackend | null = null;
  for (const target of line.targets) {
    if (target.used < target.capacity || !isWanted(line, target, now)) continue;
    const candidate = leastRecent(target);
    if (candidate === null) continue;
    if (victim === null || candidate.idleSince < victim.idleSince) victim = candidate;
  }
  return victim;
}

function demandOf(line: Line, queue: WaiterQueue, now: number): number {
  if (queue.firstUncovered === null) return 0;
  let most = 0;
  for (const target of line.targets) {
    most = Math.max(most, openable(target.shelves[queue.key.index]!, now));
  }
  return Math.min(queue.uncovered, most);
}

function isWanted(line: Line, target: PoolTarget, now: number): boolean {
  for (let queue = line.active; queue !== null; queue = queue.next) {
    if (queue.firstUncovered === null) continue;
    if (openable(target.shelves[queue.key.index]!, now) > 0) return true;
  }
  return false;
}

/** The least recently used idle backend of a target, whatever its key. */
export function leastRecent(target: PoolTarget): PooledBackend | null {
  if (target.counts[BackendState.IDLE] === 0) return null;
  let found: PooledBackend | null = null;
  for (const shelf of target.shelves) {
    const oldest = shelf.oldest;
    if (oldest === null) continue;
    if (found === null || oldest.idleSince < found.idleSince) found = oldest;
  }
  return found;
}

/**
 * Whether the backend must make room instead of serving the queue of its own key: at a full target, waiters of other
 * keys who have waited longer by more than the bound would starve as long as this key always has somebody waiting.
 */
export function isAgedOut(
  line: Line,
  queue: WaiterQueue,
  target: PoolTarget,
  now: number,
): boolean {
  if (line.active === queue && queue.next === null) return false;
  if (target.used < target.capacity) return false;
  const bound = queue.oldest!.sinceMs - AGEING_MS;
  let starving = 0;
  for (let other = line.active; other !== null; other = other.next) {
    if (other === queue || other.firstUncovered === null) continue;
    if (other.firstUncovered.sinceMs >= bound) continue;
    if (openable(target.shelves[other.key.index]!, now) > 0) starving += 1;
  }
  return starving > roomComing(line);
}

/** For a session that may not wait: the idle backend of another key in whose place one could be opened for the next. */
export function pickReplaced(line: Line, key: PoolKey, now: number): PooledBackend | null {
  for (const target of line.targets) {
    const isBlocked = target.used < target.capacity || target.counts[BackendState.CLOSING]! > 0;
    if (isBlocked || openable(target.shelves[key.index]!, now) <= 0) continue;
    const victim = leastRecent(target);
    if (victim !== null && victim.key !== key) return victim;
  }
  return null;
}

/**
 * A shelf at a reader with less load than the one about to be chosen, and nothing idle to offer: a backend opened there
 * lets the load come to it. Without this a new reader would stay unused while the others have idle backends.
 */
export function shelfToBalance(line: Line, chosen: PooledBackend, now: number): Shelf | null {
  const shelf = shelfToOpen(line, chosen.key, now);
  if (shelf === null || shelf.target === chosen.target) return null;
  if (shelf.newest !== null || shelf.opening > 0) return null;
  return load(shelf.target) < load(chosen.target) ? shelf : null;
}
