/** What security groups let through: a packet needs a rule that lets it out and a rule that lets it in. */
import type { Value } from "./assembly.ts";
import { mapsOf, type Properties, type System } from "./system.ts";

interface Rule {
  readonly group: Value;
  /** Another group, or an address range. */
  readonly peer: string;
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
}

const ANYWHERE = ["0.0.0.0/0", "::/0"];

export class Reachability {
  readonly #egress: readonly Rule[];
  readonly #ingress: readonly Rule[];

  constructor(system: System) {
    const groups = system.ofType("AWS::EC2::SecurityGroup");
    const own = (direction: string): Rule[] =>
      groups.flatMap(({ ref, properties }) =>
        mapsOf(properties[direction]).map((each) => ruleOf({ ...each, GroupId: ref })),
      );
    const apart = (type: string): Rule[] =>
      system.ofType(type).map(({ properties }) => ruleOf(properties));
    this.#egress = [
      ...own("SecurityGroupEgress"),
      ...apart("AWS::EC2::SecurityGroupEgress"),
      // A group without any rule of its own lets everything out.
      ...groups.flatMap(({ ref, properties }) =>
        properties["SecurityGroupEgress"] === undefined && !this.#hasEgress(system, ref)
          ? [ruleOf({ GroupId: ref, CidrIp: "0.0.0.0/0", IpProtocol: "-1" })]
          : [],
      ),
    ];
    this.#ingress = [...own("SecurityGroupIngress"), ...apart("AWS::EC2::SecurityGroupIngress")];
  }

  /** Whether somebody with one of `from` may connect to a port of somebody with one of `to`. */
  canConnect(from: readonly Value[], to: readonly Value[], port: number): boolean {
    const out = this.#egress.some(
      (rule) =>
        from.includes(rule.group) &&
        covers(rule, port) &&
        (ANYWHERE.includes(rule.peer) || to.includes(rule.peer)),
    );
    return (
      out &&
      this.#ingress.some(
        (rule) =>
          to.includes(rule.group) &&
          covers(rule, port) &&
          (ANYWHERE.includes(rule.peer) || from.includes(rule.peer)),
      )
    );
  }

  /** Whether one of the groups lets out to any address. */
  canLeave(from: readonly Value[], port: number): boolean {
    return this.#egress.some(
      (rule) => from.includes(rule.group) && covers(rule, port) && ANYWHERE.includes(rule.peer),
    );
  }

  /** Groups that let in from everywhere. */
  openGroups(): Value[] {
    return this.#ingress.filter((rule) => ANYWHERE.includes(rule.peer)).map((rule) => rule.group);
  }

  #hasEgress(system: System, group: Value): boolean {
    return system
      .ofType("AWS::EC2::SecurityGroupEgress")
      .some(({ properties }) => properties["GroupId"] === group);
  }
}

function ruleOf(rule: Properties): Rule {
  const peer =
    rule["SourceSecurityGroupId"] ??
    rule["DestinationSecurityGroupId"] ??
    rule["CidrIp"] ??
    rule["CidrIpv6"];
  return {
    group: rule["GroupId"] ?? null,
    peer: String(peer),
    protocol: String(rule["IpProtocol"]),
    from: Number(rule["FromPort"] ?? 0),
    to: Number(rule["ToPort"] ?? 65_535),
  };
}

function covers({ protocol, from, to }: Rule, port: number): boolean {
  if (protocol === "-1") return true;
  return protocol === "tcp" && from <= port && port <= to;
}
