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
  left: 60,
  right: 20,
  top: 50,
  rowHeight: 130,
  gap: 40,
  axis: 24,
  line: 13,
} as const;
const SVG_COLUMNS = 240;
const PLOT_WIDTH = SVG.width - SVG.left - SVG.right;
const AXIS_STEPS_MS = [500, 1_000, 2_000, 5_000, 10_000, 30_000] as const;
const AXIS_MARKS_MAX = 24;

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
  const frame = frameOf(input, SVG_COLUMNS);
  const perSecond = (count: number) => (count * 1_000) / frame.stepMs;
  const served = frame.buckets.map((bucket) => perSecond(bucket.served));
  const failed = frame.buckets.map((bucket) => perSecond(bucket.failed));
  const waits = frame.buckets.map(({ longestMs }) => longestMs / 1_000);
  const rate = Math.max(...served.map((count, i) => count + failed[i]!), 1);
  const wait = Math.max(...waits, 0.1);
  const first = SVG.top + SVG.rowHeight;
  const second = first + SVG.gap + SVG.rowHeight;
  const marks = input.timeline.filter(({ seconds }) => seconds !== null);
  const height = second + SVG.axis + marks.length * SVG.line + SVG.line;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SVG.width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/><text x="${SVG.left}" y="24" font-size="16">${escapeText(input.title)}</text>`,
    `<text x="${SVG.left}" y="${SVG.top - 6}">requests a second, up to ${Math.round(rate)}: served green, failed red</text>`,
    columns(served, { most: rate, base: first, colour: "#3a9d5d" }),
    columns(failed, { most: rate, base: first, colour: "#c8372d", on: served }),
    `<text x="${SVG.left}" y="${first + SVG.gap - 6}">longest wait, up to ${wait.toFixed(2)} s</text>`,
    columns(waits, { most: wait, base: second, colour: "#3367b0" }),
    timeAxis(frame, second),
    ...marks.map((mark, i) => markOf(mark, frame, second + SVG.axis + (i + 1) * SVG.line)),
    "</svg>",
    "",
  ].join("\n");
}

interface ColumnStyle {
  /** The value of a column of full height. */
  readonly most: number;
  readonly base: number;
  readonly colour: string;
  /** Values that these stand on. */
  readonly on?: readonly number[];
}

function columns(values: readonly number[], { most, base, colour, on }: ColumnStyle): string {
  const width = PLOT_WIDTH / SVG_COLUMNS;
  return values
    .map((value, i) => {
      if (value === 0) return "";
      const height = (value / most) * SVG.rowHeight;
      const bottom = base - ((on?.[i] ?? 0) / most) * SVG.rowHeight;
      const left = SVG.left + i * width;
      return `<rect x="${left.toFixed(1)}" y="${(bottom - height).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`;
    })
    .join("");
}

function xOf(ms: number, { from, stepMs }: Frame): number {
  return SVG.left + ((ms - from) / (stepMs * SVG_COLUMNS)) * PLOT_WIDTH;
}

/** Seconds after the call. */
function timeAxis(frame: Frame, base: number): string {
  const to = frame.from + frame.stepMs * SVG_COLUMNS;
  const every = AXIS_STEPS_MS.find((step) => (to - frame.from) / step <= AXIS_MARKS_MAX) ?? 60_000;
  const ticks: string[] = [];
  for (let ms = Math.ceil(frame.from / every) * every; ms <= to; ms += every) {
    const x = xOf(ms, frame).toFixed(1);
    ticks.push(
      `<line x1="${x}" y1="${base}" x2="${x}" y2="${base + 4}" stroke="#333"/><text x="${x}" y="${base + 16}" font-size="10" text-anchor="middle">${ms / 1_000} s</text>`,
    );
  }
  const line = `<line x1="${SVG.left}" y1="${base}" x2="${SVG.left + PLOT_WIDTH}" y2="${base}" stroke="#333"/>`;
  return `${line}${ticks.join("")}`;
}

/** Each in a line of its own; to the left of its mark where there is no room to the right. */
function markOf({ event, seconds }: TimelineRow, frame: Frame, y: number): string {
  const x = xOf(seconds! * 1_000, frame);
  const isRight = x > SVG.width * 0.75;
  const anchor = isRight ? ' text-anchor="end"' : "";
  const at = x.toFixed(1);
  return `<line x1="${at}" y1="${SVG.top}" x2="${at}" y2="${y}" stroke="#999" stroke-dasharray="2 3"/><text x="${(x + (isRight ? -4 : 4)).toFixed(1)}" y="${y}" font-size="10"${anchor}>${escapeText(`${event} ${seconds!.toFixed(2)} s`)}</text>`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
