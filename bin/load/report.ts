/** The table of a flood, or of two side by side. */
import type { FloodResult } from "./flood.ts";
import type { Reading } from "./gauges.ts";

export interface Flooded {
  /** What stands above the column. */
  readonly title: string;
  readonly result: FloodResult;
  /** The most that was seen at once. */
  readonly most: Reading;
}

const LABEL_CHARS = 34;
const COLUMN_CHARS = 16;

export function failuresOf({ statuses }: FloodResult): number {
  return Object.entries(statuses).reduce(
    (sum, [status, count]) => (/^[23]/.test(status) ? sum : sum + count),
    0,
  );
}

export function table(floods: readonly Flooded[]): string {
  const row = (label: string, cell: (flood: Flooded) => string): string =>
    `${label.padEnd(LABEL_CHARS)}${floods.map((each) => cell(each).padStart(COLUMN_CHARS)).join("")}`;
  const most = (label: string, name: string): string[] =>
    floods.some((each) => each.most[name] !== undefined)
      ? [row(label, (each) => (each.most[name] === undefined ? "–" : String(each.most[name])))]
      : [];
  const statuses = [
    ...new Set(floods.flatMap(({ result }) => Object.keys(result.statuses))),
  ].sort();
  return [
    row("", ({ title }) => title),
    row("requests", ({ result }) => String(result.requests)),
    row("requests a second", ({ result }) => (result.requests / result.seconds).toFixed(0)),
    row("failed", ({ result }) => String(failuresOf(result))),
    ...statuses.map((status) =>
      row(`  answered ${status}`, ({ result }) => String(result.statuses[status] ?? 0)),
    ),
    row("latency p50 (ms, of 200)", ({ result }) => result.latencyMs.p50.toFixed(1)),
    row("latency p99", ({ result }) => result.latencyMs.p99.toFixed(1)),
    row("latency, longest", ({ result }) => result.latencyMs.max.toFixed(1)),
    ...most("function environments, most", "environments"),
    ...most("client connections, most", "clients"),
    ...most("database connections, most", "backends"),
    ...most("waiting sessions, most", "waiting"),
  ].join("\n");
}
