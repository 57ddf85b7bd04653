/** The internal network load balancer in front of the tasks. TLS passes through: MySQL starts in clear text, only the proxy can upgrade it. */
import { Duration } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { FargateService } from "aws-cdk-lib/aws-ecs";
import {
  type NetworkListener,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { CONTAINER_PORTS } from "./proxy-configuration.ts";

/** The longest that the service allows: the proxy's own idle time-out has to come first. */
const TCP_IDLE_SECONDS = 6_000;
/** Time that clients have to leave a task before it is told to stop. */
const DEREGISTRATION_SECONDS = 60;
const UNHEALTHY_DRAINING_SECONDS = 120;

export interface ProxyLoadBalancerProps {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: readonly ISecurityGroup[];
  readonly deletionProtection: boolean;
}

export interface ListenerProps {
  readonly port: number;
  readonly service: FargateService;
  readonly containerName: string;
  readonly containerPort: number;
}

export class ProxyLoadBalancer extends Construct {
  readonly balancer: NetworkLoadBalancer;
  readonly targetGroups: NetworkTargetGroup[] = [];
  readonly #vpc: IVpc;

  constructor(scope: Construct, id: string, props: ProxyLoadBalancerProps) {
    super(scope, id);
    this.#vpc = props.vpc;
    this.balancer = new NetworkLoadBalancer(this, "Balancer", {
      vpc: props.vpc,
      vpcSubnets: props.vpcSubnets,
      securityGroups: [...props.securityGroups],
      internetFacing: false,
      // A handful of tasks: without this, clients of one zone share the tasks of that zone only.
      crossZoneEnabled: true,
      deletionProtection: props.deletionProtection,
    });
    acknowledge(this.balancer, {
      "AwsSolutions::AwsSolutions-ELB2":
        "Network load balancers log requests of TLS listeners only; the VPC's flow log and the proxy's own log have the connections.",
    });
  }

  addListener(
    id: string,
    { port, service, containerName, containerPort }: ListenerProps,
  ): NetworkListener {
    const group = new NetworkTargetGroup(this, `${id}Targets`, {
      vpc: this.#vpc,
      port: containerPort,
      protocol: Protocol.TCP,
      targetType: TargetType.IP,
      targets: [service.loadBalancerTarget({ containerName, containerPort })],
      deregistrationDelay: Duration.seconds(DEREGISTRATION_SECONDS),
      connectionTermination: false,
      preserveClientIp: false,
      healthCheck: {
        protocol: Protocol.HTTP,
        port: String(CONTAINER_PORTS.admin),
        path: "/healthz",
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
    // By default every session of a target that looks unhealthy is reset, transactions and all.
    group.setAttribute("target_health_state.unhealthy.connection_termination.enabled", "false");
    group.setAttribute(
      "target_health_state.unhealthy.draining_interval_seconds",
      String(UNHEALTHY_DRAINING_SECONDS),
    );
    this.targetGroups.push(group);
    return this.balancer.addListener(id, {
      port,
      protocol: Protocol.TCP,
      tcpIdleTimeout: Duration.seconds(TCP_IDLE_SECONDS),
      defaultTargetGroups: [group],
    });
  }
}
