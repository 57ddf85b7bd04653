import type { LoadRequest } from "./load.ts";
import type { TimelineRow } from "./load-summary.ts";

/** What a chart shows of one stretch of time. */
interface Bucket {
  served: number;
  failed: number;
  /** The longest wait that ended here. */
  longestMs: number;
}

export interface ChartInput {
  readonly title: string;
  readonly requests: readonly LoadRequest[];
  /** The API call, on the requests' clock. */
  readonly zero: number;
  readonly timeline: readonly TimelineRow[];
}

const BARS = " ▁▂▃▄▅▆▇█";
const COLUMNS = 72;
const SVG = {
  width: 960,
  height: 420,
  left: 60,
  right: 20,
  top: 50,
  rowHeight: 130,
  gap: 40,
} as const;

interface Frame {
  readonly from: number;
  readonly stepMs: number;
  readonly buckets: readonly Bucket[];
}

function frameOf({ requests, zero }: ChartInput, columns: number): Frame {
  const ends = requests.map(({ at, ms }) => at + ms - zero);
  const from = ends.reduce((least, end) => Math.min(least, end), 0);
  const to = ends.reduce((most, end) => Math.max(most, end), 1);
  const stepMs = (to - from) / columns;
  const buckets = Array.from({ length: columns }, () => ({ served: 0, failed: 0, longestMs: 0 }));
  requests.forEach(({ error, ms }, i) => {
    const bucket = buckets[Math.min(columns - 1, Math.floor((ends[i]! - from) / stepMs))]!;
    if (error !== null) bucket.failed += 1;
    else bucket.served += 1;
    if (error === null) bucket.longestMs = Math.max(bucket.longestMs, ms);
  });
  return { from, stepMs, buckets };
}

/** Three lines of bars over one axis: served, failed, longest wait. */
export function terminalChart(input: ChartInput): string {
  const { buckets, from, stepMs } = frameOf(input, COLUMNS);
  const line = (name: string, values: readonly number[], most: string) =>
    `${name.padEnd(8)} ${bars(values)}  ${most}`;
  const served = buckets.map((bucket) => bucket.served);
  const failed = buckets.map((bucket) => bucket.failed);
  const longest = buckets.map((bucket) => bucket.longestMs);
  const perSecond = Math.round((Math.max(...served) * 1_000) / stepMs);
  const start = `${(from / 1_000).toFixed(1)} s`;
  const end = `${((from + COLUMNS * stepMs) / 1_000).toFixed(1)} s`;
  const call = Math.min(COLUMNS - 1, Math.max(0, Math.floor(-from / stepMs)));
  return [
    line("served", served, `up to ${perSecond} a second`),
    line("failed", failed, `${failed.reduce((sum, count) => sum + count, 0)} in all`),
    line("waiting", longest, `up to ${(Math.max(...longest) / 1_000).toFixed(2)} s`),
    `${" ".repeat(9 + call)}↑ API call`,
    `${" ".repeat(9)}${start}${end.padStart(COLUMNS - start.length)}`,
  ].join("\n");
}

function bars(values: readonly number[]): string {
  const most = Math.max(...values, 1e-9);
  return values
    .map((value) => BARS[value <= 0 ? 0 : Math.max(1, Math.round((value / most) * 8))])
    .join("");
}

/** The same as a picture, with the timeline's events as marks. */
export function svgChart(input: ChartInput): string {
  const frame = frameOf(input, 240);
  const x = (ms: number) =>
    SVG.left + ((ms - frame.from) / (frame.stepMs * 240)) * (SVG.width - SVG.left - SVG.right);
  const served = frame.buckets.map(({ served: count }) => (count * 1_000) / frame.stepMs);
  const failed = frame.buckets.map(({ failed: count }) => (count * 1_000) / frame.stepMs);
  const waits = frame.buckets.map(({ longestMs }) => longestMs / 1_000);
  const rate = Math.max(...served, ...failed, 1);
  const wait = Math.max(...waits, 0.1);
  const second = SVG.top + SVG.rowHeight + SVG.gap;
  const columns = (values: readonly number[], most: number, base: number, colour: string) =>
    values
      .map((value, i) => {
        const height = (value / most) * SVG.rowHeight;
        const width = (SVG.width - SVG.left - SVG.right) / 240;
        const left = SVG.left + i * width;
        return height === 0
          ? ""
          : `<rect x="${left.toFixed(1)}" y="${(base - height).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`;
      })
      .join("");
  const marks = input.timeline
    .filter(({ seconds }) => seconds !== null)
    .map(({ event, seconds }, i) => {
      const at = x(seconds! * 1_000).toFixed(1);
      const y = second + SVG.rowHeight + 14 + (i % 5) * 12;
      return `<line x1="${at}" y1="${SVG.top}" x2="${at}" y2="${y - 9}" stroke="#999" stroke-dasharray="2 3"/><text x="${at}" y="${y}" font-size="10">${escapeText(`${event} ${seconds!.toFixed(1)} s`)}</text>`;
    })
    .join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SVG.width} ${SVG.height + 20}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/><text x="${SVG.left}" y="24" font-size="16">${escapeText(input.title)}</text>`,
    `<text x="${SVG.left}" y="${SVG.top - 6}">requests a second, up to ${Math.round(rate)}: served green, failed red</text>`,
    columns(served, rate, SVG.top + SVG.rowHeight, "#3a9d5d"),
    columns(failed, rate, SVG.top + SVG.rowHeight, "#c8372d"),
    `<text x="${SVG.left}" y="${second - 6}">longest wait, up to ${wait.toFixed(2)} s</text>`,
    columns(waits, wait, second + SVG.rowHeight, "#3367b0"),
    marks,
    "</svg>",
    "",
  ].join("\n");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
