import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flood, quantile } from "../../../bin/load/flood.ts";
import { sumMetrics, watchMost } from "../../../bin/load/gauges.ts";
import { failuresOf, table } from "../../../bin/load/report.ts";
import { until } from "../../support/until.ts";

let server: Server;
let url = "";
/** Requests that are being worked on, and the most there were. */
let open = 0;
let most = 0;
let asked = 0;

beforeEach(async () => {
  open = 0;
  most = 0;
  asked = 0;
  server = createServer((_, answer) => {
    asked += 1;
    const status = asked % 4 === 0 ? 503 : 200;
    open += 1;
    most = Math.max(most, open);
    setImmediate(() => {
      open -= 1;
      answer.writeHead(status).end("x");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe("a flood", () => {
  it("keeps so many requests going, and counts every answer", async () => {
    const { signal } = new AbortController();
    const result = await flood({ url, concurrency: 20, ms: 300, signal });
    expect(result.requests).toBe(asked);
    expect(result.statuses["200"]! + result.statuses["503"]!).toBe(asked);
    expect(result.statuses["503"]).toBe(Math.floor(asked / 4));
    expect(most).toBeGreaterThan(5);
    expect(most).toBeLessThanOrEqual(20);
    expect(result.latencyMs.max).toBeGreaterThan(0);
    expect(failuresOf(result)).toBe(result.statuses["503"]);
  });

  it("counts what is not answered at all, and ends when told to", async () => {
    server.closeAllConnections();
    server.close();
    const ended = new AbortController();
    const running = flood({ url, concurrency: 2, ms: 600_000, signal: ended.signal });
    ended.abort();
    const { statuses, requests } = await running;
    expect(statuses).toEqual({ none: requests });
    expect(requests).toBeGreaterThan(0);
  });
});

describe("what is watched", () => {
  it("is the sum over all series of a metric", () => {
    const text = [
      "# HELP sluice_client_connections Open client connections",
      'sluice_client_connections{proxy_name="a",endpoint_name="default"} 3',
      'sluice_client_connections{proxy_name="a",endpoint_name="reader"} 4',
      'sluice_client_connections_closed{proxy_name="a"} 99',
      'sluice_database_connections{proxy_name="a",target="t"} 2',
    ].join("\n");
    expect(sumMetrics(text)).toEqual({ clients: 7, backends: 2, waiting: 0 });
  });

  it("is the most that was seen, past readings that fail", async () => {
    const readings = [1, 5, null, 2];
    let reads = 0;
    const watch = watchMost(async () => {
      const reading = readings[Math.min(reads++, readings.length - 1)];
      if (reading === null) throw new Error("away");
      return { backends: reading! };
    });
    await until(() => reads >= readings.length);
    expect(await watch.stop()).toEqual({ backends: 5 });
  });
});

describe("the table", () => {
  it("sets two floods side by side, and leaves out what neither knows", () => {
    const latencyMs = { p50: 1, p99: 2, max: 3 };
    const text = table([
      {
        title: "with",
        result: { requests: 10, seconds: 2, statuses: { 200: 10 }, latencyMs },
        most: { backends: 4 },
      },
      {
        title: "without",
        result: { requests: 6, seconds: 2, statuses: { 503: 6 }, latencyMs },
        most: {},
      },
    ]);
    const lines = text.split("\n").map((line) => line.trim().split(/\s{2,}/));
    expect(lines).toContainEqual(["with", "without"]);
    expect(lines).toContainEqual(["failed", "0", "6"]);
    expect(lines).toContainEqual(["answered 503", "0", "6"]);
    expect(lines).toContainEqual(["database connections, most", "4", "–"]);
    expect(text).not.toContain("waiting");
  });

  it("knows quantiles of few and of none", () => {
    expect([quantile([], 0.5), quantile([7], 0.99), quantile([1, 2, 3, 4], 0.5)]).toEqual([
      0, 7, 3,
    ]);
  });
});
