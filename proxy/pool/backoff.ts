import type { Shelf } from "./backend.ts";

/** The first pause after a failed open, and the longest: a new writer must be found soon, a dead one not flooded. */
export const RETRY_FIRST_MS = 50;
export const RETRY_LONGEST_MS = 2_000;

export function noteFailure(shelf: Shelf, reason: unknown, now: number): void {
  shelf.lastFailure = reason;
  // Logins that were in flight together and fail together count as one failure.
  if (now < shelf.retryAt) return;
  shelf.failures += 1;
  shelf.retryAt = now + Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (shelf.failures - 1));
}

export function forgiveFailures(shelf: Shelf): void {
  shelf.failures = 0;
  shelf.retryAt = 0;
  shelf.lastFailure = null;
}
