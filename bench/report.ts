import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case, Column } from "./case.ts";
import type { Environment } from "./environment.ts";
import type { Gap, Measured } from "./rounds.ts";
import type { CaseSummary, Row } from "./summary.ts";

const REPORTS = fileURLToPath(new URL("reports", import.meta.url));
const DOCS = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

export interface Report {
  environment: Environment;
  summaries: CaseSummary[];
  measured: Measured;
}

export function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

/** Writes the report's files; their folder. */
export function writeReport(report: Report, cases: readonly Case[]): string {
  const folder = join(REPORTS, report.environment.started.slice(0, 19).replaceAll(":", "-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, "report.md"), `# Benchmark\n\n${renderReport(report, cases)}`);
  return folder;
}

/** Puts the report between the marks of docs/benchmarks.md. */
export function writeDocs(report: Report, cases: readonly Case[]): void {
  const text = readFileSync(DOCS, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${DOCS} lacks ${BEGIN} … ${END}`);
  const figures = renderReport(report, cases).trimEnd();
  writeFileSync(DOCS, `${text.slice(0, begin + BEGIN.length)}\n\n${figures}\n\n${text.slice(end)}`);
}

export function renderReport(
  { environment, summaries, measured }: Report,
  cases: readonly Case[],
): string {
  const parts = [renderEnvironment(environment)];
  for (const summary of summaries) {
    const one = cases.find(({ name }) => name === summary.name)!;
    if (summary.rows.length > 0) {
      parts.push(`### ${summary.title} (\`${one.name}\`)\n\n${renderCase(one, summary.rows)}`);
    }
  }
  const gaps = renderGaps(measured.gaps);
  if (gaps !== "") parts.push(`### Not measured\n\n${gaps}`);
  return `${parts.join("\n\n")}\n`;
}

function renderEnvironment(environment: Environment): string {
  const { load } = environment;
  const lines = [
    `${environment.started.slice(0, 10)}, commit ${environment.commit}.`,
    `${environment.processors} × ${environment.processor}, Linux ${environment.kernel}; load average ${load.before} before, ${load.after} after.`,
    `${environment.versions.join(", ")}.`,
    `${environment.rounds} ${environment.rounds === 1 ? "round" : "rounds"}, windows of ${environment.seconds} s.`,
    ...environment.notes,
  ];
  return lines.map((line) => `- ${line}`).join("\n");
}

interface Cell {
  title: string;
  text: (row: Row) => string;
}

/** A column and, after it, its ratios. */
function cellsOf(column: Column): Cell[] {
  const own: Cell = {
    title: column.title,
    text: (row) => number(row.medians[column.key], column.digits),
  };
  const ratios = (column.ratioTo ?? []).map(
    (base): Cell => ({
      title: base === "direct" ? "× direct" : "× HAProxy",
      text: (row) => number(row.ratios[column.key]?.[base], 2),
    }),
  );
  return [own, ...ratios];
}

function number(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  const [whole, fraction] = value.toFixed(digits).split(".");
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export function renderCase(one: Case, rows: readonly Row[]): string {
  const cells = [
    ...(one.threaded ? [{ title: "threads", text: (row: Row) => String(row.threads) }] : []),
    { title: "peer", text: (row: Row) => row.peer },
    ...one.columns.flatMap(cellsOf),
  ];
  const table = [
    cells.map(({ title }) => title),
    ...rows.map((row) => cells.map(({ text }) => text(row))),
  ];
  const used = cells
    .map((_, at) => at)
    .filter((at) => rows.some((_, row) => table[row + 1]![at] !== "–"));
  return renderTable(
    table.map((line) => used.map((at) => line[at]!)),
    one.threaded ? 2 : 1,
  );
}

/** Markdown that also lines up on a terminal; numbers to the right. */
function renderTable(table: readonly string[][], leftColumns: number): string {
  const widths = table[0]!.map((_, at) => Math.max(3, ...table.map((line) => line[at]!.length)));
  const lines = table.map((line) =>
    line.map((text, at) =>
      at < leftColumns ? text.padEnd(widths[at]!) : text.padStart(widths[at]!),
    ),
  );
  const rule = widths.map((width, at) =>
    at < leftColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [lines[0]!, rule, ...lines.slice(1)].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function renderGaps(gaps: readonly Gap[]): string {
  const counted = new Map<string, number>();
  for (const { case: name, threads, peer, reason } of gaps) {
    const line = `${name}${threads === null ? "" : ` ${threads}`}, ${peer}: ${reason}`;
    counted.set(line, (counted.get(line) ?? 0) + 1);
  }
  return [...counted].map(([line, times]) => `- ${line} (${times} ×)`).join("\n");
}
