/** What metrics there are, and their numbers by the minute. */
export type Dimensions = readonly (readonly [string, string])[];

export interface Numbers {
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

export interface Series {
  readonly namespace: string;
  readonly name: string;
  /** Sorted by name. */
  readonly dimensions: Dimensions;
  readonly unit: string;
  /** By the beginning of the minute, in milliseconds. */
  readonly minutes: Map<number, Numbers>;
}

export interface Sample extends Numbers {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
  readonly unit: string;
  readonly at: number;
}

const MINUTE_MS = 60_000;
/** A day and a half: alarms and dashboards look back less. */
const MINUTES_MAX = 36 * 60;

export class MetricStore {
  readonly #series = new Map<string, Series>();

  all(): Iterable<Series> {
    return this.#series.values();
  }

  /** In every unit that it was told in. */
  find(namespace: string, name: string, dimensions: Dimensions): Series[] {
    const wanted = textOf(sorted(dimensions));
    return [...this.#series.values()].filter(
      (each) =>
        each.namespace === namespace && each.name === name && textOf(each.dimensions) === wanted,
    );
  }

  /** Adds to what the minute has. */
  add(sample: Sample): void {
    this.#put(sample, (had) => (had === undefined ? sample : joined(had, sample)));
  }

  /** A gauge has one sample a minute: the last one, between the least and the most that was seen. */
  set(sample: Sample): void {
    this.#put(sample, (had) => ({
      sum: sample.sum,
      count: 1,
      min: Math.min(sample.min, had?.min ?? sample.min),
      max: Math.max(sample.max, had?.max ?? sample.max),
    }));
  }

  #put(sample: Sample, next: (had: Numbers | undefined) => Numbers): void {
    const dimensions = sorted(sample.dimensions);
    const { namespace, name, unit } = sample;
    const key = [namespace, name, unit, textOf(dimensions)].join("\n");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { namespace, name, dimensions, unit, minutes: new Map() };
      this.#series.set(key, series);
    }
    const { minutes } = series;
    const minute = Math.floor(sample.at / MINUTE_MS) * MINUTE_MS;
    const { sum, count, min, max } = next(minutes.get(minute));
    minutes.set(minute, { sum, count, min, max });
    for (const old of minutes.keys()) {
      if (minutes.size <= MINUTES_MAX) break;
      minutes.delete(old);
    }
  }
}

export function joined(one: Numbers, other: Numbers): Numbers {
  return {
    sum: one.sum + other.sum,
    count: one.count + other.count,
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max),
  };
}

function sorted(dimensions: Dimensions): Dimensions {
  return [...dimensions].sort(([one], [other]) => (one < other ? -1 : 1));
}

function textOf(dimensions: Dimensions): string {
  return JSON.stringify(dimensions);
}
