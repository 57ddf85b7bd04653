export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** The value below which the share `q` of sorted values lies, between neighbours where it falls between. */
function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (high - low) * (at - Math.floor(at));
}

export function quantiles(values: readonly number[], ...qs: number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return qs.map((q) => quantile(sorted as unknown as number[], q));
}

export interface Bucket {
  value: number;
  count: number;
}

/** The value of the bucket that holds the share `q` of all counts. */
export function bucketQuantile(buckets: readonly Bucket[], q: number): number {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  for (const { value, count } of buckets) {
    below += count;
    if (below >= total * q) return value;
  }
  return Number.NaN;
}

export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
