import { terminalChart } from "../../local/index.ts";
import type { ProxyCounts } from "./proxy-watch.ts";
import type { Rehearsal } from "./rehearsal.ts";

const EVENT_CHARS = 30;

/** The timeline, the counts and the chart, for people. */
export function reportOf(rehearsal: Rehearsal): string {
  const { summary, check, engine, mode, through, statementsPerSecond, proxyCounts } = rehearsal;
  const rows = summary.timeline.map(({ event, seconds, detail }) => {
    const time = seconds === null ? "-" : seconds.toFixed(2);
    return `  ${event.padEnd(EVENT_CHARS)}${time.padStart(7)}   ${detail ?? ""}`.trimEnd();
  });
  const phases = (["before", "during", "after"] as const).map((name) => {
    const { requests, p50, p99, longest } = summary[name];
    const times = [p50, p99, longest].map((ms) => ms.toFixed(1).padStart(10)).join("");
    return `  ${name.padEnd(10)}${String(requests).padStart(9)}${times}`;
  });
  const errors = Object.entries(summary.errors)
    .sort(([, one], [, other]) => other - one)
    .map(([text, count]) => `  ${count} × ${text}`);
  return [
    `${mode} failover of ${engine}, through ${through}, ${statementsPerSecond.toFixed(0)} statements a second`,
    "",
    `  ${"event".padEnd(EVENT_CHARS)}seconds after the API call`,
    ...rows,
    "",
    `  ${"".padEnd(10)} requests    p50 ms    p99 ms   longest`,
    ...phases,
    "",
    `  ${summary.requests} requests: ${summary.failed} failed, ${summary.waited} waited more than 0.5 s, the longest ${(summary.longestWaitMs / 1_000).toFixed(2)} s`,
    ...errors,
    ...(proxyCounts === null ? [] : [`  ${wordsOf(proxyCounts)}`]),
    `  ${check.answered} answered writes: ${check.missing.length} missing, ${check.doubled.length} doubled; ${check.unanswered} unanswered ones were done`,
    "",
    terminalChart(chartOf(rehearsal)),
    "",
  ].join("\n");
}

export function chartOf({ load, zero, summary, mode, through }: Rehearsal) {
  const title = `${mode} failover through ${through}`;
  return { title, requests: load.requests, zero, timeline: summary.timeline };
}

function wordsOf({ waited, retried, failed }: ProxyCounts): string {
  return `at the proxy: ${waited} waited for a writer, ${retried} sent again, ${failed} failed`;
}
