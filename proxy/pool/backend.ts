import { invariant } from "../base/assert.ts";
import type { PoolKey } from "./key.ts";
import type { TargetRole } from "./role.ts";
import type { WaiterQueue } from "./waiters.ts";

/** Life of a backend: opening → idle ⇄ lent (→ resetting → idle), and from each of them closing → closed. */
export const BackendState = {
  OPENING: 0,
  IDLE: 1,
  LENT: 2,
  RESETTING: 3,
  CLOSING: 4,
  CLOSED: 5,
} as const;
export type BackendState = (typeof BackendState)[keyof typeof BackendState];

/** Why a backend is closed. The first six are the pool's decisions, the others come from outside with `discard`. */
export type CloseReason =
  /** Idle for long, beyond the idle cap. */
  | "idle"
  /** End of its life. */
  | "lifetime"
  /** More backends than the capacity, after a shrink. */
  | "surplus"
  /** Made room for a waiter of another key. */
  | "evicted"
  /** Its target changed role, does not accept or is gone, or its user's backends were renewed. */
  | "retired"
  /** Given back while an older waiter of another key would have starved. */
  | "aged-out"
  /** Broken, or its state is in doubt. */
  | "broken"
  | "reset-failed"
  | "client-gone"
  | "shutdown";

/**
 * One backend connection as the pool sees it; `proxy/net` extends this class. `stateToken` belongs to net, the other
 * fields are the pool's: to be read, not written.
 */
export class PooledBackend {
  readonly target: PoolTarget;
  readonly key: PoolKey;
  /** Id of the session state that the backend has now. Net brings it up to date before `giveBack`. */
  stateToken = 0;
  openedAt = 0;
  idleSince = 0;
  /** Id of the session that used it last; 0 for none. */
  lastSession = 0;
  pinned = false;
  state: BackendState = BackendState.OPENING;
  /** Where it is kept; null before the pool has adopted it. */
  shelf: Shelf | null = null;
  /** The queue whose waiters the open was counted for. */
  openedFor: WaiterQueue | null = null;
  /** The shelf's generation when it was opened: an older one is never lent again. */
  generation = 0;
  /** When its life ends. */
  retireAt = 0;
  /** Neighbours among the idle ones of the shelf, by time of use. */
  newer: PooledBackend | null = null;
  older: PooledBackend | null = null;
  /** The last bin it lay in, and its neighbours there while it is idle. */
  bin: StateBin | null = null;
  binNewer: PooledBackend | null = null;
  binOlder: PooledBackend | null = null;
  /** Neighbours among all backends of the target. */
  nextOfTarget: PooledBackend | null = null;
  previousOfTarget: PooledBackend | null = null;

  constructor(target: PoolTarget, key: PoolKey) {
    this.target = target;
    this.key = key;
  }
}

/** Idle backends of one shelf with equal session state, the most recently used first. */
export class StateBin {
  /** Tokens are never negative; -1 once the bin is out of use. */
  token: number;
  newest: PooledBackend | null = null;

  constructor(token: number) {
    this.token = token;
  }
}

/** The backends of one target and key: the idle ones in order of use, and how opening goes. */
export class Shelf {
  readonly target: PoolTarget;
  readonly key: PoolKey;
  newest: PooledBackend | null = null;
  oldest: PooledBackend | null = null;
  opening = 0;
  /** Backends of earlier generations are closed when given back. */
  generation = 0;
  /** Opens failed in a row; 0 after one that succeeded. */
  failures = 0;
  /** No open before this time. */
  retryAt = 0;
  /** What net said of the last failed open; null after one that succeeded. */
  lastFailure: unknown = null;
  readonly #bins = new Map<number, StateBin>();

  constructor(target: PoolTarget, key: PoolKey) {
    this.target = target;
    this.key = key;
  }

  /** The most recently used idle backend with this session state. */
  matching(token: number): PooledBackend | null {
    const newest = this.newest;
    if (newest === null || newest.stateToken === token) return newest;
    const bin = this.#bins.get(token);
    return bin === undefined ? null : bin.newest;
  }

  push(backend: PooledBackend): void {
    const newest = this.newest;
    backend.older = newest;
    if (newest === null) this.oldest = backend;
    else newest.newer = backend;
    this.newest = backend;
    const bin = this.#binFor(backend);
    backend.bin = bin;
    const neighbour = bin.newest;
    backend.binOlder = neighbour;
    if (neighbour !== null) neighbour.binNewer = backend;
    bin.newest = backend;
  }

  remove(backend: PooledBackend): void {
    const { newer, older, bin, binNewer, binOlder } = backend;
    invariant(bin !== null, "an idle backend lies in a bin");
    if (newer === null) this.newest = older;
    else newer.older = older;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (binNewer === null) bin.newest = binOlder;
    else binNewer.binOlder = binOlder;
    if (binOlder !== null) binOlder.binNewer = binNewer;
    backend.newer = null;
    backend.older = null;
    backend.binNewer = null;
    backend.binOlder = null;
  }

  /** Forgets bins that hold nothing. They are kept between uses so that the hot path makes none. */
  sweep(): void {
    for (const [token, bin] of this.#bins) {
      if (bin.newest !== null) continue;
      this.#bins.delete(token);
      bin.token = -1;
    }
  }

  #binFor(backend: PooledBackend): StateBin {
    const token = backend.stateToken;
    const last = backend.bin;
    if (last !== null && last.token === token) return last;
    const known = this.#bins.get(token);
    if (known !== undefined) return known;
    const made = new StateBin(token);
    this.#bins.set(token, made);
    return made;
  }
}

/** One database server as the pool sees it. To be changed by the pool's methods only. */
export class PoolTarget {
  readonly id: string;
  role: TargetRole;
  /** The server's own limit; null while unknown. */
  maxConnections: number | null;
  /** Whether sessions are sent there and backends opened. */
  accepting: boolean;
  removed = false;
  /** Most backends at once, most backends idle for long: derived from the limits. */
  capacity = 1;
  idleCap = 0;
  /** Share of the load among targets of the same role. */
  weight = 1;
  pinned = 0;
  /** Backends by state, changed only together with a state. */
  readonly counts: number[] = [0, 0, 0, 0, 0, 0];
  /** By index of the key. */
  readonly shelves: Shelf[] = [];
  first: PooledBackend | null = null;

  constructor(id: string, role: TargetRole, maxConnections: number | null, accepting: boolean) {
    this.id = id;
    this.role = role;
    this.maxConnections = maxConnections;
    this.accepting = accepting;
  }

  /** Every connection that the server may still count. */
  get used(): number {
    return this.live + this.counts[BackendState.CLOSING]!;
  }

  /** The connections that are not on their way out. */
  get live(): number {
    return this.counts[BackendState.OPENING]! + this.counts[BackendState.IDLE]! + this.outstanding;
  }

  /** Backends in use. */
  get outstanding(): number {
    return this.counts[BackendState.LENT]! + this.counts[BackendState.RESETTING]!;
  }

  adopt(backend: PooledBackend): void {
    const first = this.first;
    backend.nextOfTarget = first;
    if (first !== null) first.previousOfTarget = backend;
    this.first = backend;
    this.counts[backend.state]! += 1;
  }

  /** The one place where a backend changes state, and where it is counted. */
  move(backend: PooledBackend, state: BackendState): void {
    this.counts[backend.state]! -= 1;
    backend.state = state;
    if (state === BackendState.CLOSED) this.#forget(backend);
    else this.counts[state]! += 1;
  }

  #forget(backend: PooledBackend): void {
    const { nextOfTarget, previousOfTarget } = backend;
    if (previousOfTarget === null) this.first = nextOfTarget;
    else previousOfTarget.nextOfTarget = nextOfTarget;
    if (nextOfTarget !== null) nextOfTarget.previousOfTarget = previousOfTarget;
    backend.nextOfTarget = null;
    backend.previousOfTarget = null;
  }
}
