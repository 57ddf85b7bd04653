/** The container that both shapes have in common: the service's task and the sidecar. */
import { join } from "node:path";
import { Duration, Stack } from "aws-cdk-lib";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import {
  type ContainerDefinition,
  ContainerImage,
  LogDrivers,
  type TaskDefinition,
  UlimitName,
} from "aws-cdk-lib/aws-ecs";
import { Grant } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { CONTAINER_PORTS } from "./proxy-configuration.ts";

/** Fargate's longest; the proxy ends sooner when the last transaction has. */
export const STOP_TIMEOUT = Duration.seconds(120);
/** What the proxy takes of it: some seconds must be left to end by itself. */
const DRAIN_SECONDS = 115;
const METRICS_SECONDS = 60;
/** Sockets: clients and backends of the largest task. */
const OPEN_FILES = 65_535;

export interface ProxyContainerProps {
  readonly image: ContainerImage;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly secrets: readonly ISecret[];
  readonly logGroup: ILogGroup;
  /** The address that the proxy listens on. @default - as the configuration says */
  readonly listenHost?: string;
}

/** The image of this package's Dockerfile. `npm ci` has built the file that it copies. */
export function ownImage(): ContainerImage {
  return ContainerImage.fromAsset(join(import.meta.dirname, ".."), {
    platform: Platform.LINUX_AMD64,
  });
}

/** Adds the proxy to a task and lets the task's role read the secrets; passwords come by no other way. */
export function addProxyContainer(
  scope: Construct,
  task: TaskDefinition,
  props: ProxyContainerProps,
): ContainerDefinition {
  const container = task.addContainer("sluice", {
    containerName: "sluice",
    image: props.image,
    command: [
      "--log",
      "json",
      "--drain",
      String(DRAIN_SECONDS),
      "--embedded-metrics",
      String(METRICS_SECONDS),
    ],
    environment: {
      SLUICE_CONFIG_TEXT: Stack.of(scope).toJsonString(props.configuration),
      ...(props.listenHost === undefined ? {} : { SLUICE_LISTEN_HOST: props.listenHost }),
    },
    healthCheck: {
      command: ["CMD", "node", "-e", healthProgram(props.listenHost ?? "127.0.0.1")],
      interval: Duration.seconds(10),
      timeout: Duration.seconds(5),
      startPeriod: Duration.seconds(15),
      retries: 3,
    },
    logging: LogDrivers.awsLogs({ logGroup: props.logGroup, streamPrefix: "sluice" }),
    readonlyRootFilesystem: true,
    user: "node",
    essential: true,
    stopTimeout: STOP_TIMEOUT,
  });
  container.addUlimits({ name: UlimitName.NOFILE, softLimit: OPEN_FILES, hardLimit: OPEN_FILES });
  for (const secret of props.secrets) grantSecret(secret, task);
  acknowledge(task, {
    "AwsSolutions::AwsSolutions-ECS2":
      "The environment holds names and addresses; the proxy fetches passwords itself, so that a rotation needs no deployment.",
  });
  if (task.executionRole !== undefined) {
    acknowledge(task.executionRole, {
      "AwsSolutions::AwsSolutions-IAM5[Resource::*]":
        "Only for ecr:GetAuthorizationToken, which knows no resources; everything else names one.",
    });
  }
  return container;
}

/** Alive means able to take sessions. Whether the database is up is for the alarms: a restart would not help it. */
function healthProgram(host: string): string {
  const url = `http://${host}:${CONTAINER_PORTS.admin}/healthz`;
  return `fetch('${url}').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
}

/** One action on one secret, where `grantRead` would add the right to describe it. */
function grantSecret(secret: ISecret, task: TaskDefinition): void {
  Grant.addToPrincipal({
    grantee: task.taskRole,
    actions: ["secretsmanager:GetSecretValue"],
    resourceArns: [secret.secretArn],
  });
  secret.encryptionKey?.grantDecrypt(task.taskRole);
}
