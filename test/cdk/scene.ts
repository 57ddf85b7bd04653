/** An evaluated assembly, with the parts that the checks look at picked out. */
import type { StackTemplate, Value } from "../../local/template/assembly.ts";
import { type EvaluatedResource, Evaluation } from "../../local/template/evaluation.ts";
import { Reachability } from "../../local/template/reachability.ts";
import { NamedResources } from "../../local/template/resource-types.ts";
import {
  keyValues,
  listOf,
  mapOf,
  mapsOf,
  type Properties,
  System,
} from "../../local/template/system.ts";
import { parseSpec } from "../../proxy/spec/parse-spec.ts";
import type { ParsedSpec } from "../../proxy/spec/proxy-spec.ts";

export interface Check {
  readonly id: string;
  /** One line for each thing that is wrong. */
  readonly find: (scene: Scene) => string[] | Promise<string[]>;
}

const ACCOUNT = { account: "000000000000", region: "us-east-1" };
const BALANCING = "AWS::ElasticLoadBalancingV2";

export class Scene {
  readonly system: System;
  readonly reach: Reachability;

  constructor(stacks: readonly StackTemplate[]) {
    const evaluation = new Evaluation(stacks, new NamedResources(ACCOUNT), ACCOUNT);
    this.system = new System(evaluation.resources());
    evaluation.outputs();
    this.reach = new Reachability(this.system);
  }

  /** The one resource of a type. */
  one(type: string): EvaluatedResource {
    const [found, ...more] = this.system.ofType(type);
    if (found === undefined || more.length > 0) throw new Error(`${more.length + 1} of ${type}`);
    return found;
  }

  get service(): EvaluatedResource {
    return this.one("AWS::ECS::Service");
  }

  get task(): EvaluatedResource {
    return this.system.byRef("AWS::ECS::TaskDefinition", this.service.properties["TaskDefinition"]);
  }

  /** The proxy's container. */
  get container(): Properties {
    const found = mapsOf(this.task.properties["ContainerDefinitions"]).find(
      (each) => each["Name"] === "sluice",
    );
    return found ?? {};
  }

  get containerPorts(): number[] {
    return mapsOf(this.container["PortMappings"]).map((each) => Number(each["ContainerPort"]));
  }

  get configurationText(): string {
    return keyValues(this.container["Environment"])["SLUICE_CONFIG_TEXT"] ?? "";
  }

  /** As the proxy itself would read it. */
  get configuration(): ParsedSpec {
    return parseSpec(this.configurationText, "SLUICE_CONFIG_TEXT");
  }

  get taskGroups(): readonly Value[] {
    const network = mapOf(
      mapOf(this.service.properties["NetworkConfiguration"])["AwsvpcConfiguration"],
    );
    return listOf(network["SecurityGroups"]);
  }

  get taskSubnets(): readonly Value[] {
    const network = mapOf(
      mapOf(this.service.properties["NetworkConfiguration"])["AwsvpcConfiguration"],
    );
    return listOf(network["Subnets"]);
  }

  get balancer(): EvaluatedResource {
    return this.one(`${BALANCING}::LoadBalancer`);
  }

  get balancerGroups(): readonly Value[] {
    return listOf(this.balancer.properties["SecurityGroups"]);
  }

  get listeners(): EvaluatedResource[] {
    return this.system.ofType(`${BALANCING}::Listener`);
  }

  get targetGroups(): EvaluatedResource[] {
    return this.system.ofType(`${BALANCING}::TargetGroup`);
  }

  /** Service's entry for a target group. */
  attachments(): readonly Properties[] {
    return mapsOf(this.service.properties["LoadBalancers"]);
  }

  get cluster(): EvaluatedResource {
    return this.one("AWS::RDS::DBCluster");
  }

  get databaseGroups(): readonly Value[] {
    return listOf(this.cluster.properties["VpcSecurityGroupIds"]);
  }

  get databasePort(): number {
    return Number(this.cluster.properties["Port"] ?? 3306);
  }

  get function(): EvaluatedResource {
    return this.one("AWS::Lambda::Function");
  }

  get functionGroups(): readonly Value[] {
    return listOf(mapOf(this.function.properties["VpcConfig"])["SecurityGroupIds"]);
  }

  get functionVariables(): Properties {
    return mapOf(mapOf(this.function.properties["Environment"])["Variables"]);
  }
}

/** The lines whose condition does not hold. */
export function unless(...claims: readonly (readonly [holds: boolean, line: string])[]): string[] {
  return claims.filter(([holds]) => !holds).map(([, line]) => line);
}
