import type { Duplex } from "node:stream";

/** How a link treats what passes through it. May be changed at any time. */
export interface Faults {
  /** Milliseconds that everything takes longer, each way. */
  delayMs: number;
  /** Up to this much more, at random. */
  jitterMs: number;
  /** Milliseconds that answers take longer. */
  answerDelayMs: number;
  /** Chance of each piece of data to reset its connection instead of arriving, 0 to 1. */
  resetChance: number;
  /** Nothing arrives, either way, and nobody is told: packets that are lost. What was sent arrives when it ends. */
  dropped: boolean;
}

export const NO_FAULTS: Readonly<Faults> = {
  delayMs: 0,
  jitterMs: 0,
  answerDelayMs: 0,
  resetChance: 0,
  dropped: false,
};

export interface PipeOptions {
  readonly from: Duplex;
  readonly to: Duplex;
  readonly faults: Readonly<Faults>;
  readonly random: () => number;
  /** Whether this is the way back. */
  readonly answers: boolean;
  /** What arrives instead of a piece of data; null: nothing yet. */
  readonly change?: (data: Buffer) => Buffer | null;
  /** The connection is to be reset. */
  readonly onReset: () => void;
}

/** One way through a link: bytes in order, as fast as the other end takes them. */
export class LinkPipe {
  readonly #options: PipeOptions;
  /** Time at which what waits last will arrive, so that nothing overtakes. */
  #lastAt = 0;
  #waiting = 0;
  #ended = false;
  #closed = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    const { from, to } = options;
    from.on("data", this.#onData);
    from.on("end", this.#onEnd);
    to.on("drain", this.#onDrain);
    // Whoever read the first packet has paused it.
    if (options.faults.dropped) from.pause();
    else from.resume();
  }

  /** To be called when the faults have changed. */
  refresh(): void {
    if (this.#closed) return;
    const { from, to, faults } = this.#options;
    if (faults.dropped) from.pause();
    else if (!to.writableNeedDrain) from.resume();
  }

  /** Sends something before what comes. */
  send(data: Buffer): void {
    this.#onData(data);
  }

  /** Leaves both ends to somebody else. */
  detach(): void {
    this.#closed = true;
    const { from, to } = this.#options;
    from.pause();
    from.off("data", this.#onData);
    from.off("end", this.#onEnd);
    to.off("drain", this.#onDrain);
  }

  /** Takes what comes and forgets it. */
  deafen(): void {
    this.#closed = true;
    const { from } = this.#options;
    from.off("data", this.#onData);
    from.off("end", this.#onEnd);
    from.resume();
  }

  readonly #onData = (data: Buffer): void => {
    const { faults, random, change, onReset } = this.#options;
    if (faults.resetChance > 0 && random() < faults.resetChance) return onReset();
    const changed = change === undefined ? data : change(data);
    if (changed === null) return;
    const wait = this.#delayMs();
    if (wait === 0 && this.#waiting === 0) this.#write(changed);
    else this.#later(wait, () => this.#write(changed));
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#waiting === 0) this.#options.to.end();
  };

  readonly #onDrain = (): void => {
    if (!this.#options.faults.dropped && !this.#closed) this.#options.from.resume();
  };

  #delayMs(): number {
    const { faults, random, answers } = this.#options;
    const jitter = faults.jitterMs === 0 ? 0 : random() * faults.jitterMs;
    return faults.delayMs + jitter + (answers ? faults.answerDelayMs : 0);
  }

  #later(waitMs: number, act: () => void): void {
    const now = performance.now();
    this.#lastAt = Math.max(now + waitMs, this.#lastAt);
    this.#waiting += 1;
    setTimeout(() => {
      this.#waiting -= 1;
      act();
      if (this.#ended && this.#waiting === 0) this.#options.to.end();
    }, this.#lastAt - now);
  }

  #write(data: Buffer): void {
    const { from, to } = this.#options;
    if (this.#closed || to.destroyed || to.writableEnded) return;
    if (!to.write(data)) from.pause();
  }
}
