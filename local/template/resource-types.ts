/** The resource types that are known here: what `Ref` gives, and which attributes there are, in the service's own forms. */
import { createHash } from "node:crypto";
import type { Value } from "./assembly.ts";
import {
  type Account,
  type ResourcePlace,
  type ResourceValues,
  TemplateFault,
} from "./evaluation.ts";

interface Known {
  readonly name: string;
  /** A short text that is the same for the same resource and differs between resources. */
  readonly hash: string;
  readonly properties: ResourcePlace["properties"];
  arn(service: string, resource: string): string;
}

interface ResourceType {
  readonly ref: (known: Known) => Value;
  readonly attributes?: Readonly<Record<string, (known: Known) => Value>>;
}

function named(service: string, kind: string): ResourceType {
  return {
    ref: ({ name }) => name,
    attributes: { Arn: ({ arn, name }) => arn(service, `${kind}${name}`) },
  };
}

function identified(prefix: string, attributes: ResourceType["attributes"] = {}): ResourceType {
  return { ref: ({ hash }) => `${prefix}-${hash}`, attributes };
}

function arnOf(service: string, kind: string): ResourceType {
  return { ref: ({ arn, name, hash }) => arn(service, `${kind}/${name}/${hash}`) };
}

const MYSQL_PORT = 3306;
const DATABASE_DOMAIN = "rds.amazonaws.com";

function portOf({ properties }: Known): string {
  return String(properties()["Port"] ?? MYSQL_PORT);
}

/** Types that others do not refer to. */
const ALONE = [
  "AWS::CDK::Metadata",
  "AWS::EC2::Route",
  "AWS::EC2::SubnetRouteTableAssociation",
  "AWS::EC2::VPCGatewayAttachment",
  "AWS::EC2::SecurityGroupEgress",
  "AWS::EC2::SecurityGroupIngress",
  "AWS::EC2::FlowLog",
  "AWS::ApplicationAutoScaling::ScalingPolicy",
  "AWS::CloudWatch::Dashboard",
  "AWS::IAM::Policy",
  "AWS::Lambda::Permission",
  "AWS::ApiGatewayV2::Stage",
] as const;

const TYPES: Readonly<Record<string, ResourceType>> = {
  ...Object.fromEntries(ALONE.map((type) => [type, { ref: ({ name }: Known) => name }])),
  "AWS::EC2::VPC": identified("vpc", {
    CidrBlock: ({ properties }) => properties()["CidrBlock"] ?? "",
  }),
  "AWS::EC2::Subnet": identified("subnet"),
  "AWS::EC2::RouteTable": identified("rtb"),
  "AWS::EC2::InternetGateway": identified("igw"),
  "AWS::EC2::NatGateway": identified("nat"),
  "AWS::EC2::EIP": identified("eip", { AllocationId: ({ hash }) => `eipalloc-${hash}` }),
  "AWS::EC2::SecurityGroup": identified("sg", { GroupId: ({ hash }) => `sg-${hash}` }),
  "AWS::IAM::Role": named("iam", "role/"),
  "AWS::Logs::LogGroup": named("logs", "log-group:"),
  "AWS::CloudWatch::Alarm": named("cloudwatch", "alarm:"),
  "AWS::SecretsManager::Secret": arnOf("secretsmanager", "secret"),
  "AWS::RDS::DBSubnetGroup": { ref: ({ name }) => name.toLowerCase() },
  "AWS::RDS::DBClusterParameterGroup": { ref: ({ name }) => name.toLowerCase() },
  "AWS::RDS::DBCluster": {
    ref: ({ name }) => name.toLowerCase(),
    attributes: {
      "Endpoint.Address": ({ name, hash }) =>
        `${name.toLowerCase()}.cluster-${hash}.us-east-1.${DATABASE_DOMAIN}`,
      "Endpoint.Port": portOf,
      "ReadEndpoint.Address": ({ name, hash }) =>
        `${name.toLowerCase()}.cluster-ro-${hash}.us-east-1.${DATABASE_DOMAIN}`,
      DBClusterArn: ({ arn, name }) => arn("rds", `cluster:${name.toLowerCase()}`),
      "MasterUserSecret.SecretArn": ({ arn, hash }) =>
        arn("secretsmanager", `secret:rds!cluster-${hash}-AbCdEf`),
    },
  },
  "AWS::RDS::DBInstance": {
    ref: ({ name }) => name.toLowerCase(),
    attributes: {
      "Endpoint.Address": ({ name, hash }) =>
        `${name.toLowerCase()}.${hash}.us-east-1.${DATABASE_DOMAIN}`,
      "Endpoint.Port": portOf,
    },
  },
  "AWS::ECS::Cluster": named("ecs", "cluster/"),
  "AWS::ECS::TaskDefinition": { ref: ({ arn, name }) => arn("ecs", `task-definition/${name}:1`) },
  "AWS::ECS::Service": {
    ref: ({ arn, name }) => arn("ecs", `service/${name}`),
    attributes: { Name: ({ name }) => name },
  },
  "AWS::ElasticLoadBalancingV2::LoadBalancer": {
    ref: ({ arn, name, hash }) => arn("elasticloadbalancing", `loadbalancer/net/${name}/${hash}`),
    attributes: {
      DNSName: ({ name, hash }) => `${name.toLowerCase()}-${hash}.elb.us-east-1.amazonaws.com`,
      LoadBalancerFullName: ({ name, hash }) => `net/${name}/${hash}`,
      SecurityGroups: ({ properties }) => properties()["SecurityGroups"] ?? [],
    },
  },
  "AWS::ElasticLoadBalancingV2::Listener": arnOf("elasticloadbalancing", "listener/net"),
  "AWS::ElasticLoadBalancingV2::TargetGroup": {
    ...arnOf("elasticloadbalancing", "targetgroup"),
    attributes: {
      TargetGroupFullName: ({ name, hash }) => `targetgroup/${name}/${hash}`,
      LoadBalancerArns: () => [],
    },
  },
  "AWS::ApplicationAutoScaling::ScalableTarget": {
    ref: ({ name }) => `service/${name}|ecs:service:DesiredCount|ecs`,
  },
  "AWS::Lambda::Function": named("lambda", "function:"),
  "AWS::ApiGatewayV2::Api": {
    ref: ({ hash }) => hash.slice(0, 10),
    attributes: {
      ApiEndpoint: ({ hash }) => `https://${hash.slice(0, 10)}.execute-api.us-east-1.amazonaws.com`,
    },
  },
  "AWS::ApiGatewayV2::Integration": { ref: ({ hash }) => hash.slice(0, 7) },
  "AWS::ApiGatewayV2::Route": { ref: ({ hash }) => hash.slice(0, 7) },
};

const HASH_CHARS = 16;
/** Services whose ARNs name no region. */
const GLOBAL_SERVICES = ["iam"];

/** Values as AWS would make them up, the same on every run. */
export class NamedResources implements ResourceValues {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  ref(at: ResourcePlace): Value {
    return typeOf(at).ref(this.#known(at));
  }

  attribute(at: ResourcePlace, name: string): Value {
    const attribute = typeOf(at).attributes?.[name];
    if (attribute === undefined)
      throw new TemplateFault(`${at.stack}/${at.id}: ${at.type} has no attribute ${name} here`);
    return attribute(this.#known(at));
  }

  #known({ stack, id, properties }: ResourcePlace): Known {
    const { account, region } = this.#account;
    const hash = createHash("sha256").update(`${stack}/${id}`).digest("hex").slice(0, HASH_CHARS);
    const arn = (service: string, resource: string) =>
      `arn:aws:${service}:${GLOBAL_SERVICES.includes(service) ? "" : region}:${account}:${resource}`;
    return { name: id, hash, properties, arn };
  }
}

function typeOf({ stack, id, type }: ResourcePlace): ResourceType {
  const known = TYPES[type];
  if (known === undefined)
    throw new TemplateFault(`${stack}/${id}: the type ${type} is not known here`);
  return known;
}
