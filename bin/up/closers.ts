type Close = () => Promise<unknown>;

/** What has been started, ended in the opposite order: what uses something ends before it. */
export class Closers {
  readonly #closers: Close[] = [];
  #closed: Promise<void> | null = null;

  add(close: Close): void {
    this.#closers.push(close);
  }

  /** May be called more than once. Goes on past what cannot be ended, and then fails with the first reason. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    const reasons: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close().catch((reason: unknown) => reasons.push(reason));
    }
    if (reasons.length > 0) throw reasons[0];
  }
}
