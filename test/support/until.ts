import { setTimeout as pause } from "node:timers/promises";

export interface UntilOptions {
  /** Milliseconds until the condition counts as never met. Generous: machines are slow at times. */
  readonly deadlineMs?: number;
  /** What is waited for, in the message when it does not come. */
  readonly what?: string;
  readonly pollMs?: number;
}

/**
 * Waits until the condition holds: is neither false, null nor undefined. Gives what it returned. A condition that throws
 * does not hold yet; its error is the reason in the message.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<Awaited<T>, false | null | undefined>> {
  const { deadlineMs = 30_000, what = "the condition", pollMs = 20 } = options;
  const deadline = performance.now() + deadlineMs;
  let reason: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<Awaited<T>, false | null | undefined>;
      }
      reason = `it was ${String(value)}`;
    } catch (error) {
      reason = error;
    }
    if (performance.now() > deadline) {
      const said = reason instanceof Error ? reason.message : String(reason);
      throw new Error(`${what} did not come about within ${deadlineMs} ms: ${said}`);
    }
    await pause(pollMs);
  }
}
