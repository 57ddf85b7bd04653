/** The proxy as a service on Fargate: takes the props of RDS's `DatabaseProxy`, so that moving from it is a change of one name. */
import { Duration, Names, RemovalPolicy } from "aws-cdk-lib";
import type { IAlarmAction } from "aws-cdk-lib/aws-cloudwatch";
import {
  Connections,
  type IConnectable,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
} from "aws-cdk-lib/aws-ec2";
import {
  AvailabilityZoneRebalancing,
  Cluster,
  type ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  OperatingSystemFamily,
} from "aws-cdk-lib/aws-ecs";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { MAX_HEALTHY_PERCENT } from "./connection-budget.ts";
import {
  CONTAINER_PORTS,
  checkOptions,
  type ProxyOptions,
  proxyConfiguration,
  targetOf,
} from "./proxy-configuration.ts";
import { addProxyContainer, ownImage } from "./proxy-container.ts";
import { ProxyLoadBalancer } from "./proxy-load-balancer.ts";
import { ProxyAlarms, ProxyDashboard, proxyMetric } from "./proxy-metrics.ts";

const MYSQL_PORT = 3306;
const READER_PORT = 3307;
const MAX_NAME_CHARS = 60;
const CPU_TARGET_PERCENT = 55;
/** Sessions of one task at which another one is started. */
const CLIENTS_TARGET = 4_000;
const GRACE = Duration.seconds(60);

export interface SluiceProxyProps extends ProxyOptions {
  readonly vpc: IVpc;
  /** Where load balancer and tasks are. They need a way to Secrets Manager, ECR and CloudWatch. @default - private subnets with egress */
  readonly vpcSubnets?: SubnetSelection;
  /** What clients connect to. @default - a new one that lets nobody in until told to */
  readonly securityGroups?: readonly ISecurityGroup[];
  /** @default - a new one */
  readonly cluster?: ICluster;
  /** @default - built from this package's Dockerfile */
  readonly image?: ContainerImage;
  /** CPU units of each task; one unit of 1024 is what one proxy process can use. @default 1024 */
  readonly cpu?: number;
  /** @default 2048 */
  readonly memoryLimitMiB?: number;
  /** @default 2 */
  readonly minTasks?: number;
  /** The connection budget is split over twice as many. @default 4 */
  readonly maxTasks?: number;
  /** @default - one month */
  readonly logRetention?: RetentionDays;
  /** Of the load balancer. @default false */
  readonly deletionProtection?: boolean;
  /** Told by every alarm. @default - alarms only show in CloudWatch */
  readonly alarmAction?: IAlarmAction;
}

/** An address for clients: RDS Proxy has a host name for each endpoint, here each has a port of its own. */
export interface SluiceEndpoint {
  readonly endpoint: string;
  readonly port: number;
}

export class SluiceProxy extends Construct implements IConnectable {
  /** Host name for clients, on port 3306: leads to the writer. */
  readonly endpoint: string;
  readonly port = MYSQL_PORT;
  readonly dbProxyName: string;
  /** What clients connect to; port 3306 by default. */
  readonly connections: Connections;
  readonly service: FargateService;
  readonly alarms: ProxyAlarms;
  readonly #props: SluiceProxyProps;
  readonly #balancer: ProxyLoadBalancer;
  readonly #clientGroups: readonly ISecurityGroup[];
  readonly #taskGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: SluiceProxyProps) {
    super(scope, id);
    this.#props = props;
    const { minTasks, maxTasks } = sizeOf(props);
    checkOptions(props, maxTasks);
    this.dbProxyName = props.dbProxyName ?? defaultName(this);
    this.#clientGroups = props.securityGroups ?? [this.#newClientGroup()];
    this.connections = new Connections({
      securityGroups: [...this.#clientGroups],
      defaultPort: Port.tcp(MYSQL_PORT),
    });
    this.#taskGroup = this.#newTaskGroup();
    this.service = this.#newService(minTasks);
    this.#balancer = new ProxyLoadBalancer(this, "LoadBalancer", {
      vpc: props.vpc,
      vpcSubnets: subnetsOf(props),
      securityGroups: this.#clientGroups,
      deletionProtection: props.deletionProtection ?? false,
    });
    this.endpoint = this.#balancer.balancer.loadBalancerDnsName;
    this.#listen("Writer", MYSQL_PORT, CONTAINER_PORTS.writer);
    this.#openHealthPort();
    this.#scale(minTasks, maxTasks);
    this.alarms = this.#watch(minTasks);
  }

  /**
   * Another address that leads to the readers.
   * @param port of the load balancer
   */
  addEndpoint(id: string, { port = READER_PORT }: { readonly port?: number } = {}): SluiceEndpoint {
    this.#listen(id, port, CONTAINER_PORTS.reader);
    return { endpoint: this.endpoint, port };
  }

  /**
   * Lets somebody log in: clients use the user and password of the secret, so they must be able to read it. RDS Proxy
   * grants `rds-db:connect` here, which is for IAM tokens.
   */
  grantConnect(grantee: IGrantable): Grant {
    const { secrets } = this.#props;
    for (const secret of secrets) secret.encryptionKey?.grantDecrypt(grantee.grantPrincipal);
    return Grant.addToPrincipal({
      grantee,
      actions: ["secretsmanager:GetSecretValue"],
      resourceArns: secrets.map((secret) => secret.secretArn),
    });
  }

  #newClientGroup(): SecurityGroup {
    return new SecurityGroup(this, "ClientGroup", {
      vpc: this.#props.vpc,
      description: "Where clients of the proxy connect",
      allowAllOutbound: false,
    });
  }

  #newTaskGroup(): SecurityGroup {
    const group = new SecurityGroup(this, "TaskGroup", {
      vpc: this.#props.vpc,
      description: "Tasks of the proxy",
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "Image, secrets and logs");
    return group;
  }

  #newService(minTasks: number): FargateService {
    const props = this.#props;
    const target = targetOf(props.proxyTarget);
    const task = new FargateTaskDefinition(this, "Task", {
      cpu: props.cpu ?? 1_024,
      memoryLimitMiB: props.memoryLimitMiB ?? 2_048,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.X86_64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    const container = addProxyContainer(this, task, {
      image: props.image ?? ownImage(),
      configuration: proxyConfiguration(this.dbProxyName, props, target, sizeOf(props)),
      secrets: props.secrets,
      logGroup: new LogGroup(this, "Log", {
        retention: props.logRetention ?? RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    for (const containerPort of Object.values(CONTAINER_PORTS))
      container.addPortMappings({ containerPort });
    const service = new FargateService(this, "Service", {
      cluster: props.cluster ?? this.#newCluster(),
      taskDefinition: task,
      desiredCount: minTasks,
      minHealthyPercent: 100,
      maxHealthyPercent: MAX_HEALTHY_PERCENT,
      circuitBreaker: { enable: true, rollback: true },
      // It would stop healthy tasks, and every session on them, for the sake of balance.
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      healthCheckGracePeriod: GRACE,
      vpcSubnets: subnetsOf(props),
      securityGroups: [this.#taskGroup],
      assignPublicIp: false,
    });
    // From this side, so that the rules belong to this stack: the database's must not need ours.
    service.connections.allowToDefaultPort(target.database, "The database");
    return service;
  }

  #newCluster(): ICluster {
    const cluster = new Cluster(this, "Cluster", {
      vpc: this.#props.vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    return cluster as ICluster; // CDK's own types are not written for exactOptionalPropertyTypes.
  }

  #listen(id: string, port: number, containerPort: number): void {
    const { service } = this;
    this.#balancer.addListener(id, { port, service, containerName: "sluice", containerPort });
    this.#openTasks(containerPort, `Clients of the ${id.toLowerCase()} endpoint`);
  }

  #openHealthPort(): void {
    this.#openTasks(CONTAINER_PORTS.admin, "Health checks");
  }

  /** Both directions: the load balancer's group may be one that lets nothing out. */
  #openTasks(port: number, what: string): void {
    for (const group of this.#clientGroups) {
      new Connections({ securityGroups: [this.#taskGroup] }).allowFrom(group, Port.tcp(port), what);
    }
  }

  #scale(minCapacity: number, maxCapacity: number): void {
    const scaling = this.service.autoScaleTaskCount({ minCapacity, maxCapacity });
    // Sessions do not move: scale-in only ends them, so it takes its time.
    const cooldowns = {
      scaleOutCooldown: Duration.minutes(1),
      scaleInCooldown: Duration.minutes(15),
    };
    scaling.scaleOnCpuUtilization("Cpu", {
      targetUtilizationPercent: CPU_TARGET_PERCENT,
      ...cooldowns,
    });
    scaling.scaleToTrackCustomMetric("Clients", {
      metric: proxyMetric(this.dbProxyName, "ClientConnections", "Average"),
      targetValue: CLIENTS_TARGET,
      ...cooldowns,
    });
  }

  #watch(minTasks: number): ProxyAlarms {
    const proxyName = this.dbProxyName;
    const [targetGroup] = this.#balancer.targetGroups;
    const { service } = this;
    const action = this.#props.alarmAction;
    new ProxyDashboard(this, "Dashboard", { proxyName, service, targetGroup: targetGroup! });
    return new ProxyAlarms(this, "Alarms", {
      proxyName,
      service,
      targetGroup: targetGroup!,
      minTasks,
      action,
    });
  }
}

function sizeOf({ minTasks = 2, maxTasks = Math.max(4, minTasks) }: SluiceProxyProps): {
  minTasks: number;
  maxTasks: number;
} {
  if (minTasks < 1 || maxTasks < minTasks) {
    throw new Error(`minTasks (${minTasks}) must be at least 1 and at most maxTasks (${maxTasks})`);
  }
  return { minTasks, maxTasks };
}

function subnetsOf({ vpcSubnets }: SluiceProxyProps): SubnetSelection {
  return vpcSubnets ?? { subnetType: SubnetType.PRIVATE_WITH_EGRESS };
}

/** Letters, digits and single hyphens, starting with a letter: RDS's rule, which the proxy keeps. */
function defaultName(scope: Construct): string {
  const name = Names.uniqueResourceName(scope, { maxLength: MAX_NAME_CHARS, separator: "-" });
  return (
    name
      .replace(/^[^a-zA-Z]+/, "")
      .replace(/-+/g, "-")
      .replace(/-$/, "") || "sluice"
  );
}
