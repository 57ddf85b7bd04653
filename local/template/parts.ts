/** What a template has of the types that can be stood up on this machine, picked out of its resources. */
import type { Value } from "./assembly.ts";
import { type EvaluatedResource, TemplateFault } from "./evaluation.ts";
import { isAllowed, type Statement, statementsOf } from "./permissions.ts";
import { Reachability } from "./reachability.ts";
import { listOf, mapOf, mapsOf, type Properties, type System } from "./system.ts";

const BALANCING = "AWS::ElasticLoadBalancingV2";
const HTTPS = 443;

/** Something with security groups and a role that runs. */
export interface Consumer {
  readonly groups: readonly Value[];
  readonly statements: readonly Statement[];
}

export class Parts {
  readonly system: System;
  readonly reach: Reachability;

  constructor(system: System) {
    this.system = system;
    this.reach = new Reachability(system);
  }

  clusters(): EvaluatedResource[] {
    return this.system.ofType("AWS::RDS::DBCluster");
  }

  /** Instances of a cluster. */
  membersOf(cluster: EvaluatedResource): EvaluatedResource[] {
    return this.system
      .ofType("AWS::RDS::DBInstance")
      .filter(({ properties }) => properties["DBClusterIdentifier"] === cluster.ref);
  }

  balancers(): EvaluatedResource[] {
    return this.system.ofType(`${BALANCING}::LoadBalancer`);
  }

  listenersOf(balancer: EvaluatedResource): EvaluatedResource[] {
    return this.system
      .ofType(`${BALANCING}::Listener`)
      .filter(({ properties }) => properties["LoadBalancerArn"] === balancer.ref);
  }

  targetGroup(arn: Value | undefined): EvaluatedResource {
    return this.system.byRef(`${BALANCING}::TargetGroup`, arn);
  }

  services(): EvaluatedResource[] {
    return this.system.ofType("AWS::ECS::Service");
  }

  taskOf({ properties }: EvaluatedResource): EvaluatedResource {
    return this.system.byRef("AWS::ECS::TaskDefinition", properties["TaskDefinition"]);
  }

  /** The one container of a task; others would need an engine. */
  containerOf(task: EvaluatedResource): Properties {
    const [container, ...more] = mapsOf(task.properties["ContainerDefinitions"]);
    if (container === undefined || more.length > 0)
      throw new TemplateFault(
        `${task.stack}/${task.id}: tasks of one container are run here, it has ${more.length + 1}`,
      );
    return container;
  }

  serviceGroups({ properties }: EvaluatedResource): readonly Value[] {
    const network = mapOf(mapOf(properties["NetworkConfiguration"])["AwsvpcConfiguration"]);
    return listOf(network["SecurityGroups"]);
  }

  taskConsumer(service: EvaluatedResource): Consumer {
    const role = this.taskOf(service).properties["TaskRoleArn"];
    return { groups: this.serviceGroups(service), statements: this.#statements(role) };
  }

  functionConsumer({ properties }: EvaluatedResource): Consumer {
    return {
      groups: listOf(mapOf(properties["VpcConfig"])["SecurityGroupIds"]),
      statements: this.#statements(properties["Role"]),
    };
  }

  /** ECS starts no task whose image, log or secrets its execution role does not cover. */
  checkExecutionRole(task: EvaluatedResource): void {
    const statements = this.#statements(task.properties["ExecutionRoleArn"]);
    const needed: [action: string, resource: string][] = [
      ["ecr:GetAuthorizationToken", "*"],
      ...mapsOf(this.containerOf(task)["Secrets"]).map(
        (each) =>
          [
            "secretsmanager:GetSecretValue",
            String(each["ValueFrom"]).split(":").slice(0, 7).join(":"),
          ] as [string, string],
      ),
    ];
    for (const [action, resource] of needed) {
      if (!isAllowed(statements, action, resource))
        throw new TemplateFault(
          `${task.stack}/${task.id}: its execution role may not ${action} on ${resource}`,
        );
    }
  }

  mayCallAws(consumer: Consumer): boolean {
    return consumer.groups.length === 0 || this.reach.canLeave(consumer.groups, HTTPS);
  }

  #statements(roleArn: Value | undefined): Statement[] {
    return statementsOf(this.system, this.system.byArn("AWS::IAM::Role", roleArn));
  }
}
