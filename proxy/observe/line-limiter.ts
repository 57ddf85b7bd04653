/** Lines of one key that pass within a window. */
const LINES_PER_WINDOW = 20;
const WINDOW_MS = 10_000;
/** Keys remembered; beyond them everything new passes. */
const KEYS_MAX = 1_000;

interface Window {
  readonly startedAt: number;
  passed: number;
  leftOut: number;
}

/** Keeps a flood of equal lines from drowning the others. Time comes with the lines. */
export class LineLimiter {
  readonly #windows = new Map<string, Window>();
  #nextSweepAt = 0;

  /** Whether a line of this key is to be written; null always is. A window lasts until `expired` has ended it. */
  admits(key: string | null, at: number): boolean {
    if (key === null) return true;
    let window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= KEYS_MAX) return true;
      window = { startedAt: at, passed: 0, leftOut: 0 };
      this.#windows.set(key, window);
    }
    if (window.passed >= LINES_PER_WINDOW) {
      window.leftOut += 1;
      return false;
    }
    window.passed += 1;
    return true;
  }

  /** Ends the windows whose time is over; returns those that left lines out. Looks at most once a second. */
  expired(at: number): { readonly key: string; readonly leftOut: number }[] {
    if (at < this.#nextSweepAt) return [];
    this.#nextSweepAt = at + 1_000;
    const ended: { key: string; leftOut: number }[] = [];
    for (const [key, { startedAt, leftOut }] of this.#windows) {
      if (at - startedAt < WINDOW_MS) continue;
      this.#windows.delete(key);
      if (leftOut > 0) ended.push({ key, leftOut });
    }
    return ended;
  }
}
