import { Fn, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { FlowLogDestination, IpAddresses, type IVpc, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import type { StageSettings } from "./stage-settings.ts";

export interface NetworkStackProps extends StackProps {
  readonly settings: Pick<
    StageSettings,
    "vpcCidr" | "availabilityZones" | "natGateways" | "logRetentionDays"
  >;
}

/** Three tiers: public for NAT only, private for what runs, isolated for data. */
export class NetworkStack extends Stack {
  readonly vpc: IVpc;
  readonly #zones: number;

  constructor(scope: Construct, id: string, { settings, ...props }: NetworkStackProps) {
    super(scope, id, props);
    this.#zones = settings.availabilityZones;
    const vpc = new Vpc(this, "Vpc", {
      ipAddresses: IpAddresses.cidr(settings.vpcCidr),
      maxAzs: settings.availabilityZones,
      natGateways: settings.natGateways,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: "public", subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: "service", subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
        { name: "data", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
    });
    const log = new LogGroup(this, "FlowLog", {
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    vpc.addFlowLog("FlowLog", { destination: FlowLogDestination.toCloudWatchLogs(log) });
    this.vpc = vpc as IVpc; // CDK's own types are not written for exactOptionalPropertyTypes.
  }

  /** The first zones of whatever region this goes to. CDK would take two of them where the region is not known. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.#zones ?? 2 }, (_, i) => Fn.select(i, Fn.getAzs()));
  }
}
