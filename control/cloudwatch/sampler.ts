import type { DataPoint } from "../ports.ts";
import type { MetricStore } from "./metric-store.ts";

const NAMESPACE = "AWS/RDS";
const SAMPLE_MS = 1_000;

/** Where the numbers of all proxies come from. */
export type PointSource = () => Iterable<readonly DataPoint[]>;

/** Reads the proxies' counters every second, and before each question. */
export class Sampler {
  readonly #store: MetricStore;
  readonly #points: PointSource;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout;

  constructor(store: MetricStore, points: PointSource, nowMs: () => number) {
    this.#store = store;
    this.#points = points;
    this.#nowMs = nowMs;
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  sample(): void {
    const at = this.#nowMs();
    for (const points of this.#points())
      for (const { kind, ...point } of points) {
        const sample = { ...point, namespace: NAMESPACE, at };
        if (kind === "gauge") this.#store.set(sample);
        else this.#store.add(sample);
      }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
