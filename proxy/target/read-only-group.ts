import { Role } from "../pool/role.ts";
import { type Judgement, judgeReader, type Member, type Standing } from "./judgement.ts";
import type { Node } from "./node.ts";

/** Roles by the servers' own read-only switches. The members are the servers of the list. */
export function judgeByReadOnly(nodes: readonly Node[], standing: Standing): Judgement {
  const chosen = chooseWriter(nodes, standing.writerKey);
  const lastKey = chosen?.key ?? standing.writerKey;
  const members = nodes.map((node): Member => {
    if (node === chosen) return asWriter(node);
    // Once another one stands, a silent former writer is nobody.
    const last = { ...standing, writerKey: chosen === null ? lastKey : null };
    return judgeReader({ id: node.key, node }, node.sighting?.lagMs ?? null, last);
  });
  return { writer: members.find(({ node }) => node === chosen) ?? null, members };
}

function asWriter(node: Node): Member {
  return {
    id: node.key,
    node,
    role: Role.READ_WRITE,
    accepting: true,
    lagMs: null,
    problem: null,
  };
}

/**
 * Who takes writes is the writer. Where several do, the present one stays; without it, the one that began to last: a
 * server is promoted by letting it write, and one that could from the start may be a former writer, come back. The first
 * choice waits until all have been asked.
 */
function chooseWriter(nodes: readonly Node[], writerKey: string | null): Node | null {
  const claiming = nodes.filter((node) => node.takesWrites);
  const present = claiming.find((node) => node.key === writerKey);
  if (present !== undefined) return present;
  if (writerKey === null && nodes.some((node) => !node.asked)) return null;
  if (claiming.length <= 1) return claiming[0] ?? null;
  const risen = claiming.filter((node) => node.risenAtMs > 0);
  const last = Math.max(...risen.map((node) => node.risenAtMs));
  const newest = risen.filter((node) => node.risenAtMs === last);
  return newest.length === 1 ? (newest[0] as Node) : null;
}
