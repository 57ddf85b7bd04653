import { invariant } from "../base/assert.ts";
import {
  BackendState,
  type CloseReason,
  type PooledBackend,
  type PoolTarget,
  type Shelf,
} from "./backend.ts";
import type { PoolKey } from "./key.ts";
import type { PoolPorts } from "./ports.ts";
import { reasonToRetire } from "./retirement.ts";
import { NO_ROLE } from "./role.ts";
import type { Roster } from "./roster.ts";

/** The steps in the life of a backend: each moves it between states and lists, then calls a port if there is one to call. */
export class Lifecycle {
  readonly #roster: Roster;
  readonly #ports: PoolPorts;

  constructor(roster: Roster, ports: PoolPorts) {
    this.#roster = roster;
    this.#ports = ports;
  }

  open(shelf: Shelf): void {
    const { target, key } = shelf;
    const { role } = target;
    invariant(role !== NO_ROLE, "nothing opens at a target without a role");
    const backend = this.#ports.open(target, key);
    invariant(backend.shelf === null, "open returns a new backend");
    invariant(backend.target === target && backend.key === key, "open returns what was asked for");
    backend.shelf = shelf;
    backend.generation = shelf.generation;
    backend.openedFor = this.#roster.lines[role].queues[key.index]!;
    backend.openedFor.openStarted();
    shelf.opening += 1;
    target.adopt(backend);
  }

  lend(backend: PooledBackend, sessionId: number): void {
    shelfOf(backend).remove(backend);
    backend.target.move(backend, BackendState.LENT);
    backend.lastSession = sessionId;
  }

  /** Idle from now on, unless its time is over. */
  free(backend: PooledBackend, now: number): void {
    const reason = reasonToRetire(backend, now);
    if (reason !== null) {
      this.close(backend, reason);
      return;
    }
    if (backend.state === BackendState.OPENING) this.#endOpening(backend);
    backend.target.move(backend, BackendState.IDLE);
    backend.idleSince = now;
    shelfOf(backend).push(backend);
  }

  pin(backend: PooledBackend, pinned: boolean): void {
    if (backend.pinned === pinned) return;
    backend.pinned = pinned;
    backend.target.pinned += pinned ? 1 : -1;
  }

  close(backend: PooledBackend, reason: CloseReason): void {
    this.#withdraw(backend);
    backend.target.move(backend, BackendState.CLOSING);
    this.#ports.close(backend, reason);
  }

  /** The connection has ended, in whatever state. */
  end(backend: PooledBackend): void {
    this.#withdraw(backend);
    backend.target.move(backend, BackendState.CLOSED);
  }

  /** Closes those that are still in this state: a port may have called back and changed the others. */
  closeEach(backends: PooledBackend[], state: BackendState, reason: CloseReason): void {
    for (const backend of backends) {
      if (backend.state === state) this.close(backend, reason);
    }
  }

  closeAll(target: PoolTarget, key: PoolKey | null, state: BackendState): void {
    const found: PooledBackend[] = [];
    for (let b = target.first; b !== null; b = b.nextOfTarget) {
      if (b.state === state && (key === null || b.key === key)) found.push(b);
    }
    this.closeEach(found, state, "retired");
  }

  #endOpening(backend: PooledBackend): void {
    shelfOf(backend).opening -= 1;
    backend.openedFor!.openEnded();
  }

  /** Takes the backend out of whatever its state has put it into. */
  #withdraw(backend: PooledBackend): void {
    if (backend.state === BackendState.IDLE) shelfOf(backend).remove(backend);
    else if (backend.state === BackendState.OPENING) this.#endOpening(backend);
    else if (backend.pinned) this.pin(backend, false);
  }
}

export function shelfOf(backend: PooledBackend): Shelf {
  invariant(backend.shelf !== null, "the backend is not of this pool");
  return backend.shelf;
}
