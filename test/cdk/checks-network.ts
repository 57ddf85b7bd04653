import type { Value } from "../../local/template/assembly.ts";
import { listOf, mapsOf } from "../../local/template/system.ts";
import { type Check, type Scene, unless } from "./scene.ts";

const HTTPS = 443;
const ADMIN_PORT = 6080;

/** Subnets from which packets reach the internet, and by what. */
function defaultRoutes(scene: Scene): Map<Value, "internet" | "nat"> {
  const { system } = scene;
  const byTable = new Map<Value, "internet" | "nat">();
  for (const { properties } of system.ofType("AWS::EC2::Route")) {
    if (properties["DestinationCidrBlock"] !== "0.0.0.0/0") continue;
    byTable.set(
      properties["RouteTableId"] ?? null,
      properties["GatewayId"] === undefined ? "nat" : "internet",
    );
  }
  const bySubnet = new Map<Value, "internet" | "nat">();
  for (const { properties } of system.ofType("AWS::EC2::SubnetRouteTableAssociation")) {
    const way = byTable.get(properties["RouteTableId"] ?? null);
    if (way !== undefined) bySubnet.set(properties["SubnetId"] ?? null, way);
  }
  return bySubnet;
}

export const NETWORK_CHECKS: readonly Check[] = [
  {
    id: "clients-reach-the-balancer",
    find: (scene) =>
      scene.listeners
        .filter(({ id }) => id.includes("Writer"))
        .map(({ properties }) => Number(properties["Port"]))
        .filter((port) => !scene.reach.canConnect(scene.functionGroups, scene.balancerGroups, port))
        .map((port) => `the function cannot reach the load balancer's port ${port}`),
  },
  {
    id: "balancer-reaches-the-tasks",
    find: (scene) =>
      scene.targetGroups
        .map(({ properties }) => Number(properties["Port"]))
        .filter((port) => !scene.reach.canConnect(scene.balancerGroups, scene.taskGroups, port))
        .map((port) => `the load balancer cannot reach the tasks' port ${port}`),
  },
  {
    id: "balancer-reaches-the-health-port",
    find: (scene) =>
      scene.targetGroups
        .map(({ properties }) => Number(properties["HealthCheckPort"]))
        .filter((port) => !scene.reach.canConnect(scene.balancerGroups, scene.taskGroups, port))
        .map((port) => `health checks cannot reach port ${port}`),
  },
  {
    id: "tasks-reach-the-database",
    find: ({ reach, taskGroups, databaseGroups, databasePort }) =>
      unless([
        reach.canConnect(taskGroups, databaseGroups, databasePort),
        "the tasks cannot reach the database",
      ]),
  },
  {
    id: "everything-reaches-the-aws-api",
    find: ({ reach, taskGroups, functionGroups }) =>
      unless(
        [reach.canLeave(taskGroups, HTTPS), "the tasks cannot reach Secrets Manager"],
        [reach.canLeave(functionGroups, HTTPS), "the function cannot reach Secrets Manager"],
      ),
  },
  {
    id: "clients-stay-away-from-database-and-tasks",
    find: (scene) =>
      unless(
        [
          !scene.reach.canConnect(scene.functionGroups, scene.databaseGroups, scene.databasePort),
          "the function reaches the database past the proxy",
        ],
        ...scene.containerPorts.map(
          (port) =>
            [
              !scene.reach.canConnect(scene.functionGroups, scene.taskGroups, port),
              `the function reaches the tasks' port ${port} past the load balancer`,
            ] as const,
        ),
        [
          !scene.reach.canConnect(scene.functionGroups, scene.balancerGroups, ADMIN_PORT),
          "the function reaches the admin port",
        ],
      ),
  },
  {
    id: "nothing-is-open-to-everybody",
    find: ({ reach }) => reach.openGroups().map((group) => `${group} lets in from everywhere`),
  },
  {
    id: "nothing-connects-to-the-function",
    find: ({ system, functionGroups }) =>
      system
        .ofType("AWS::EC2::SecurityGroupIngress")
        .filter(({ properties }) => functionGroups.includes(properties["GroupId"] ?? null))
        .map(({ id }) => `${id} opens the function`),
  },
  {
    id: "subnets-are-of-the-right-kind",
    find: (scene) => {
      const routes = defaultRoutes(scene);
      const databaseSubnets = listOf(scene.one("AWS::RDS::DBSubnetGroup").properties["SubnetIds"]);
      const functionSubnets = listOf(
        (scene.function.properties["VpcConfig"] as { SubnetIds?: Value }).SubnetIds,
      );
      return unless(
        [databaseSubnets.length >= 2, "the database has fewer than two subnets"],
        [
          databaseSubnets.every((each) => !routes.has(each)),
          "the database has a way to the internet",
        ],
        [
          scene.taskSubnets.length >= 2 &&
            scene.taskSubnets.every((each) => routes.get(each) === "nat"),
          "the tasks need private subnets with a way out",
        ],
        [
          functionSubnets.every((each) => routes.get(each) === "nat"),
          "the function needs private subnets with a way out",
        ],
        [
          listOf(scene.balancer.properties["Subnets"]).every(
            (each) => routes.get(each) !== "internet",
          ),
          "the load balancer is in a public subnet",
        ],
      );
    },
  },
  {
    id: "the-network-keeps-a-flow-log",
    find: ({ system }) => unless([system.ofType("AWS::EC2::FlowLog").length === 1, "no flow log"]),
  },
  {
    id: "logs-do-not-grow-for-ever",
    find: ({ system }) =>
      system
        .ofType("AWS::Logs::LogGroup")
        .filter(({ properties }) => !(Number(properties["RetentionInDays"]) > 0))
        .map(({ id }) => `${id} has no retention`),
  },
  {
    id: "ingress-says-what-for",
    find: ({ system }) =>
      [
        ...system.ofType("AWS::EC2::SecurityGroupIngress"),
        ...system
          .ofType("AWS::EC2::SecurityGroup")
          .flatMap(({ id, properties }) =>
            mapsOf(properties["SecurityGroupIngress"]).map((each) => ({ id, properties: each })),
          ),
      ]
        .filter(({ properties }) => properties["IpProtocol"] !== "tcp")
        .map(({ id }) => `${id} opens more than TCP`),
  },
];
