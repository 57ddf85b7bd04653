/** Load balancers and services of a template. */
import { LoadBalancer, TargetGroup } from "./balancer.ts";
import { type EvaluatedResource, TemplateFault } from "./evaluation.ts";
import { readImage } from "./image.ts";
import { keyValues, listOf, mapsOf, type Properties } from "./system.ts";
import { Service, type TaskPlan } from "./task.ts";
import type { TemplateRun } from "./template-run.ts";

const DEFAULT_IDLE_SECONDS = 350;
const DEFAULT_STOP_SECONDS = 30;
const DEFAULT_DEREGISTRATION_SECONDS = 300;
const HEALTH_INTERVAL_MS = 250;
/** Where the image has the authorities of RDS: here the cluster's own stands for them. */
const RDS_CA_FILE = "rds-ca.pem";

export async function startBalancers(run: TemplateRun): Promise<void> {
  for (const balancer of run.parts.balancers()) {
    const loadBalancer = new LoadBalancer(run.addresses.next());
    run.onStop(() => loadBalancer.stop());
    run.balancers.set(balancer.id, loadBalancer);
    for (const { properties } of run.parts.listenersOf(balancer)) {
      const [action] = mapsOf(properties["DefaultActions"]);
      const port = Number(properties["Port"]);
      const idle = keyValues(properties["ListenerAttributes"])["tcp.idle_timeout.seconds"];
      const group = targetGroupOf(run, balancer, action?.["TargetGroupArn"] as string);
      await loadBalancer.listen({
        port,
        group,
        idleMs: Number(idle ?? DEFAULT_IDLE_SECONDS) * 1_000,
      });
      run.names.push({
        name: dnsNameOf(run, balancer),
        address: loadBalancer.address,
        port,
        groups: listOf(balancer.properties["SecurityGroups"]),
      });
    }
  }
}

/** The services of a template, each with as many tasks as it asks for. Resolves when a target of each is healthy. */
export async function startServices(run: TemplateRun): Promise<void> {
  for (const service of run.parts.services()) {
    const task = run.parts.taskOf(service);
    run.parts.checkExecutionRole(task);
    const container = run.parts.containerOf(task);
    const attachments = attachmentsOf(run, service);
    const [balancer] = run.balancers.values();
    const running = new Service({
      name: service.id.toLowerCase(),
      task: {
        image: await readImage(imageFolder(run, container)),
        command: listOf(container["Command"]).map(String),
        variables: await variablesOf(run, service, container),
        instead: { [RDS_CA_FILE]: [...run.clusters.values()][0]?.cluster.caFile ?? "" },
        stopTimeoutMs: Number(container["StopTimeout"] ?? DEFAULT_STOP_SECONDS) * 1_000,
        attachments,
      },
      balancer: balancer ?? new LoadBalancer(run.addresses.next()),
      deregistrationMs: Math.min(
        deregistrationOf(run, service) * 1_000,
        run.options.deregistrationMaxMs ?? Number.POSITIVE_INFINITY,
      ),
      nextAddress: () => run.addresses.next(),
      folder: run.folder,
      watchdog: run.watchdog,
      onLine: run.options.onLine,
    });
    run.onStop(() => running.stop());
    run.services.set(service.id, running);
    await running.setDesiredCount(Number(service.properties["DesiredCount"] ?? 1));
  }
}

function targetGroupOf(run: TemplateRun, balancer: EvaluatedResource, arn: string): TargetGroup {
  const known = run.targetGroups.get(arn);
  if (known !== undefined) return known;
  const { id, properties } = run.parts.targetGroup(arn);
  const from = listOf(balancer.properties["SecurityGroups"]);
  const to = run.parts
    .services()
    .filter((service) =>
      mapsOf(service.properties["LoadBalancers"]).some((each) => each["TargetGroupArn"] === arn),
    )
    .flatMap((service) => run.parts.serviceGroups(service));
  const healthPort = Number(properties["HealthCheckPort"]);
  const plan = {
    id,
    healthPort,
    healthPath: String(properties["HealthCheckPath"]),
    healthyThreshold: Number(properties["HealthyThresholdCount"]),
    unhealthyThreshold: Number(properties["UnhealthyThresholdCount"]),
    checkable: run.parts.reach.canConnect(from, to, healthPort),
    reachable: run.parts.reach.canConnect(from, to, Number(properties["Port"])),
  };
  const group = new TargetGroup(plan, run.options.healthIntervalMs ?? HEALTH_INTERVAL_MS);
  run.onStop(async () => group.stop());
  run.targetGroups.set(arn, group);
  return group;
}

function attachmentsOf(
  run: TemplateRun,
  { properties }: EvaluatedResource,
): TaskPlan["attachments"] {
  return mapsOf(properties["LoadBalancers"]).map((each) => {
    const group = run.targetGroups.get(String(each["TargetGroupArn"]));
    if (group === undefined)
      throw new TemplateFault("a service is attached to a target group without a listener");
    return { group, port: Number(each["ContainerPort"]) };
  });
}

async function variablesOf(
  run: TemplateRun,
  service: EvaluatedResource,
  container: Properties,
): Promise<Record<string, string>> {
  if (mapsOf(container["Secrets"]).length > 0)
    throw new TemplateFault(
      `${service.id}: secrets of containers are not put into the environment here`,
    );
  const consumer = run.parts.taskConsumer(service);
  return {
    ...keyValues(container["Environment"]),
    ...run.awsVariables(consumer),
    ...(await run.nameVariables(consumer)),
  };
}

/** `…/REPOSITORY:HASH`, where the hash is that of an asset. */
function imageFolder(run: TemplateRun, container: Properties): string {
  const hash = String(container["Image"]).split(":").at(-1) ?? "";
  const folder = run.assembly.assets.get(hash);
  if (folder === undefined)
    throw new TemplateFault(`the image ${container["Image"]} is no asset: it would need an engine`);
  return folder;
}

function deregistrationOf(run: TemplateRun, { properties }: EvaluatedResource): number {
  const [first] = mapsOf(properties["LoadBalancers"]);
  if (first === undefined) return 0;
  const attributes = keyValues(
    run.parts.targetGroup(first["TargetGroupArn"]).properties["TargetGroupAttributes"],
  );
  return Number(
    attributes["deregistration_delay.timeout_seconds"] ?? DEFAULT_DEREGISTRATION_SECONDS,
  );
}

function dnsNameOf(run: TemplateRun, balancer: EvaluatedResource): string {
  return run.attributeOf(balancer, "DNSName");
}
