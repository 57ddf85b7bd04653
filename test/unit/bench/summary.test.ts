import { expect, test } from "vitest";
import type { Case } from "../../../bench/case.ts";
import { renderCase } from "../../../bench/report.ts";
import type { Sample } from "../../../bench/rounds.ts";
import { summarise } from "../../../bench/summary.ts";

const CASE: Case = {
  name: "speed",
  title: "Speed",
  threaded: true,
  columns: [
    { key: "qps", title: "queries/s", digits: 0, ratioTo: ["direct", "haproxy"] },
    { key: "proxyUs", title: "proxy µs", digits: 1 },
  ],
  measure: async () => ({}),
};

function sample(round: number, peer: string, qps: number, proxyUs?: number): Sample {
  const values = proxyUs === undefined ? { qps } : { qps, proxyUs };
  return { case: "speed", threads: 8, round, peer, values };
}

const MEASURED = {
  samples: [
    sample(1, "sluice", 1_000, 30),
    sample(1, "direct", 2_000),
    sample(2, "direct", 200),
    sample(2, "sluice", 180, 31),
    sample(3, "direct", 2_000),
    sample(3, "sluice", 1_200, 35),
  ],
  gaps: [],
};

test("ratios are taken within a round before their median", () => {
  const rows = summarise([CASE], MEASURED)[0]!.rows;
  expect(rows.map(({ peer }) => peer)).toEqual(["direct", "sluice"]);
  expect(rows[1]!.medians).toEqual({ qps: 1_000, proxyUs: 31 });
  expect(rows[1]!.ratios).toEqual({ qps: { direct: 0.6 } });
});

test("a table leaves out what nobody has and marks what one lacks", () => {
  const rows = summarise([CASE], MEASURED)[0]!.rows;
  expect(renderCase(CASE, rows)).toBe(
    [
      "| threads | peer   | queries/s | × direct | proxy µs |",
      "| ------- | ------ | --------: | -------: | -------: |",
      "| 8       | direct |     2,000 |     1.00 |        – |",
      "| 8       | sluice |     1,000 |     0.60 |     31.0 |",
    ].join("\n"),
  );
});
