import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runCommandLine } from "../../../bin/command-line.ts";
import { failoverCommand } from "../../../bin/commands/failover.ts";
import { svgChart, terminalChart } from "../../../local/load-chart.ts";
import { summarise } from "../../../local/load-summary.ts";

const COMMANDS = [{ name: "failover", summary: "rehearse", load: async () => failoverCommand() }];
const REQUESTS = [
  { kind: "read", fresh: false, at: 900, ms: 5, error: null },
  { kind: "write", fresh: false, at: 1_100, ms: 900, error: null },
  { kind: "write", fresh: true, at: 1_100, ms: 20, error: "1290 read only" },
  { kind: "read", fresh: false, at: 2_500, ms: 7, error: null },
] as const;
const STEPS = [
  { step: "api-call", at: 1_000, instance: "b" },
  { step: "writer-accepts-writes", at: 1_900, instance: "b" },
  { step: "completed", at: 2_200, instance: "b" },
] as const;

describe("sluice failover", () => {
  beforeEach(() => {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each([
    ["a mode that there is not", ["--mode", "gentle"]],
    ["a way that is none", ["--through", "nowhere"]],
    ["a time that is none", ["--promotion-seconds", "-1"]],
    ["more time than an hour", ["--seconds", "3601"]],
  ])("refuses %s as bad usage", async (_, args) => {
    expect(await runCommandLine(["failover", ...args], COMMANDS)).toBe(2);
  });

  test("tells what the load saw, in order", () => {
    const signs = [{ kind: "routing-changed", at: 1_950, detail: "b" }] as const;
    const summary = summarise(REQUESTS, STEPS, signs);
    expect(summary.timeline.map(({ event, seconds }) => `${event} ${seconds}`)).toEqual([
      "API call 0",
      "first error 0.12",
      "last error 0.12",
      "new writer accepts writes 0.9",
      "routing changed 0.95",
      "first write served again 1",
      "completed 1.2",
    ]);
    expect(summary).toMatchObject({ requests: 4, failed: 1, waited: 1, longestWaitMs: 900 });
    expect(summary.errors).toEqual({ "write: 1290 read only": 1 });
    const phases = [summary.before, summary.during, summary.after];
    expect(phases.map(({ requests, p99 }) => [requests, p99])).toEqual([
      [1, 5],
      [2, 900],
      [1, 7],
    ]);
  });

  test("draws it, for terminals and as a picture", () => {
    const { timeline } = summarise(REQUESTS, STEPS, []);
    const input = { title: "a < b", requests: REQUESTS, zero: 1_000, timeline };
    expect(terminalChart(input)).toMatch(
      /^served .*\nfailed .*1 in all\nwaiting .*up to 0\.90 s\n/,
    );
    const svg = svgChart(input);
    expect(svg).toContain("a &lt; b");
    expect(svg).toContain("new writer accepts writes 0.90 s");
    expect(svg.match(/fill="#c8372d"/g)).toHaveLength(1);
    expect(svg).toMatch(/>0 s<.*>1 s</);
    // Every mark has a line of its own.
    const rows = [...svg.matchAll(/y="(\d+)" font-size="10">/g)].map(([, y]) => y);
    expect(new Set(rows).size).toBe(rows.length);
  });
});
