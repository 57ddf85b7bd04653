import { keyValues, listOf, mapOf, mapsOf } from "../../local/template/system.ts";
import { ProxyCounters } from "../../proxy/observe/counters.ts";
import { EMBEDDED_NAMESPACE, EmbeddedMetrics } from "../../proxy/observe/embedded-metrics.ts";
import { METRICS } from "../../proxy/observe/metric-table.ts";
import { type Check, type Scene, unless } from "./scene.ts";

const FARGATE_STOP_MAX = 120;
const NLB_IDLE_MAX = 6_000;
/** What the container has of its file system, beside the bundle. */
const IMAGE_FILES = ["rds-ca.pem", "LICENSE"];

function optionOf(scene: Scene, name: string): string | undefined {
  const command = listOf(scene.container["Command"]).map(String);
  const at = command.indexOf(name);
  return at < 0 ? undefined : command[at + 1];
}

/** Names of the metrics that a proxy prints. */
function printedMetrics(): string[] {
  const [line] = new EmbeddedMetrics(new ProxyCounters("x")).lines({ epochMs: 0, monotonicMs: 0 });
  const { CloudWatchMetrics } = JSON.parse(line!)._aws;
  const latencies = METRICS.filter((row) => row.kind === "latency").flatMap((row) => [
    row.name,
    `${row.name}P99`,
  ]);
  return [
    ...CloudWatchMetrics[0].Metrics.map((each: { Name: string }) => each.Name),
    ...latencies,
    "AvailabilityPercentage",
  ];
}

interface Metric {
  readonly namespace: unknown;
  readonly name: string;
  readonly proxy: unknown;
}

/** Metrics of ours that alarms and scaling policies ask for. */
function askedMetrics({ system }: Scene): Metric[] {
  const alarms = system.ofType("AWS::CloudWatch::Alarm").map(({ properties }) => properties);
  const policies = system
    .ofType("AWS::ApplicationAutoScaling::ScalingPolicy")
    .map(({ properties }) =>
      mapOf(
        mapOf(properties["TargetTrackingScalingPolicyConfiguration"])[
          "CustomizedMetricSpecification"
        ],
      ),
    )
    .filter((each) => each["MetricName"] !== undefined);
  return [...alarms, ...policies]
    .filter((each) => !String(each["Namespace"]).startsWith("AWS/"))
    .map((each) => ({
      namespace: each["Namespace"],
      name: String(each["MetricName"]),
      proxy: keyValues(each["Dimensions"])["ProxyName"],
    }));
}

export const PROXY_CHECKS: readonly Check[] = [
  {
    id: "the-proxy-can-read-its-configuration",
    find: ({ configuration }) =>
      configuration.ok
        ? [...configuration.warnings].map(({ key, message }) => `${key}: ${message}`)
        : configuration.problems.map(({ key, message }) => `${key}: ${message}`),
  },
  {
    id: "the-proxy-listens-where-the-container-is-open",
    find: (scene) => {
      const { configuration, containerPorts } = scene;
      if (!configuration.ok) return ["no configuration"];
      const { endpoints, admin } = configuration.spec;
      return [...endpoints, { name: "admin", ...admin }]
        .filter(({ host, port }) => host !== "0.0.0.0" || !containerPorts.includes(port))
        .map(
          ({ name, host, port }) => `${name} listens on ${host}:${port}, which nobody can reach`,
        );
    },
  },
  {
    id: "the-proxy-is-told-of-the-cluster",
    find: (scene) => {
      const { configuration, databasePort, cluster } = scene;
      if (!configuration.ok) return ["no configuration"];
      const { hosts, topology, domainSuffix, tls, caFile } = configuration.spec.target;
      return unless(
        [
          hosts.length === 1 && hosts[0]!.host.startsWith(`${String(cluster.ref)}.cluster-`),
          "the host is not the cluster's endpoint",
        ],
        [hosts.every(({ port }) => port === databasePort), "the port is not the cluster's"],
        [topology === "aurora", "the topology is not Aurora's"],
        [
          /^\.[0-9a-z]+\.[\w-]+\.rds\.amazonaws\.com$/.test(domainSuffix),
          `${domainSuffix} leads to no instance`,
        ],
        [tls === "VERIFY_IDENTITY", "the database's certificate is not verified"],
        [IMAGE_FILES.includes(caFile ?? ""), `${caFile} is not in the image`],
      );
    },
  },
  {
    id: "clients-need-tls",
    find: ({ configuration }) =>
      unless([configuration.ok && configuration.spec.requireTLS, "clients may come without TLS"]),
  },
  {
    id: "connections-fit-into-the-budget",
    find: (scene) => {
      const { configuration, service, system } = scene;
      if (!configuration.ok) return ["no configuration"];
      const deployment = mapOf(service.properties["DeploymentConfiguration"]);
      const target = system.ofType("AWS::ApplicationAutoScaling::ScalableTarget")[0];
      const tasks = Number(target?.properties["MaxCapacity"] ?? service.properties["DesiredCount"]);
      const most = (tasks * Number(deployment["MaximumPercent"])) / 100;
      const { maxConnectionsPercent, maxIdleConnectionsPercent } = configuration.spec.pool;
      const total = most * maxConnectionsPercent;
      return unless(
        [
          total <= 90,
          `${most} tasks of ${maxConnectionsPercent} % could take ${total} % of the connections`,
        ],
        [most * maxIdleConnectionsPercent <= total, "more may be idle than there are"],
      );
    },
  },
  {
    id: "the-container-runs-as-the-image-means",
    find: ({ container }) =>
      unless(
        [container["Essential"] === true, "the proxy's container is not essential"],
        [container["ReadonlyRootFilesystem"] === true, "its root can be written"],
        [!["", "0", "root", undefined].includes(container["User"] as string), "it runs as root"],
        [container["EntryPoint"] === undefined, "the image's entry point is replaced"],
        [mapOf(container["LogConfiguration"])["LogDriver"] === "awslogs", "its log is lost"],
        [/:[0-9a-f]{64}$/.test(String(container["Image"])), "its image is not one of the assembly"],
      ),
  },
  {
    id: "the-container-says-how-it-is",
    find: (scene) => {
      const health = mapOf(scene.container["HealthCheck"]);
      const [kind, ...command] = listOf(health["Command"]).map(String);
      return unless(
        [
          kind === "CMD" && command[0] === "node",
          "the image has no shell to run a health command in",
        ],
        [command.join(" ").includes(":6080/healthz"), "the health command asks something else"],
        [Number(health["Timeout"]) < Number(health["Interval"]), "checks overlap"],
      );
    },
  },
  {
    id: "sessions-have-time-to-end",
    find: (scene) => {
      const stop = Number(scene.container["StopTimeout"] ?? 30);
      const drain = Number(optionOf(scene, "--drain") ?? 120);
      const delays = scene.targetGroups.map(({ properties }) =>
        Number(
          keyValues(properties["TargetGroupAttributes"])["deregistration_delay.timeout_seconds"] ??
            300,
        ),
      );
      return unless(
        [stop <= FARGATE_STOP_MAX, `Fargate stops after ${FARGATE_STOP_MAX} s, not ${stop}`],
        [stop >= 60, `sessions are cut off after ${stop} s`],
        [drain < stop, `draining for ${drain} s ends after the container is killed`],
        [delays.every((each) => each >= 30 && each <= 120), "targets leave too early or too late"],
      );
    },
  },
  {
    id: "the-command-is-one-that-serve-has",
    find: (scene) =>
      unless(
        [optionOf(scene, "--log") === "json", "log lines are not JSON"],
        [Number(optionOf(scene, "--embedded-metrics")) === 60, "metrics do not come once a minute"],
      ),
  },
  {
    id: "targets-are-addresses-of-tasks",
    find: ({ targetGroups }) =>
      targetGroups.flatMap(({ id, properties }) =>
        unless(
          [properties["TargetType"] === "ip", `${id}: Fargate has addresses, not instances`],
          [properties["Protocol"] === "TCP", `${id}: MySQL is TCP`],
        ),
      ),
  },
  {
    id: "targets-are-ports-of-the-container",
    find: (scene) =>
      scene.attachments().flatMap((each) => {
        const group = scene.system.byRef(
          "AWS::ElasticLoadBalancingV2::TargetGroup",
          each["TargetGroupArn"],
        );
        const port = Number(each["ContainerPort"]);
        return unless(
          [each["ContainerName"] === scene.container["Name"], `${group.id}: no such container`],
          [scene.containerPorts.includes(port), `${group.id}: the container has no port ${port}`],
          [Number(group.properties["Port"]) === port, `${group.id}: is for another port`],
          [
            scene.containerPorts.includes(Number(group.properties["HealthCheckPort"])),
            `${group.id}: checks a port that is not there`,
          ],
        );
      }),
  },
  {
    id: "every-listener-leads-to-the-service",
    find: (scene) => {
      const attached = scene.attachments().map((each) => each["TargetGroupArn"]);
      return scene.listeners.flatMap(({ id, properties }) => {
        const [action] = mapsOf(properties["DefaultActions"]);
        return unless(
          [action?.["Type"] === "forward", `${id} forwards nothing`],
          [attached.includes(action?.["TargetGroupArn"]), `${id} leads to a group without tasks`],
          [
            properties["Protocol"] === "TCP",
            `${id}: MySQL starts in clear text, only the proxy can do TLS`,
          ],
        );
      });
    },
  },
  {
    id: "each-endpoint-leads-to-its-role",
    find: (scene) => {
      const { configuration } = scene;
      if (!configuration.ok) return ["no configuration"];
      return scene.listeners.flatMap(({ id, properties }) => {
        const [action] = mapsOf(properties["DefaultActions"]);
        const group = scene.system.byRef(
          "AWS::ElasticLoadBalancingV2::TargetGroup",
          action?.["TargetGroupArn"],
        );
        const endpoint = configuration.spec.endpoints.find(
          ({ port }) => port === Number(group.properties["Port"]),
        );
        const wanted = Number(properties["Port"]) === 3306 ? "READ_WRITE" : "READ_ONLY";
        return unless([endpoint?.targetRole === wanted, `${id} leads to ${endpoint?.targetRole}`]);
      });
    },
  },
  {
    id: "health-is-that-of-the-process",
    find: ({ targetGroups }) =>
      targetGroups.flatMap(({ id, properties }) =>
        unless(
          [
            properties["HealthCheckProtocol"] === "HTTP",
            `${id}: a connection says less than /healthz`,
          ],
          [
            properties["HealthCheckPath"] === "/healthz",
            `${id}: a database that is away must not take the proxy away`,
          ],
        ),
      ),
  },
  {
    id: "unhealthy-targets-keep-their-sessions",
    find: ({ targetGroups }) =>
      targetGroups.flatMap(({ id, properties }) => {
        const attributes = keyValues(properties["TargetGroupAttributes"]);
        return unless(
          [
            attributes["target_health_state.unhealthy.connection_termination.enabled"] === "false",
            `${id} cuts the sessions of a target that looks unhealthy`,
          ],
          [
            attributes["deregistration_delay.connection_termination.enabled"] === "false",
            `${id} cuts the sessions of a target that leaves`,
          ],
        );
      }),
  },
  {
    id: "the-proxy-times-idle-clients-out-first",
    find: (scene) => {
      const { configuration } = scene;
      const idle = configuration.ok ? configuration.spec.idleClientTimeout : Number.NaN;
      return scene.listeners.flatMap(({ id, properties }) => {
        const seconds = Number(
          keyValues(properties["ListenerAttributes"])["tcp.idle_timeout.seconds"] ?? 350,
        );
        return unless(
          [seconds > idle, `${id} forgets clients after ${seconds} s, the proxy after ${idle} s`],
          [seconds <= NLB_IDLE_MAX, `${id}: ${seconds} s are more than there can be`],
        );
      });
    },
  },
  {
    id: "the-balancer-is-inside",
    find: ({ balancer }) =>
      unless(
        [balancer.properties["Scheme"] === "internal", "the load balancer faces the internet"],
        [balancer.properties["Type"] === "network", "only a network load balancer passes MySQL on"],
        [
          listOf(balancer.properties["SecurityGroups"]).length > 0,
          "it has no security group, and can get none later",
        ],
      ),
  },
  {
    id: "deployments-keep-sessions",
    find: ({ service }) => {
      const deployment = mapOf(service.properties["DeploymentConfiguration"]);
      return unless(
        [
          Number(deployment["MinimumHealthyPercent"]) === 100,
          "a deployment stops tasks before others stand",
        ],
        [
          mapOf(deployment["DeploymentCircuitBreaker"])["Rollback"] === true,
          "a bad deployment goes on for ever",
        ],
        [
          service.properties["AvailabilityZoneRebalancing"] === "DISABLED",
          "rebalancing stops healthy tasks",
        ],
        [
          Number(service.properties["HealthCheckGracePeriodSeconds"]) >= 30,
          "tasks are judged before they are up",
        ],
      );
    },
  },
  {
    id: "scaling-has-sensible-bounds",
    find: ({ system, service }) => {
      const [target] = system.ofType("AWS::ApplicationAutoScaling::ScalableTarget");
      if (target === undefined) return ["nothing scales"];
      const least = Number(target.properties["MinCapacity"]);
      const most = Number(target.properties["MaxCapacity"]);
      const wanted = Number(service.properties["DesiredCount"]);
      return unless(
        [least >= 2, "one task is a single point of failure"],
        [least <= most, `at least ${least} and at most ${most} tasks`],
        [wanted >= least && wanted <= most, `starts with ${wanted} of ${least} to ${most}`],
      );
    },
  },
  {
    id: "scaling-in-takes-its-time",
    find: ({ system }) =>
      system.ofType("AWS::ApplicationAutoScaling::ScalingPolicy").flatMap(({ id, properties }) => {
        const tracking = mapOf(properties["TargetTrackingScalingPolicyConfiguration"]);
        return unless([
          Number(tracking["ScaleInCooldown"]) >= 600,
          `${id} ends sessions too readily`,
        ]);
      }),
  },
  {
    id: "metrics-that-are-asked-for-exist",
    find: (scene) => {
      const printed = printedMetrics();
      const name = scene.configuration.ok ? scene.configuration.spec.name : "";
      const asked = askedMetrics(scene);
      return [
        ...unless([asked.length >= 4, "no alarm looks at the proxy's own metrics"]),
        ...asked.flatMap((each) =>
          unless(
            [each.namespace === EMBEDDED_NAMESPACE, `${each.name} is not in ${each.namespace}`],
            [printed.includes(each.name), `nobody prints ${each.name}`],
            [each.proxy === name, `${each.name} is asked of ${each.proxy}, the proxy is ${name}`],
          ),
        ),
      ];
    },
  },
  {
    id: "the-dashboard-shows-metrics-that-exist",
    find: (scene) => {
      const body = String(scene.one("AWS::CloudWatch::Dashboard").properties["DashboardBody"]);
      const { widgets } = JSON.parse(body) as {
        widgets: { properties: { metrics: unknown[][] } }[];
      };
      const shown = widgets.flatMap(({ properties }) => properties.metrics);
      const ours = shown
        .filter(([namespace]) => namespace === EMBEDDED_NAMESPACE)
        .map(([, name]) => String(name));
      const printed = printedMetrics();
      return [
        ...unless([ours.length >= 10, "the dashboard shows hardly anything"]),
        ...ours.filter((name) => !printed.includes(name)).map((name) => `nobody prints ${name}`),
      ];
    },
  },
];
