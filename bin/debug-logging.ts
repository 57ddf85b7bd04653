/** RDS Proxy turns enhanced logging off by itself 24 hours after it was turned on. */
import type { EventBus } from "../proxy/observe/events.ts";
import type { EventLog } from "../proxy/observe/log.ts";
import type { ProxyClock } from "../proxy/ports.ts";

const PERIOD_MS = 24 * 3_600_000;
const LOOK_MS = 1_000;

/** Whether `debugLogging` is in force. */
export class DebugLogging {
  readonly #events: EventBus;
  readonly #log: EventLog;
  readonly #clock: ProxyClock;
  readonly #timer: NodeJS.Timeout;
  #wanted = false;
  #endMs = Number.POSITIVE_INFINITY;

  constructor(events: EventBus, log: EventLog, clock: ProxyClock) {
    this.#events = events;
    this.#log = log;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** What the configuration says. Where it only says the same again, a period that is over stays so. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#endMs = wanted ? this.#clock.monotonicMs() + PERIOD_MS : Number.POSITIVE_INFINITY;
    this.#turn(wanted);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#clock.monotonicMs() < this.#endMs) return;
    this.#endMs = Number.POSITIVE_INFINITY;
    this.#turn(false);
    this.#events.emit({ kind: "debug-logging-ended", at: this.#clock.epochMs() });
  }

  #turn(on: boolean): void {
    this.#log.debug = on;
    this.#events.wantsStatements = on;
  }
}
