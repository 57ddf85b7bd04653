/** What is watched while a flood goes on: the most that was seen at once. */
import { setTimeout as pause } from "node:timers/promises";

export type Reading = Readonly<Record<string, number>>;

const SAMPLE_MS = 200;

/** The highest of each reading, from now until `stop`. A reading that fails is left out. */
export function watchMost(read: () => Promise<Reading>): { stop(): Promise<Reading> } {
  const most: Record<string, number> = {};
  const ended = new AbortController();
  const note = async (): Promise<void> => {
    const reading = await read().catch(() => ({}));
    for (const [name, value] of Object.entries(reading))
      most[name] = Math.max(most[name] ?? 0, value);
  };
  const done = (async () => {
    while (!ended.signal.aborted) {
      await note();
      await pause(SAMPLE_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await done;
      await note();
      return most;
    },
  };
}

const SHOWN = {
  sluice_client_connections: "clients",
  sluice_database_connections: "backends",
  sluice_sessions_waiting: "waiting",
} as const;

/** Sums over the series of a proxy's metrics, under the names that the report has. */
export async function readProxy(adminUrl: string): Promise<Reading> {
  const answer = await fetch(new URL("/metrics", adminUrl));
  return sumMetrics(await answer.text());
}

export function sumMetrics(text: string): Reading {
  const sums: Record<string, number> = {};
  for (const [metric, name] of Object.entries(SHOWN)) {
    const series = text.matchAll(new RegExp(`^${metric}\\{[^}]*\\} ([\\d.e+]+)$`, "gm"));
    sums[name] = [...series].reduce((sum, [, value]) => sum + Number(value), 0);
  }
  return sums;
}
