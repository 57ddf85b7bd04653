import { NO_ROLE, Role, type TargetRole } from "../pool/role.ts";
import type { Node } from "./node.ts";

/** Why a member gets no sessions though it has a role, or has none. */
export type MemberProblem =
  | "unseen"
  | "unreachable"
  | "refused"
  | "lag"
  | "second-writer"
  | "other-instance";

/** One server of a target group, and what it may be used for. */
export interface Member {
  readonly id: string;
  readonly node: Node;
  readonly role: TargetRole;
  readonly accepting: boolean;
  readonly lagMs: number | null;
  readonly problem: MemberProblem | null;
}

/** What the last answers of all servers mean together. */
export interface Judgement {
  /** The server that proved to take writes. */
  readonly writer: Member | null;
  readonly members: readonly Member[];
}

/** What of an earlier judgement the next one depends on. */
export interface Standing {
  /** Key of the node that was the last to be writer, whether or not it still is. */
  readonly writerKey: string | null;
  /** It took writes when it was asked last. */
  readonly maxLagMs: number;
}

/** A server that is no writer: what it may be used for. */
export function judgeReader(
  { id, node }: { readonly id: string; readonly node: Node },
  lagMs: number | null,
  { writerKey, maxLagMs }: Standing,
): Member {
  const member = { id, node, lagMs };
  if (node.sighting === null) return { ...member, ...NOT_USED, problem: "unseen" };
  if (node.takesWrites) return { ...member, ...NOT_USED, problem: "second-writer" };
  if (node.refusesWrites) {
    const isLate = lagMs !== null && lagMs > maxLagMs;
    const problem = !node.alive ? "unreachable" : isLate ? "lag" : null;
    return { ...member, role: Role.READ_ONLY, accepting: problem === null, problem };
  }
  // It took writes when it was heard last, and is silent, or has refused one since.
  const isLastWriter = node.key === writerKey && !node.alive;
  if (!isLastWriter)
    return { ...member, ...NOT_USED, problem: node.alive ? "refused" : "unreachable" };
  return { ...member, role: Role.READ_WRITE, accepting: false, problem: "unreachable" };
}

const NOT_USED = { role: NO_ROLE, accepting: false } as const;
