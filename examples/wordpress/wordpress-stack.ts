import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import { type IVpc, Peer, Port, SecurityGroup } from "aws-cdk-lib/aws-ec2";
import {
  AvailabilityZoneRebalancing,
  Cluster,
  type ContainerDefinition,
  ContainerImage,
  ContainerInsights,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  Secret,
} from "aws-cdk-lib/aws-ecs";
import {
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { ProxyTarget } from "aws-cdk-lib/aws-rds";
import type { Construct } from "constructs";
import { AuroraDatabase, acknowledge, SluiceSidecar, settingsOf } from "../../lib/index.ts";

export interface WordPressStackProps extends StackProps {
  readonly vpc: IVpc;
}

const HTTP_PORT = 80;
const MAX_TASKS = 4;

/** WordPress in a private network: its database is on its own loopback, where the sidecar is. */
export class WordPressStack extends Stack {
  constructor(scope: Construct, id: string, { vpc, ...props }: WordPressStackProps) {
    super(scope, id, props);
    const database = new AuroraDatabase(this, "Database", {
      vpc,
      settings: settingsOf("dev").database,
      username: "wordpress",
      databaseName: "wordpress",
    });
    const taskDefinition = new FargateTaskDefinition(this, "Task", {
      cpu: 512,
      memoryLimitMiB: 1024,
    });
    const application = this.#addWordPress(taskDefinition, database);
    const sidecar = new SluiceSidecar(this, "Proxy", {
      proxyTarget: ProxyTarget.fromCluster(database.cluster),
      secrets: [database.secret],
      taskDefinition,
      application,
      hostVariable: "WORDPRESS_DB_HOST",
      maxTasks: MAX_TASKS,
    });
    const service = this.#run(taskDefinition, vpc);
    sidecar.connectFrom(service);
    this.#publish(service, vpc);
  }

  #addWordPress(task: FargateTaskDefinition, { secret }: AuroraDatabase): ContainerDefinition {
    const container = task.addContainer("wordpress", {
      image: ContainerImage.fromRegistry("public.ecr.aws/docker/library/wordpress:6.9-apache"),
      environment: { WORDPRESS_DB_NAME: "wordpress" },
      secrets: {
        WORDPRESS_DB_USER: Secret.fromSecretsManager(secret, "username"),
        WORDPRESS_DB_PASSWORD: Secret.fromSecretsManager(secret, "password"),
      },
      portMappings: [{ containerPort: HTTP_PORT }],
      logging: LogDrivers.awsLogs({
        streamPrefix: "wordpress",
        logRetention: RetentionDays.ONE_WEEK,
      }),
      stopTimeout: Duration.seconds(30),
    });
    return container;
  }

  #run(taskDefinition: FargateTaskDefinition, vpc: IVpc): FargateService {
    const service = new FargateService(this, "Service", {
      cluster: this.#cluster(vpc),
      securityGroups: [this.#taskGroup(vpc)],
      taskDefinition,
      desiredCount: 2,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
    });
    service
      .autoScaleTaskCount({ minCapacity: 2, maxCapacity: MAX_TASKS })
      .scaleOnCpuUtilization("Cpu", {
        targetUtilizationPercent: 60,
      });
    return service;
  }

  /** Inside the network only: what stands in front of it (a CDN, TLS, a firewall) gets the group that is let in. */
  #publish(service: FargateService, vpc: IVpc): void {
    const group = (id: string, description: string) =>
      new SecurityGroup(this, id, { vpc, description, allowAllOutbound: false });
    const frontDoor = group("FrontDoor", "Who may call WordPress");
    const securityGroup = group("BalancerGroup", "Load balancer of WordPress");
    const balancer = new NetworkLoadBalancer(this, "Balancer", {
      vpc,
      internetFacing: false,
      securityGroups: [securityGroup],
    });
    const targets = new NetworkTargetGroup(this, "Targets", {
      vpc,
      port: HTTP_PORT,
      protocol: Protocol.TCP,
      targetType: TargetType.IP,
      targets: [
        service.loadBalancerTarget({ containerName: "wordpress", containerPort: HTTP_PORT }),
      ],
    });
    balancer.addListener("Http", {
      port: HTTP_PORT,
      protocol: Protocol.TCP,
      defaultTargetGroups: [targets],
    });
    balancer.connections.allowFrom(frontDoor, Port.tcp(HTTP_PORT), "The site");
    service.connections.allowFrom(balancer, Port.tcp(HTTP_PORT), "The site and its health");
    acknowledge(balancer, {
      "AwsSolutions::AwsSolutions-ELB2":
        "Network load balancers log requests of TLS listeners only.",
    });
    new CfnOutput(this, "Url", { value: `http://${balancer.loadBalancerDnsName}/` });
  }

  #cluster(vpc: IVpc): ICluster {
    const cluster = new Cluster(this, "Cluster", {
      vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    return cluster as ICluster; // CDK's own types are not written for exactOptionalPropertyTypes.
  }

  #taskGroup(vpc: IVpc): SecurityGroup {
    const description = "Tasks of WordPress";
    const group = new SecurityGroup(this, "TaskGroup", {
      vpc,
      description,
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "Images, secrets, logs, updates");
    return group;
  }
}
