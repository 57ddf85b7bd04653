import type { Case } from "./case.ts";
import type { Measured, Sample } from "./rounds.ts";
import { median } from "./stats.ts";

/** Medians of one peer in one cell. */
export interface Row {
  threads: number | null;
  peer: string;
  rounds: number;
  medians: Record<string, number>;
  /** `ratios.qps.haproxy`: median over the rounds of own value divided by that peer's in the same round. */
  ratios: Record<string, Record<string, number>>;
}

export interface CaseSummary {
  name: string;
  title: string;
  rows: Row[];
}

export function summarise(cases: readonly Case[], measured: Measured): CaseSummary[] {
  return cases.map((one) => ({
    name: one.name,
    title: one.title,
    rows: rowsOf(
      one,
      measured.samples.filter((sample) => sample.case === one.name),
    ),
  }));
}

function rowsOf(one: Case, samples: readonly Sample[]): Row[] {
  const threads = [...new Set(samples.map((sample) => sample.threads))].sort(
    (a, b) => (a ?? 0) - (b ?? 0),
  );
  return threads.flatMap((count) => {
    const cell = samples.filter((sample) => sample.threads === count);
    const peers = [...new Set(cell.map(({ peer }) => peer))].sort(byUsualOrder);
    return peers.map((peer) => rowOf(one, cell, count, peer));
  });
}

const USUAL_ORDER = ["direct", "haproxy", "sluice", "sluice-adaptive", "proxysql", "router"];

function byUsualOrder(a: string, b: string): number {
  return USUAL_ORDER.indexOf(a) - USUAL_ORDER.indexOf(b);
}

function rowOf(one: Case, cell: readonly Sample[], threads: number | null, peer: string): Row {
  const own = cell.filter((sample) => sample.peer === peer);
  const row: Row = { threads, peer, rounds: own.length, medians: {}, ratios: {} };
  for (const key of new Set(own.flatMap(({ values }) => Object.keys(values)))) {
    const found = own.map(({ values }) => values[key]).filter((value) => value !== undefined);
    row.medians[key] = median(found);
  }
  for (const { key, ratioTo } of one.columns) {
    for (const base of ratioTo ?? []) {
      const ratios = own
        .map((sample) => ratio(sample, cell, base, key))
        .filter((value) => value !== null);
      if (ratios.length === 0) continue;
      row.ratios[key] ??= {};
      row.ratios[key]![base] = median(ratios);
    }
  }
  return row;
}

function ratio(own: Sample, cell: readonly Sample[], base: string, key: string): number | null {
  const other = cell.find(({ peer, round }) => peer === base && round === own.round);
  const value = own.values[key];
  const reference = other?.values[key];
  return value === undefined || reference === undefined || reference === 0
    ? null
    : value / reference;
}
