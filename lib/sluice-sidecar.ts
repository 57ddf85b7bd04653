/** The proxy beside an application, in the same task: one line, and the application's database is on its own loopback. */
import { RemovalPolicy } from "aws-cdk-lib";
import type { IConnectable } from "aws-cdk-lib/aws-ec2";
import {
  type ContainerDefinition,
  ContainerDependencyCondition,
  type ContainerImage,
  type FargateTaskDefinition,
} from "aws-cdk-lib/aws-ecs";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import {
  CONTAINER_PORTS,
  checkOptions,
  type ProxyOptions,
  proxyConfiguration,
  type Target,
  targetOf,
} from "./proxy-configuration.ts";
import { addProxyContainer, ownImage } from "./proxy-container.ts";

const LOOPBACK = "127.0.0.1";

export interface SluiceSidecarProps extends ProxyOptions {
  readonly taskDefinition: FargateTaskDefinition;
  /** The container that uses the database. It starts when the proxy can take sessions, and is stopped before the proxy. */
  readonly application: ContainerDefinition;
  /** The application's environment variable for the database's `host:port`, or for its host where `portVariable` is given. */
  readonly hostVariable: string;
  readonly portVariable?: string;
  /** Most tasks of the application: each has a proxy, so the connection budget is split over twice as many. */
  readonly maxTasks: number;
  /** Clients come over the loopback. @default false */
  readonly requireTLS?: boolean;
  /** @default - built from this package's Dockerfile */
  readonly image?: ContainerImage;
  /** @default - one month */
  readonly logRetention?: RetentionDays;
}

export class SluiceSidecar extends Construct {
  /** What the application connects to. */
  readonly host = LOOPBACK;
  readonly port = CONTAINER_PORTS.writer;
  /** The same for reads that may lag behind. */
  readonly readerPort = CONTAINER_PORTS.reader;
  readonly container: ContainerDefinition;
  readonly #target: Target;

  constructor(scope: Construct, id: string, props: SluiceSidecarProps) {
    super(scope, id);
    const { taskDefinition, application, maxTasks } = props;
    checkOptions(props, maxTasks);
    this.#target = targetOf(props.proxyTarget);
    const options = { ...props, requireTLS: props.requireTLS ?? false };
    const name = props.dbProxyName ?? "sidecar";
    this.container = addProxyContainer(this, taskDefinition, {
      image: props.image ?? ownImage(),
      configuration: proxyConfiguration(name, options, this.#target, { maxTasks }),
      secrets: props.secrets,
      logGroup: new LogGroup(this, "Log", {
        retention: props.logRetention ?? RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      listenHost: LOOPBACK,
    });
    application.addContainerDependencies({
      container: this.container,
      condition: ContainerDependencyCondition.HEALTHY,
    });
    this.#introduce(application, props);
  }

  /** Lets the tasks of a service reach the database: the proxy has the task's own network interface. */
  connectFrom(service: IConnectable): void {
    service.connections.allowToDefaultPort(this.#target.database, "The database");
  }

  #introduce(application: ContainerDefinition, { hostVariable, portVariable }: SluiceSidecarProps) {
    const { host, port } = this;
    application.addEnvironment(hostVariable, portVariable === undefined ? `${host}:${port}` : host);
    if (portVariable !== undefined) application.addEnvironment(portVariable, String(port));
  }
}
