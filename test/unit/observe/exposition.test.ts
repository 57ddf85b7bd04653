import { describe, expect, it } from "vitest";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";
import { createRegistry } from "../../../proxy/observe/exposition.ts";
import { DIMENSIONS, METRICS, prometheusNameOf } from "../../../proxy/observe/metric-table.ts";
import { markdownTable } from "../../support/markdown-table.ts";

function someCounters(): ProxyCounters {
  const counters = new ProxyCounters("app");
  const endpoint = counters.endpoint("default");
  endpoint.clientConnections = 3;
  endpoint.queryRequests = 7;
  endpoint.queryResponseLatency.record(100);
  endpoint.queryResponseLatency.record(3_000);
  endpoint.queryDatabaseResponseLatency.record(90);
  const target = counters.target("db-1", "READ_WRITE");
  target.databaseConnectionsCurrentlySessionPinned = 2;
  target.queryDatabaseResponseLatency.record(90);
  counters.countPin("user-variable");
  counters.countPin("user-variable");
  counters.readWrite.set(true, 0);
  return counters;
}

async function exposed(counters: ProxyCounters): Promise<string[]> {
  return (await createRegistry({ counters, nowMs: () => 1_000 }).metrics()).split("\n");
}

describe("the Prometheus exposition", () => {
  it("has every metric under its CloudWatch name in snake case", async () => {
    const lines = await exposed(someCounters());
    expect(METRICS.length).toBeGreaterThan(24);
    for (const { name } of METRICS) {
      const shown = prometheusNameOf(name);
      expect(
        lines.some((line) => new RegExp(`^${shown}(_sum)?\\{proxy_name="app"`).test(line)),
        shown,
      ).toBe(true);
    }
  });

  it("labels clients by endpoint and backends by target", async () => {
    const lines = await exposed(someCounters());
    expect(lines).toContain(
      'sluice_client_connections{proxy_name="app",endpoint_name="default"} 3',
    );
    expect(lines).toContain("# TYPE sluice_query_requests counter");
    expect(lines).toContain('sluice_query_requests{proxy_name="app",endpoint_name="default"} 7');
    expect(lines).toContain(
      'sluice_database_connections_currently_session_pinned{proxy_name="app",target_group="default",target="db-1",target_role="READ_WRITE"} 2',
    );
    expect(lines).toContain('sluice_pins_total{proxy_name="app",rule="user-variable"} 2');
    expect(lines).toContain(
      'sluice_availability_percentage{proxy_name="app",target_group="default",target_role="READ_WRITE"} 100',
    );
  });

  it("shows durations as cumulative histograms in microseconds", async () => {
    const lines = await exposed(someCounters());
    const labels = 'proxy_name="app",endpoint_name="default"';
    const name = "sluice_query_response_latency";
    expect(lines).toContain(`# TYPE ${name} histogram`);
    expect(lines).toContain(`${name}_bucket{${labels},le="64"} 0`);
    expect(lines).toContain(`${name}_bucket{${labels},le="128"} 1`);
    expect(lines).toContain(`${name}_bucket{${labels},le="4096"} 2`);
    expect(lines).toContain(`${name}_bucket{${labels},le="+Inf"} 2`);
    expect(lines).toContain(`${name}_sum{${labels}} 3100`);
    expect(lines).toContain(`${name}_count{${labels}} 2`);
  });

  it("shows what the counters say now", async () => {
    const counters = someCounters();
    const registry = createRegistry({ counters, nowMs: () => 0 });
    await registry.metrics();
    counters.endpoint("default").clientConnections = 1;
    expect(await registry.metrics()).toContain(
      'sluice_client_connections{proxy_name="app",endpoint_name="default"} 1',
    );
  });

  it.each([
    ["ClientConnectionsNoTLS", "sluice_client_connections_no_tls"],
    ["DatabaseConnectionRequestsWithTLS", "sluice_database_connection_requests_with_tls"],
    ["MaxDatabaseConnectionsAllowed", "sluice_max_database_connections_allowed"],
    [
      "DatabaseConnectionsCurrentlySessionPinned",
      "sluice_database_connections_currently_session_pinned",
    ],
  ])("calls %s %s", (cloudWatch, prometheus) => {
    expect(prometheusNameOf(cloudWatch)).toBe(prometheus);
  });

  it("is listed in docs/metrics.md", async () => {
    await expect(metricsPage()).toMatchFileSnapshot("../../../docs/metrics.md");
  });
});

function metricsPage(): string {
  const rows = METRICS.map(({ name, unit, kind, sets, help, ours }) => {
    const shown = sets
      .map((set) => (set === "proxy" ? "" : DIMENSIONS[set].slice(1).join("+")))
      .filter((set) => set !== "");
    const shownName = ours ? "–" : `\`${name}\``;
    return [shownName, `\`${prometheusNameOf(name)}\``, kind, unit, shown.join(", "), help];
  });
  rows.push([
    "–",
    "`sluice_pins_total`",
    "counter",
    "Count",
    "rule",
    "Sessions pinned since the start",
  ]);
  return `# Metrics

\`GET /metrics\` of the admin server. The names are those of RDS Proxy in CloudWatch, in Prometheus in snake case after \`sluice_\`, counters
too. This page is made from the table that the server uses.

Labels are CloudWatch's dimensions in snake case: series of clients have \`proxy_name\` and \`endpoint_name\`; series of backends have
\`proxy_name\`, \`target_group\`, \`target\` and \`target_role\`. Each event is counted in one series, so that sums over any label are right, with
one exception: \`sluice_query_database_response_latency\` has a series for each endpoint and one for each target; choose by
\`endpoint_name!=""\` or \`target!=""\`. Durations are histograms in microseconds (\`_bucket\`, \`_sum\`, \`_count\`), with powers of two as bounds.

${markdownTable(["CloudWatch", "Prometheus", "kind", "unit", "by", "meaning"], rows)}

Beside them the process's own: \`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_seconds\` and their like.
`;
}
