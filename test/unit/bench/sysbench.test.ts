import { expect, test } from "vitest";
import { parseReport } from "../../../bench/sysbench.ts";

const OUTPUT = `[ 1s ] Checkpoint report:
    queries:                             93736  (93616.94 per sec.)

Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.016 |*                                        1
       0.090 |**************************************** 94
       0.500 |*                                        4
       9.000 |                                         1
 
SQL statistics:
    transactions:                        100    (50.00 per sec.)
    queries:                             1600   (800.00 per sec.)
    ignored errors:                      3      (1.50 per sec.)

Latency (ms):
         95th percentile:                        0.23
`;

test("the last report counts, not the one of the warm-up", () => {
  const { queries, seconds, ignoredErrors } = parseReport(OUTPUT);
  expect({ queries, seconds, ignoredErrors }).toEqual({
    queries: 1_600,
    seconds: 2,
    ignoredErrors: 3,
  });
});

test("percentiles come from the histogram", () => {
  const { p50Ms, p95Ms, p99Ms } = parseReport(OUTPUT);
  expect([p50Ms, p95Ms, p99Ms]).toEqual([0.09, 0.09, 0.5]);
});

test("a run without a histogram is no result", () => {
  expect(() => parseReport("FATAL: unable to connect")).toThrow(/unable to connect/);
});
