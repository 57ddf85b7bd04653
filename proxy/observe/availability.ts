/** Milliseconds over which availability is averaged: CloudWatch's period for it. */
const WINDOW_MS = 60_000;
/** Changes kept; a role that flaps faster loses precision, not memory. */
const CHANGES_MAX = 256;

/** Whether a role of the target group can be served, as a share of the last minute. Time is the caller's clock. */
export class Availability {
  readonly #changes: { at: number; available: boolean }[] = [];

  set(available: boolean, nowMs: number): void {
    const last = this.#changes.at(-1);
    if (last?.available === available) return;
    this.#forget(nowMs);
    this.#changes.push({ at: nowMs, available });
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift();
  }

  /** Percent of the last minute, or of the time since the first `set`; null before that. */
  percentage(nowMs: number): number | null {
    this.#forget(nowMs);
    const first = this.#changes[0];
    if (first === undefined) return null;
    const start = Math.max(first.at, nowMs - WINDOW_MS);
    if (nowMs <= start) return this.#changes.at(-1)?.available === true ? 100 : 0;
    let availableMs = 0;
    this.#changes.forEach((change, i) => {
      const end = this.#changes[i + 1]?.at ?? nowMs;
      if (change.available) availableMs += Math.max(0, end - Math.max(change.at, start));
    });
    return (100 * availableMs) / (nowMs - start);
  }

  /** Drops changes that a later one had replaced before the window began. */
  #forget(nowMs: number): void {
    while ((this.#changes[1]?.at ?? Number.POSITIVE_INFINITY) <= nowMs - WINDOW_MS)
      this.#changes.shift();
  }
}
