import type { TargetReason, TargetRole, TargetState } from "../observe/events.ts";
import type { PoolTarget } from "../pool/backend.ts";
import { type TargetRole as PoolRole, Role } from "../pool/role.ts";
import type { EndpointRole } from "../spec/proxy-spec.ts";
import type { Member, MemberProblem } from "../target/judgement.ts";
import type { Node } from "../target/node.ts";
import type { Prober } from "./prober.ts";
import type { WatchedTarget } from "./watched-target.ts";

/** A target whose role is found out, with what is known of it. */
export class TopologyMember implements WatchedTarget {
  readonly target: PoolTarget;
  readonly node: Node;
  role: TargetRole = "UNKNOWN";
  state: TargetState = "REGISTERING";
  reason: TargetReason | null = null;
  description: string | null = null;
  lagMs: number | null = null;
  /** Under which role its numbers are kept now. */
  counted: EndpointRole | null = null;

  constructor(target: PoolTarget, node: Node) {
    this.target = target;
    this.node = node;
  }

  /** Takes over what was found out. Returns whether state or role are others than before. */
  learn({ role, accepting, lagMs, problem, node }: Member, prober: Prober | undefined): boolean {
    const { state: oldState, role: oldRole } = this;
    this.role = roleNamed(role);
    this.lagMs = role === Role.READ_ONLY ? lagMs : null;
    const isNew = !node.asked;
    this.state = accepting ? "AVAILABLE" : isNew ? "REGISTERING" : "UNAVAILABLE";
    this.reason = accepting || isNew ? null : reasonOf(problem, prober);
    this.description = accepting || isNew ? null : descriptionOf(problem, prober);
    return this.state !== oldState || this.role !== oldRole;
  }
}

function reasonOf(problem: MemberProblem | null, prober: Prober | undefined): TargetReason {
  const isUnsound = problem === "lag" || problem === "second-writer" || problem === "refused";
  if (isUnsound) return "INVALID_REPLICATION_STATE";
  return prober?.reason ?? "CONNECTION_FAILED";
}

const DESCRIPTIONS: Record<MemberProblem, string> = {
  unseen: "It has not answered yet.",
  unreachable: "It does not answer.",
  refused: "It has refused a write.",
  lag: "It lags behind.",
  "second-writer": "It takes writes and is not the writer.",
  "other-instance": "Another instance answers at its address.",
};

function descriptionOf(problem: MemberProblem | null, prober: Prober | undefined): string {
  return prober?.detail ?? DESCRIPTIONS[problem ?? "unreachable"];
}

function roleNamed(role: PoolRole): TargetRole {
  if (role === Role.READ_WRITE) return "READ_WRITE";
  return role === Role.READ_ONLY ? "READ_ONLY" : "UNKNOWN";
}

/** Under which role a target's numbers are kept. */
export function countedAs(role: TargetRole): EndpointRole {
  return role === "READ_WRITE" ? "READ_WRITE" : "READ_ONLY";
}
