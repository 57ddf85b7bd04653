import type { CloseReason, PooledBackend, PoolTarget } from "./backend.ts";
import type { PoolKey } from "./key.ts";
import type { Waiter } from "./waiters.ts";

/**
 * What the pool asks of the outside, synchronously, when its own state is already consistent: a port may call the
 * pool back, all but `open`.
 */
export interface PoolPorts {
  /** Starts to dial; does not call the pool. Later exactly one of `opened`, `openFailed`, `discard` or `closed` is reported. */
  open(target: PoolTarget, key: PoolKey): PooledBackend;
  /** The waiter's turn: it has left the queue, and the backend is lent to its session. */
  lend(waiter: Waiter, backend: PooledBackend): void;
  /** The borrow timeout of a waiter has passed; it has left the queue. */
  expire(waiter: Waiter): void;
  /** Close the connection, then report `closed`: until then it counts against the target's capacity. */
  close(backend: PooledBackend, reason: CloseReason): void;
  /** A number from 0 up to 1, once for each backend: spreads the ends of their lives. */
  random(): number;
}
