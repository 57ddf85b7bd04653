import type { FailoverEvent, FailoverStep } from "./failover.ts";
import type { LoadRequest } from "./load.ts";

/** Something that happened during a rehearsal, in seconds after the call. */
export interface TimelineRow {
  readonly event: string;
  /** Null where it did not happen. */
  readonly seconds: number | null;
  readonly detail?: string;
}

/** An event of a proxy, of the same clock. */
export interface ProxySign {
  readonly kind: "writer-verified" | "routing-changed";
  readonly at: number;
  readonly detail: string;
}

export interface PhaseNumbers {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

export interface LoadSummary {
  readonly timeline: readonly TimelineRow[];
  readonly requests: number;
  readonly failed: number;
  /** Went well, but took the failover's time. */
  readonly waited: number;
  readonly longestWaitMs: number;
  /** By what the application saw. */
  readonly errors: Readonly<Record<string, number>>;
  readonly before: PhaseNumbers;
  readonly during: PhaseNumbers;
  readonly after: PhaseNumbers;
}

/** A request that took longer has waited for something. */
const WAITED_MS = 500;
const STEPS: Record<FailoverStep, string> = {
  "api-call": "API call",
  "promotion-began": "promotion began",
  "writer-accepts-writes": "new writer accepts writes",
  "endpoint-repointed": "cluster endpoint leads to it",
  "former-writer-back": "former writer back as reader",
  completed: "completed",
};

/** What the load saw of a failover, beside what was done. */
export function summarise(
  requests: readonly LoadRequest[],
  steps: readonly FailoverEvent[],
  signs: readonly ProxySign[],
): LoadSummary {
  const zero = steps[0]?.at ?? 0;
  const seconds = (at: number | undefined) => (at === undefined ? null : (at - zero) / 1_000);
  const ends = requests.map((request) => ({ ...request, end: request.at + request.ms }));
  const errors = ends.filter((each) => each.error !== null).sort((a, b) => a.end - b.end);
  const accepts = steps.find(({ step }) => step === "writer-accepts-writes")?.at ?? zero;
  const resumed = ends
    .filter(({ kind, error, end }) => kind !== "read" && error === null && end >= accepts)
    .sort((a, b) => a.end - b.end)[0]?.end;
  const rows: TimelineRow[] = steps.map(({ step, at, instance }) => ({
    event: STEPS[step],
    seconds: seconds(at),
    detail: instance,
  }));
  rows.push(
    { event: "first error", seconds: seconds(errors[0]?.end), detail: errors[0]?.error ?? "none" },
    { event: "last error", seconds: seconds(errors.at(-1)?.end) },
    { event: "first write served again", seconds: seconds(resumed) },
  );
  for (const kind of ["writer-verified", "routing-changed"] as const) {
    const sign = signs.filter((each) => each.kind === kind && each.at >= zero).at(-1);
    const event = kind === "writer-verified" ? "new writer verified" : "routing changed";
    if (sign !== undefined) rows.push({ event, seconds: seconds(sign.at), detail: sign.detail });
  }
  const last = Math.max(resumed ?? 0, errors.at(-1)?.end ?? 0, accepts);
  return {
    timeline: inOrder(rows),
    requests: requests.length,
    failed: errors.length,
    waited: ends.filter(({ error, ms, end }) => error === null && ms >= WAITED_MS && end >= zero)
      .length,
    longestWaitMs: Math.max(0, ...ends.filter(({ error }) => error === null).map(({ ms }) => ms)),
    errors: tally(errors.map(({ kind, error }) => `${kind}: ${error}`)),
    before: phase(ends.filter(({ end }) => end < zero)),
    during: phase(ends.filter(({ at, end }) => end >= zero && at <= last)),
    after: phase(ends.filter(({ at }) => at > last)),
  };
}

/** What did not happen comes last. */
function inOrder(rows: readonly TimelineRow[]): TimelineRow[] {
  return [...rows].sort(
    (a, b) => (a.seconds ?? Number.MAX_VALUE) - (b.seconds ?? Number.MAX_VALUE),
  );
}

function phase(requests: readonly LoadRequest[]): PhaseNumbers {
  const times = requests
    .filter(({ error }) => error === null)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { requests: requests.length, p50: at(0.5), p99: at(0.99), longest: times.at(-1) ?? 0 };
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) {
    const form = word.replace(/\d{4,}|127\.0\.0\.1:\d+/g, (digits) =>
      digits.length === 4 ? digits : "…",
    );
    counts[form] = (counts[form] ?? 0) + 1;
  }
  return counts;
}
