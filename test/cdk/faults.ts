/**
 * Mistakes that somebody could make in the stacks, each as a change of the synthesised templates, with the check that has to
 * notice it: one of the wiring checks, the evaluation of the template itself, or CDK's validator.
 */

/** Templates of one stage by stack, free to be changed. */
export type Templates = Record<"network" | "database" | "proxy" | "webhook", LooseTemplate>;

export interface LooseResource {
  readonly Type: string;
  Properties: Record<string, unknown>;
}

export interface LooseTemplate {
  readonly Resources: Record<string, LooseResource>;
  readonly Outputs: Record<string, unknown>;
}

export interface Fault {
  readonly says: string;
  readonly by: string;
  readonly change: (templates: Templates) => void;
}

type Part = keyof Templates;
type Loose = Record<string, unknown>;

function entry(template: LooseTemplate, type: string, named = ""): [string, LooseResource] {
  const found = Object.entries(template.Resources).find(
    ([id, resource]) => resource.Type === type && id.includes(named),
  );
  if (found === undefined) throw new Error(`there is no ${type} ${named}`);
  return found;
}

function props(template: LooseTemplate, type: string, named = ""): Loose {
  return entry(template, type, named)[1].Properties;
}

function drop(template: LooseTemplate, type: string, is: (properties: Loose) => boolean): void {
  const found = Object.entries(template.Resources).find(
    ([, resource]) => resource.Type === type && is(resource.Properties),
  );
  if (found === undefined) throw new Error(`there is no such ${type}`);
  delete template.Resources[found[0]];
}

/** Sets or, with undefined, takes away one property. */
function set(part: Part, type: string, key: string, value: unknown, named = "") {
  return (templates: Templates): void => {
    const properties = props(templates[part], type, named);
    if (value === undefined) delete properties[key];
    else properties[key] = value;
  };
}

function container(templates: Templates): Loose {
  const [first] = props(templates.proxy, TASK)["ContainerDefinitions"] as Loose[];
  return first!;
}

function setContainer(key: string, value: unknown) {
  return (templates: Templates): void => {
    if (value === undefined) delete container(templates)[key];
    else container(templates)[key] = value;
  };
}

/** Changes the text of the proxy's configuration, whose references stay. */
function configure(from: string | RegExp, to: string) {
  return (templates: Templates): void => {
    const [variable] = container(templates)["Environment"] as { Value: unknown }[];
    const before = JSON.stringify(variable!.Value);
    const after = before.replace(from, to);
    if (after === before) throw new Error(`the configuration has no ${from}`);
    variable!.Value = JSON.parse(after);
  };
}

function attribute(type: string, list: string, key: string, value: string) {
  return ({ proxy }: Templates): void => {
    const attributes = props(proxy, type)[list] as { Key: string; Value: string }[];
    const found = attributes.find((each) => each.Key === key);
    if (found === undefined) throw new Error(`there is no attribute ${key}`);
    found.Value = value;
  };
}

/** Statements of the policies of a part that hold an action. */
function statementWith(template: LooseTemplate, action: string): Loose {
  const documents = Object.values(template.Resources).flatMap(({ Type, Properties }) => {
    if (Type === "AWS::IAM::Policy") return [Properties["PolicyDocument"]];
    if (Type !== "AWS::IAM::Role") return [];
    return ((Properties["Policies"] ?? []) as Loose[]).map((each) => each["PolicyDocument"]);
  });
  const statements = documents.flatMap((each) => (each as { Statement: Loose[] }).Statement);
  const found = statements.find((each) => [each["Action"]].flat().includes(action));
  if (found === undefined) throw new Error(`nothing allows ${action}`);
  return found;
}

const TASK = "AWS::ECS::TaskDefinition";
const SERVICE = "AWS::ECS::Service";
const GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER = "AWS::ElasticLoadBalancingV2::Listener";
const BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const SCALABLE = "AWS::ApplicationAutoScaling::ScalableTarget";
const INGRESS = "AWS::EC2::SecurityGroupIngress";
const EGRESS = "AWS::EC2::SecurityGroupEgress";
const SECURITY_GROUP = "AWS::EC2::SecurityGroup";
const FUNCTION = "AWS::Lambda::Function";
const CLUSTER = "AWS::RDS::DBCluster";
const INSTANCE = "AWS::RDS::DBInstance";
const STAGE = "AWS::ApiGatewayV2::Stage";

const NETWORK_FAULTS: readonly Fault[] = [
  {
    says: "no rule lets health checks in",
    by: "balancer-reaches-the-health-port",
    change: ({ proxy }) => drop(proxy, INGRESS, (each) => each["FromPort"] === 6080),
  },
  {
    says: "no rule lets health checks out",
    by: "balancer-reaches-the-health-port",
    change: ({ proxy }) => drop(proxy, EGRESS, (each) => each["FromPort"] === 6080),
  },
  {
    says: "no rule lets clients through to the readers' port",
    by: "balancer-reaches-the-tasks",
    change: ({ proxy }) => drop(proxy, INGRESS, (each) => each["FromPort"] === 6034),
  },
  {
    says: "the database does not let the tasks in",
    by: "tasks-reach-the-database",
    change: ({ proxy }) =>
      drop(proxy, INGRESS, (each) => String(each["Description"]) === "The database"),
  },
  {
    says: "the load balancer does not let the function in",
    by: "clients-reach-the-balancer",
    change: ({ webhook }) => drop(webhook, INGRESS, () => true),
  },
  {
    says: "the function is not let out to the load balancer",
    by: "clients-reach-the-balancer",
    change: ({ webhook }) => drop(webhook, EGRESS, () => true),
  },
  {
    says: "the tasks are not let out to Secrets Manager",
    by: "everything-reaches-the-aws-api",
    change: set("proxy", SECURITY_GROUP, "SecurityGroupEgress", [], "TaskGroup"),
  },
  {
    says: "the load balancer is open to the world",
    by: "nothing-is-open-to-everybody",
    change: set(
      "proxy",
      SECURITY_GROUP,
      "SecurityGroupIngress",
      [{ CidrIp: "0.0.0.0/0", IpProtocol: "tcp", FromPort: 3306, ToPort: 3306 }],
      "ClientGroup",
    ),
  },
  {
    says: "the database lets the function in past the proxy",
    by: "clients-stay-away-from-database-and-tasks",
    change: ({ proxy, webhook }) => {
      const { GroupId } = Object.values(proxy.Resources).find(
        (each) => each.Type === INGRESS && each.Properties["Description"] === "The database",
      )!.Properties;
      const [id] = entry(webhook, SECURITY_GROUP, "Group");
      const rule = { IpProtocol: "tcp", FromPort: 3306, ToPort: 3306 };
      const self = { "Fn::GetAtt": [id, "GroupId"] };
      webhook.Resources["Past"] = {
        Type: INGRESS,
        Properties: { ...rule, GroupId, SourceSecurityGroupId: self },
      };
      webhook.Resources["Out"] = {
        Type: EGRESS,
        Properties: { ...rule, GroupId: self, DestinationSecurityGroupId: GroupId },
      };
    },
  },
  {
    says: "a rule opens the function",
    by: "nothing-connects-to-the-function",
    change: ({ webhook }) => {
      const [id] = entry(webhook, SECURITY_GROUP, "Group");
      const self = { "Fn::GetAtt": [id, "GroupId"] };
      webhook.Resources["In"] = {
        Type: INGRESS,
        Properties: {
          IpProtocol: "tcp",
          FromPort: 3306,
          ToPort: 3306,
          GroupId: self,
          SourceSecurityGroupId: self,
        },
      };
    },
  },
  {
    says: "the tasks' way out is gone",
    by: "subnets-are-of-the-right-kind",
    change: ({ network }) =>
      drop(network, "AWS::EC2::Route", (each) => each["NatGatewayId"] !== undefined),
  },
  {
    says: "the database's subnets have a way to the internet",
    by: "subnets-are-of-the-right-kind",
    change: ({ network }) => {
      const [table] = entry(network, "AWS::EC2::RouteTable", "data");
      const { GatewayId } = Object.values(network.Resources).find(
        (each) => each.Type === "AWS::EC2::Route" && each.Properties["GatewayId"] !== undefined,
      )!.Properties;
      network.Resources["Leak"] = {
        Type: "AWS::EC2::Route",
        Properties: { RouteTableId: { Ref: table }, DestinationCidrBlock: "0.0.0.0/0", GatewayId },
      };
    },
  },
  {
    says: "nobody records flows",
    by: "the-network-keeps-a-flow-log",
    change: ({ network }) => drop(network, "AWS::EC2::FlowLog", () => true),
  },
  {
    says: "a log is kept for ever",
    by: "logs-do-not-grow-for-ever",
    change: set("proxy", "AWS::Logs::LogGroup", "RetentionInDays", undefined),
  },
  {
    says: "a rule opens all protocols",
    by: "ingress-says-what-for",
    change: ({ proxy }) => {
      props(proxy, INGRESS)["IpProtocol"] = "-1";
    },
  },
];

const DATABASE_FAULTS: readonly Fault[] = [
  {
    says: "the storage is not encrypted",
    by: "the-database-keeps-its-data-safe",
    change: set("database", CLUSTER, "StorageEncrypted", false),
  },
  {
    says: "a password stands in the template",
    by: "the-database-keeps-its-data-safe",
    change: set("database", CLUSTER, "MasterUserPassword", "hunter2"),
  },
  {
    says: "TLS is optional",
    by: "the-database-refuses-clear-text",
    change: set("database", "AWS::RDS::DBClusterParameterGroup", "Parameters", {}),
  },
  {
    says: "there is no reader",
    by: "the-database-can-fail-over",
    change: ({ database }) => drop(database, INSTANCE, (each) => each["PromotionTier"] === 1),
  },
  {
    says: "an instance is public",
    by: "the-database-can-fail-over",
    change: set("database", INSTANCE, "PubliclyAccessible", true),
  },
  {
    says: "the database is in subnets of another network",
    by: "the-database-is-in-its-own-network",
    change: set("database", "AWS::RDS::DBSubnetGroup", "SubnetIds", ["subnet-1", "subnet-2"]),
  },
  {
    says: "least capacity is above most",
    by: "capacity-has-sensible-bounds",
    change: set("database", CLUSTER, "ServerlessV2ScalingConfiguration", {
      MinCapacity: 8,
      MaxCapacity: 4,
    }),
  },
  {
    says: "the export of the endpoint is gone",
    by: "evaluation",
    change: ({ database }) => {
      const name = Object.keys(database.Outputs).find((each) => each.includes("EndpointAddress"));
      delete database.Outputs[name!];
    },
  },
  {
    says: "an attribute is misspelled",
    by: "evaluation",
    change: ({ database }) => {
      const text = JSON.stringify(database.Outputs).replace("Endpoint.Address", "Endpoint.Adress");
      Object.assign(database.Outputs, JSON.parse(text));
    },
  },
  {
    says: "a reference leads nowhere",
    by: "evaluation",
    change: set("database", INSTANCE, "DBClusterIdentifier", { Ref: "Claster" }),
  },
  {
    says: "a type is misspelled",
    by: "evaluation",
    change: ({ database }) => {
      const [id, { Properties }] = entry(database, INSTANCE);
      database.Resources[id] = { Type: "AWS::RDS::DBInstanse", Properties };
    },
  },
];

const PROXY_FAULTS: readonly Fault[] = [
  {
    says: "a key of the configuration is misspelled",
    by: "the-proxy-can-read-its-configuration",
    change: configure("idleClientTimeout", "idleClientTimout"),
  },
  {
    says: "a setting is out of range",
    by: "the-proxy-can-read-its-configuration",
    change: configure(/connectionBorrowTimeout\\":\d+/, 'connectionBorrowTimeout\\":301'),
  },
  {
    says: "the proxy listens on its loopback",
    by: "the-proxy-listens-where-the-container-is-open",
    change: configure("0.0.0.0", "127.0.0.1"),
  },
  {
    says: "the proxy listens on another port than the container opens",
    by: "the-proxy-listens-where-the-container-is-open",
    change: configure("6033", "6035"),
  },
  {
    says: "the topology is not Aurora's",
    by: "the-proxy-is-told-of-the-cluster",
    change: configure('topology\\":\\"aurora', 'topology\\":\\"static'),
  },
  {
    says: "the database's certificate is not verified",
    by: "the-proxy-is-told-of-the-cluster",
    change: configure("VERIFY_IDENTITY", "REQUIRED"),
  },
  {
    says: "the authorities are in a file that the image does not have",
    by: "the-proxy-is-told-of-the-cluster",
    change: configure("rds-ca.pem", "global-bundle.pem"),
  },
  {
    says: "the discovered instances' names are cut wrongly",
    by: "the-proxy-is-told-of-the-cluster",
    change: configure('".cluster-"', '".cluster"'),
  },
  {
    says: "clients may come in clear text",
    by: "clients-need-tls",
    change: configure('requireTLS\\":true', 'requireTLS\\":false'),
  },
  {
    says: "all tasks together may take more connections than there are",
    by: "connections-fit-into-the-budget",
    change: configure(/maxConnectionsPercent\\":\d+/, 'maxConnectionsPercent\\":90'),
  },
  {
    says: "a deployment runs three times the tasks",
    by: "connections-fit-into-the-budget",
    change: ({ proxy }) => {
      (props(proxy, SERVICE)["DeploymentConfiguration"] as Loose)["MaximumPercent"] = 300;
    },
  },
  {
    says: "scaling goes beyond what the budget was made for",
    by: "connections-fit-into-the-budget",
    change: set("proxy", SCALABLE, "MaxCapacity", 40),
  },
  {
    says: "the root can be written",
    by: "the-container-runs-as-the-image-means",
    change: setContainer("ReadonlyRootFilesystem", false),
  },
  {
    says: "it runs as root",
    by: "the-container-runs-as-the-image-means",
    change: setContainer("User", "root"),
  },
  {
    says: "the image is somebody else's",
    by: "the-container-runs-as-the-image-means",
    change: setContainer("Image", "docker.io/library/sluice:latest"),
  },
  {
    says: "the health command needs a shell",
    by: "the-container-says-how-it-is",
    change: setContainer("HealthCheck", {
      Command: ["CMD-SHELL", "curl -f http://127.0.0.1:6080/healthz"],
      Interval: 10,
      Timeout: 5,
    }),
  },
  {
    says: "the stop time-out is longer than Fargate has",
    by: "sessions-have-time-to-end",
    change: setContainer("StopTimeout", 300),
  },
  {
    says: "the stop time-out is the default, 30 s",
    by: "sessions-have-time-to-end",
    change: setContainer("StopTimeout", undefined),
  },
  {
    says: "targets stay for five minutes after they should leave",
    by: "sessions-have-time-to-end",
    change: attribute(
      GROUP,
      "TargetGroupAttributes",
      "deregistration_delay.timeout_seconds",
      "300",
    ),
  },
  {
    says: "the command lost its metrics",
    by: "the-command-is-one-that-serve-has",
    change: setContainer("Command", ["--log", "json", "--drain", "115"]),
  },
  {
    says: "targets are instances",
    by: "targets-are-addresses-of-tasks",
    change: set("proxy", GROUP, "TargetType", "instance"),
  },
  {
    says: "the service registers a container that is not there",
    by: "targets-are-ports-of-the-container",
    change: ({ proxy }) => {
      (props(proxy, SERVICE)["LoadBalancers"] as Loose[])[0]!["ContainerName"] = "proxy";
    },
  },
  {
    says: "health checks ask a port that the container does not have",
    by: "targets-are-ports-of-the-container",
    change: set("proxy", GROUP, "HealthCheckPort", "8080"),
  },
  {
    says: "the service forgets one of its target groups",
    by: "every-listener-leads-to-the-service",
    change: ({ proxy }) => {
      (props(proxy, SERVICE)["LoadBalancers"] as Loose[]).pop();
    },
  },
  {
    says: "the load balancer ends TLS",
    by: "every-listener-leads-to-the-service",
    change: set("proxy", LISTENER, "Protocol", "TLS"),
  },
  {
    says: "writer and reader are swapped",
    by: "each-endpoint-leads-to-its-role",
    change: ({ proxy }) => {
      const writer = props(proxy, LISTENER, "Writer");
      const reader = props(proxy, LISTENER, "Reader");
      [writer["DefaultActions"], reader["DefaultActions"]] = [
        reader["DefaultActions"],
        writer["DefaultActions"],
      ];
    },
  },
  {
    says: "a database that is away takes the proxies away with it",
    by: "health-is-that-of-the-process",
    change: set("proxy", GROUP, "HealthCheckPath", "/readyz"),
  },
  {
    says: "sessions of an unhealthy target are reset",
    by: "unhealthy-targets-keep-their-sessions",
    change: attribute(
      GROUP,
      "TargetGroupAttributes",
      "target_health_state.unhealthy.connection_termination.enabled",
      "true",
    ),
  },
  {
    says: "the load balancer forgets idle clients before the proxy does",
    by: "the-proxy-times-idle-clients-out-first",
    change: attribute(LISTENER, "ListenerAttributes", "tcp.idle_timeout.seconds", "350"),
  },
  {
    says: "the load balancer faces the internet",
    by: "the-balancer-is-inside",
    change: set("proxy", BALANCER, "Scheme", "internet-facing"),
  },
  {
    says: "the load balancer has no security group",
    by: "the-balancer-is-inside",
    change: set("proxy", BALANCER, "SecurityGroups", undefined),
  },
  {
    says: "a deployment stops half of the tasks first",
    by: "deployments-keep-sessions",
    change: ({ proxy }) => {
      (props(proxy, SERVICE)["DeploymentConfiguration"] as Loose)["MinimumHealthyPercent"] = 50;
    },
  },
  {
    says: "healthy tasks are stopped for balance between zones",
    by: "deployments-keep-sessions",
    change: set("proxy", SERVICE, "AvailabilityZoneRebalancing", "ENABLED"),
  },
  {
    says: "at least more tasks than at most",
    by: "scaling-has-sensible-bounds",
    change: set("proxy", SCALABLE, "MinCapacity", 9),
  },
  {
    says: "the service starts with more tasks than it may have",
    by: "scaling-has-sensible-bounds",
    change: set("proxy", SERVICE, "DesiredCount", 50),
  },
  {
    says: "scaling in ends sessions each minute",
    by: "scaling-in-takes-its-time",
    change: ({ proxy }) => {
      const policy = props(proxy, "AWS::ApplicationAutoScaling::ScalingPolicy");
      (policy["TargetTrackingScalingPolicyConfiguration"] as Loose)["ScaleInCooldown"] = 60;
    },
  },
  {
    says: "an alarm watches a metric that nobody prints",
    by: "metrics-that-are-asked-for-exist",
    change: set("proxy", "AWS::CloudWatch::Alarm", "MetricName", "BorrowTimeout", "BorrowTimeouts"),
  },
  {
    says: "an alarm watches another proxy",
    by: "metrics-that-are-asked-for-exist",
    change: set(
      "proxy",
      "AWS::CloudWatch::Alarm",
      "Dimensions",
      [{ Name: "ProxyName", Value: "other" }],
      "BorrowTimeouts",
    ),
  },
  {
    says: "the dashboard shows a metric that nobody prints",
    by: "the-dashboard-shows-metrics-that-exist",
    change: ({ proxy }) => {
      const dashboard = props(proxy, "AWS::CloudWatch::Dashboard");
      const text = JSON.stringify(dashboard["DashboardBody"]);
      dashboard["DashboardBody"] = JSON.parse(text.replace("SessionsWaiting", "SessionWaiting"));
    },
  },
];

const ROLE_FAULTS: readonly Fault[] = [
  {
    says: "the task may not read its secret",
    by: "the-task-may-read-its-secrets",
    change: ({ proxy }) => {
      statementWith(proxy, "secretsmanager:GetSecretValue")["Resource"] =
        "arn:aws:secretsmanager:us-east-1:0:secret:x";
    },
  },
  {
    says: "the execution role may not write the log",
    by: "the-task-can-be-started",
    change: ({ proxy }) => {
      statementWith(proxy, "logs:PutLogEvents")["Action"] = "logs:CreateLogStream";
    },
  },
  {
    says: "the execution role does not cover a secret of the container",
    by: "the-task-can-be-started",
    change: setContainer("Secrets", [
      {
        Name: "KEY",
        ValueFrom: "arn:aws:secretsmanager:us-east-1:000000000000:secret:key-AbCdEf:value::",
      },
    ]),
  },
  {
    says: "the function may not read the secret",
    by: "the-function-may-do-what-it-does",
    change: ({ webhook }) => {
      statementWith(webhook, "secretsmanager:GetSecretValue")["Effect"] = "Deny";
    },
  },
  {
    says: "the function cannot get its network interface",
    by: "the-function-may-do-what-it-does",
    change: ({ webhook }) => {
      statementWith(webhook, "ec2:CreateNetworkInterface")["Action"] =
        "ec2:DescribeNetworkInterfaces";
    },
  },
  {
    says: "a role trusts another service",
    by: "roles-are-for-their-service",
    change: ({ proxy }) => {
      const document = props(proxy, "AWS::IAM::Role", "TaskRole")["AssumeRolePolicyDocument"] as {
        Statement: { Principal: Loose }[];
      };
      document.Statement[0]!.Principal = { Service: "ec2.amazonaws.com" };
    },
  },
  {
    says: "an action is misspelled",
    by: "actions-exist",
    change: ({ webhook }) => {
      statementWith(webhook, "secretsmanager:GetSecretValue")["Action"] =
        "secretsmanager:GetSecretValues";
    },
  },
  {
    says: "a role may read every secret",
    by: "least-privilege",
    change: ({ proxy }) => {
      statementWith(proxy, "secretsmanager:GetSecretValue")["Resource"] = "*";
    },
  },
  {
    says: "a role may do anything to a secret",
    by: "least-privilege",
    change: ({ proxy }) => {
      statementWith(proxy, "secretsmanager:GetSecretValue")["Action"] = "secretsmanager:*";
    },
  },
];

const WEBHOOK_FAULTS: readonly Fault[] = [
  {
    says: "the function connects to the readers",
    by: "the-function-is-told-of-the-proxy",
    change: ({ webhook }) => {
      const variables = props(webhook, FUNCTION)["Environment"] as { Variables: Loose };
      variables.Variables["PROXY_PORT"] = "3307";
    },
  },
  {
    says: "the handler has another name",
    by: "the-function-runs-its-bundle",
    change: set("webhook", FUNCTION, "Handler", "webhook.handler"),
  },
  {
    says: "the function takes longer than the API waits",
    by: "the-function-answers-before-the-api-gives-up",
    change: set("webhook", FUNCTION, "Timeout", 60),
  },
  {
    says: "any number of environments may connect",
    by: "a-flood-is-bounded",
    change: set("webhook", FUNCTION, "ReservedConcurrentExecutions", undefined),
  },
  {
    says: "nothing throttles the API",
    by: "a-flood-is-bounded",
    change: set("webhook", STAGE, "DefaultRouteSettings", undefined),
  },
  {
    says: "the function would get events of the old format",
    by: "every-route-leads-to-the-function",
    change: set("webhook", "AWS::ApiGatewayV2::Integration", "PayloadFormatVersion", "1.0"),
  },
  {
    says: "only one path is routed",
    by: "every-route-leads-to-the-function",
    change: set("webhook", "AWS::ApiGatewayV2::Route", "RouteKey", "GET /"),
  },
  {
    says: "the API may not call the function",
    by: "the-api-may-call-the-function",
    change: set("webhook", "AWS::Lambda::Permission", "Principal", "sns.amazonaws.com"),
  },
  {
    says: "calls are not logged",
    by: "calls-are-logged",
    change: set("webhook", STAGE, "AccessLogSettings", undefined),
  },
];

/** What the schemas of the types rule out; CDK's validator has them. */
const SCHEMA_FAULTS: readonly Fault[] = [
  {
    says: "a property is misspelled",
    by: "validator",
    change: set("proxy", SERVICE, "DesiredCuont", 2),
  },
  {
    says: "a protocol does not exist",
    by: "validator",
    change: set("proxy", LISTENER, "Protocol", "MYSQL"),
  },
  {
    says: "a required property is missing",
    by: "validator",
    change: set("webhook", FUNCTION, "Code", undefined),
  },
  {
    says: "cpu and memory do not go together",
    by: "validator",
    change: ({ proxy }) => {
      Object.assign(props(proxy, TASK), { Cpu: "256", Memory: "8192" });
    },
  },
  {
    says: "an engine version does not exist",
    by: "validator",
    change: set("database", CLUSTER, "EngineVersion", "8.0.mysql_aurora.3.99.9"),
  },
  {
    says: "a text stands where a list belongs",
    by: "validator",
    change: set("proxy", BALANCER, "Subnets", "all of them"),
  },
  {
    says: "a runtime does not exist",
    by: "validator",
    change: set("webhook", FUNCTION, "Runtime", "nodejs23.x"),
  },
];

export const FAULTS: readonly Fault[] = [
  ...NETWORK_FAULTS,
  ...DATABASE_FAULTS,
  ...PROXY_FAULTS,
  ...ROLE_FAULTS,
  ...WEBHOOK_FAULTS,
  ...SCHEMA_FAULTS,
];
