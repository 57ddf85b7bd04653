import type { Verdict } from "./comparison.ts";

/** The verdicts of one driver against one server, by one login, with or without TLS. */
export interface Cell {
  readonly driver: string;
  readonly column: string;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Why nothing was said at all. */
  readonly skipped: string | null;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function totals(cells: readonly Cell[]): Totals {
  const all = cells.flatMap(({ verdicts }) => [...verdicts.values()]);
  return {
    passed: all.filter(({ kind }) => kind === "passed").length,
    failed: all.filter(({ kind }) => kind === "failed").length,
    skipped: cells.filter(({ skipped }) => skipped !== null).length,
  };
}

/** A row for each driver, a column for each server, login and link. */
export function matrixTable(cells: readonly Cell[], columns: readonly string[]): string {
  const drivers = [...new Set(cells.map(({ driver }) => driver))];
  const rows = drivers.map((driver) => [
    driver,
    ...columns.map((column) =>
      cellText(cells.find((c) => c.driver === driver && c.column === column)),
    ),
  ]);
  const table = [["", ...columns], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  if (cell.skipped !== null) return "skipped";
  const { passed, failed } = totals([cell]);
  return failed === 0 ? `${passed}` : `${passed} of ${passed + failed} FAILED`;
}

/** One paragraph for each kind of failure, with the conversations and places it was seen at. */
export function failureList(cells: readonly Cell[]): string {
  const seen = new Map<string, { names: Set<string>; columns: Set<string> }>();
  for (const { driver, column, verdicts } of cells) {
    for (const [name, verdict] of verdicts) {
      if (verdict.kind !== "failed") continue;
      const what = `FAILED ${driver}: ${verdict.why}`;
      const places = seen.get(what) ?? { names: new Set(), columns: new Set() };
      seen.set(what, places);
      places.names.add(name);
      places.columns.add(column);
    }
  }
  return [...seen]
    .map(([what, { names, columns }]) => `${what}\n  in ${list(names)}\n  at ${list(columns)}`)
    .join("\n\n");
}

function list(words: ReadonlySet<string>): string {
  return [...words].join(", ");
}

/** One line for each reason, loudly. */
export function skippedList(cells: readonly Cell[]): string {
  const columns = new Map<string, string[]>();
  for (const { driver, column, skipped } of cells) {
    if (skipped === null) continue;
    const what = `SKIPPED ${driver}: ${skipped}`;
    columns.set(what, [...(columns.get(what) ?? []), column]);
  }
  return [...columns].map(([what, places]) => `${what} (${places.join(", ")})`).join("\n");
}
