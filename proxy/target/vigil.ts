/** Milliseconds between two probes while something is wrong: all who want to write wait for the answer. */
export const PANIC_MS = 25;
/** The same a while afterwards, and where nobody has come for long. */
export const ALERT_MS = 100;
/** How long whoever comes next is expected any moment. */
export const IMMINENT_MS = 60_000;
/** How long probing stays fast after a writer was lost: changes rarely come alone. */
export const AFTER_LOSS_MS = 30_000;
/** The same after a sign of trouble that proved to be none: the trouble may only be about to begin. */
export const AFTER_ALARM_MS = 3_000;

/** How often the servers are asked: fast from the first sign of trouble until a while after a writer stands. */
export class Vigil {
  /** The last sign of trouble that no sighting has answered yet. */
  #alarmedAtMs: number | null = null;
  /** No writer since then. */
  #withoutSinceMs: number | null;
  #fastUntilMs = 0;

  constructor(nowMs: number) {
    this.#withoutSinceMs = nowMs;
  }

  get isPanic(): boolean {
    return this.#alarmedAtMs !== null || this.#withoutSinceMs !== null;
  }

  /** A sign of trouble. True if it is news: all servers are to be asked at once. */
  alarm(nowMs: number): boolean {
    const isNews = !this.isPanic;
    this.#alarmedAtMs = nowMs;
    this.#fastUntilMs = Math.max(this.#fastUntilMs, nowMs + AFTER_ALARM_MS);
    return isNews;
  }

  /** The writer stands, as of a sighting that was asked for at this time. Returns the time that there was none before. */
  stands(askedAtMs: number, nowMs: number): number {
    if (this.#alarmedAtMs !== null && askedAtMs >= this.#alarmedAtMs) this.#alarmedAtMs = null;
    if (this.#withoutSinceMs === null) return 0;
    const withoutMs = nowMs - this.#withoutSinceMs;
    this.#withoutSinceMs = null;
    this.#fastUntilMs = nowMs + AFTER_LOSS_MS;
    return withoutMs;
  }

  /** There is no writer. */
  falls(nowMs: number): void {
    this.#withoutSinceMs ??= nowMs;
  }

  intervalMs(nowMs: number, usualMs: number): number {
    if (this.isPanic) return Math.min(this.#isLong(nowMs) ? ALERT_MS : PANIC_MS, usualMs);
    return nowMs < this.#fastUntilMs ? Math.min(ALERT_MS, usualMs) : usualMs;
  }

  #isLong(nowMs: number): boolean {
    return this.#withoutSinceMs !== null && nowMs - this.#withoutSinceMs > IMMINENT_MS;
  }
}
