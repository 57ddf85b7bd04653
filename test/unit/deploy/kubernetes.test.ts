import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSpec } from "../../../proxy/spec/parse-spec.ts";
import { CHART, type Manifest, renderChart, renderTemplate } from "../../support/chart.ts";

const SELECTOR = { "app.kubernetes.io/name": "sluice", "app.kubernetes.io/instance": "pool" };

function container({ Deployment }: Record<string, Manifest>): Manifest {
  return Deployment.spec.template.spec.containers[0];
}

/** What both shapes promise of the proxy's container. */
function expectHardened(proxy: Manifest): void {
  expect(proxy.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(proxy.resources.limits.memory).toMatch(/^\d+[MG]i$/);
}

describe("the chart", () => {
  const chart = renderChart("pool");

  it("gives every manifest, each of a released API", () => {
    expect(
      Object.entries(chart)
        .map(([kind, { apiVersion }]) => `${apiVersion} ${kind}`)
        .sort(),
    ).toEqual([
      "apps/v1 Deployment",
      "networking.k8s.io/v1 NetworkPolicy",
      "policy/v1 PodDisruptionBudget",
      "v1 ConfigMap",
      "v1 Service",
    ]);
    for (const { metadata } of Object.values(chart)) expect(metadata.name).toBe("pool");
  });

  it("selects the same pods everywhere", () => {
    const { Deployment, Service, PodDisruptionBudget, NetworkPolicy } = chart;
    for (const labels of [
      Deployment.spec.selector.matchLabels,
      Deployment.spec.template.metadata.labels,
      Service.spec.selector,
      PodDisruptionBudget.spec.selector.matchLabels,
      NetworkPolicy.spec.podSelector.matchLabels,
    ])
      expect(labels).toEqual(SELECTOR);
  });

  it("has a configuration that the proxy takes, on the ports that the container opens", () => {
    const parsed = parseSpec(chart["ConfigMap"].data["sluice.yaml"], "sluice.yaml");
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    if (!parsed.ok) return;
    const { endpoints, admin } = parsed.spec;
    const listening = [...endpoints, admin].map(({ host, port }) => `${host}:${port}`);
    const ports = container(chart).ports as { name: string; containerPort: number }[];
    expect(ports.map(({ containerPort }) => `0.0.0.0:${containerPort}`)).toEqual(listening);
    const named = chart["Service"].spec.ports.map((each: Manifest) => each.targetPort);
    expect(named).toEqual(["mysql", "mysql-reader"]);
  });

  it("splits the database's connections over all pods that there can be", () => {
    const parsed = parseSpec(chart["ConfigMap"].data["sluice.yaml"], "sluice.yaml");
    const percent = parsed.ok ? parsed.spec.pool.maxConnectionsPercent : 100;
    const { replicas, strategy } = chart["Deployment"].spec;
    expect(percent * (replicas + strategy.rollingUpdate.maxSurge)).toBeLessThanOrEqual(90);
    expect(strategy.rollingUpdate.maxUnavailable).toBe(0);
  });

  it("lets sessions end before it kills", () => {
    const { terminationGracePeriodSeconds: grace } = chart["Deployment"].spec.template.spec;
    const { args, lifecycle } = container(chart);
    const drain = Number(args[args.indexOf("--drain") + 1]);
    expect(lifecycle.preStop.sleep.seconds + drain).toBeLessThan(grace);
    expect(chart["PodDisruptionBudget"].spec.maxUnavailable).toBe(1);
  });

  it("asks the process for its health, never the database", () => {
    const { startupProbe, readinessProbe, livenessProbe } = container(chart);
    for (const probe of [startupProbe, readinessProbe, livenessProbe])
      expect(probe.httpGet).toEqual({ path: "/healthz", port: "admin" });
  });

  it("runs hardened, and keeps passwords in a secret", () => {
    expectHardened(container(chart));
    expect(chart["Deployment"].spec.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
    });
    expect(container(chart).envFrom).toEqual([{ secretRef: { name: "sluice-passwords" } }]);
    expect(chart["ConfigMap"].data["sluice.yaml"]).not.toContain("value:");
  });

  it("opens the admin port to the monitoring alone, where there is one", () => {
    const ports = (charted: Record<string, Manifest>) =>
      charted["NetworkPolicy"].spec.ingress.map((rule: Manifest) =>
        rule.ports.map((each: Manifest) => each.port),
      );
    expect(ports(chart)).toEqual([["mysql", "mysql-reader"]]);
    const monitored = renderChart("pool", {
      monitoring: { enabled: true, labels: { app: "prometheus" } },
    });
    expect(ports(monitored)).toEqual([["mysql", "mysql-reader"], ["admin"]]);
    expect(monitored["PodMonitor"].spec.podMetricsEndpoints).toEqual([
      { port: "admin", path: "/metrics", interval: "30s" },
    ]);
  });
});

describe("the sidecar", () => {
  const { spec } = (parse(readFileSync(join(CHART, "sidecar.yaml"), "utf8")) as Manifest).spec
    .template;
  const [proxy] = spec.initContainers;
  const variables = Object.fromEntries(proxy.env.map((each: Manifest) => [each.name, each.value]));

  it("starts before the application and is stopped after it", () => {
    expect(proxy.restartPolicy).toBe("Always");
    const drain = Number(proxy.args[proxy.args.indexOf("--drain") + 1]);
    expect(drain).toBeLessThan(spec.terminationGracePeriodSeconds);
    expect(proxy.startupProbe.exec.command[0]).toBe("node");
    expectHardened(proxy);
  });

  it("listens on the pod's loopback, where the application looks for it", () => {
    const parsed = parseSpec(variables["SLUICE_CONFIG_TEXT"], "SLUICE_CONFIG_TEXT");
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    const application = Object.fromEntries(
      spec.containers[0].env.map((each: Manifest) => [each.name, each.value]),
    );
    expect(variables["SLUICE_LISTEN_HOST"]).toBe(application["DB_HOST"]);
    expect(parsed.ok && String(parsed.spec.endpoints[0]!.port)).toBe(application["DB_PORT"]);
  });
});

describe("the example for Docker Compose", () => {
  const { services } = parse(
    readFileSync(join(CHART, "../../examples/wordpress/compose.yaml"), "utf8"),
  ) as Manifest;

  it("puts the proxy between WordPress and MySQL", () => {
    const parsed = parseSpec(services.sluice.environment.SLUICE_CONFIG_TEXT, "SLUICE_CONFIG_TEXT");
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    if (!parsed.ok) return;
    const { endpoints, target, auth } = parsed.spec;
    expect(services.wordpress.environment.WORDPRESS_DB_HOST).toBe(`sluice:${endpoints[0]!.port}`);
    expect(target.hosts).toEqual([{ host: "mysql", port: 3306 }]);
    expect(auth[0]!.credential).toMatchObject({ username: services.mysql.environment.MYSQL_USER });
    expect(services.wordpress.environment.WORDPRESS_DB_PASSWORD).toBe(
      services.mysql.environment.MYSQL_PASSWORD,
    );
  });

  it("waits for health, and gives sessions time to end", () => {
    expect(services.wordpress.depends_on.sluice.condition).toBe("service_healthy");
    expect(services.sluice).toMatchObject({
      read_only: true,
      stop_grace_period: "120s",
      build: "../..",
    });
  });
});

describe("the rendering itself", () => {
  it("leaves out what an if does not hold for, and refuses what it does not know", () => {
    const text = "a\n{{- if .Values.b }}\nb: {{ .Values.c | quote }}\n{{- end }}\nz";
    const values = { b: true, c: 1 };
    expect(renderTemplate(text, { Values: values })).toBe('a\nb: "1"\nz');
    expect(renderTemplate(text, { Values: { ...values, b: false } })).toBe("a\nz");
    for (const wrong of [
      "{{ .Values.d }}",
      "{{ range .Values.c }}",
      "{{ .Values.c | upper }}",
      "{{ if .Values.b }}",
    ])
      expect(() => renderTemplate(wrong, { Values: values }), wrong).toThrow();
  });
});
