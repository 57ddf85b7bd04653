/** Number of buckets: bucket i holds values up to 2^i microseconds, the last one everything above 2^29 (9 minutes). */
export const LATENCY_BUCKETS = 31;

/** Durations in microseconds: sum, count and a histogram over powers of two. Recording allocates nothing. */
export class Latency {
  count = 0;
  sumUs = 0;
  readonly buckets = new Float64Array(LATENCY_BUCKETS);

  record(us: number): void {
    this.count += 1;
    this.sumUs += us;
    this.buckets[bucketOf(us)]! += 1;
  }

  /** Takes over what another one has counted. */
  add(other: Latency): void {
    this.count += other.count;
    this.sumUs += other.sumUs;
    for (let i = 0; i < LATENCY_BUCKETS; i += 1) this.buckets[i]! += other.buckets[i]!;
  }

  /** What has come since these counts were these; all of it if there were none. */
  since(before: Latency | undefined): Latency {
    const since = new Latency();
    since.add(this);
    if (before === undefined) return since;
    since.count -= before.count;
    since.sumUs -= before.sumUs;
    for (let i = 0; i < LATENCY_BUCKETS; i += 1) since.buckets[i]! -= before.buckets[i]!;
    return since;
  }
}

/** The bucket whose bound 2^i is the smallest one not below the value. */
function bucketOf(us: number): number {
  if (us <= 1) return 0;
  if (us > 2 ** 29) return LATENCY_BUCKETS - 1;
  return 32 - Math.clz32(Math.ceil(us) - 1);
}
