import { BOUNDS } from "../base/bounds.ts";
import type { SessionPinned } from "./events.ts";
import type { PinView } from "./state-view.ts";

/** Pins that last, all of them, and the latest of those that have ended. */
export class PinLog {
  readonly #live = new Map<number, PinView>();
  readonly #ended: PinView[] = [];
  readonly #endedMax: number;

  constructor(endedMax: number = BOUNDS.endedPinsKept) {
    this.#endedMax = endedMax;
  }

  /** A session has at most one pin: the first one counts. */
  add(pin: SessionPinned): void {
    if (this.#live.has(pin.session)) return;
    this.#live.set(pin.session, {
      session: pin.session,
      user: pin.user,
      clientAddress: pin.clientAddress,
      endpoint: pin.endpoint,
      target: pin.target,
      backend: pin.backend,
      at: pin.at,
      endedAt: null,
      rule: pin.rule,
      reason: pin.reason,
      digest: pin.digest,
      fix: pin.fix,
    });
  }

  /** The session ended, or its pin did. */
  end(session: number, at: number): void {
    const pin = this.#live.get(session);
    if (pin === undefined) return;
    this.#live.delete(session);
    this.#ended.push({ ...pin, endedAt: at });
    if (this.#ended.length > this.#endedMax) this.#ended.shift();
  }

  /** Live ones first, then ended ones; the latest first in each. */
  list(): PinView[] {
    return [...[...this.#live.values()].reverse(), ...[...this.#ended].reverse()];
  }
}
