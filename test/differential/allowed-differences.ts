import type { Packets } from "./raw-client.ts";
import type { Step } from "./script.ts";

/**
 * Everything in which an answer through the proxy may differ from the server's own: what RDS Proxy itself, or the sharing of
 * connections as such, implies, each a row of docs/fidelity.md; and what a server says now this way, now that. What is masked is masked
 * on both sides.
 */
export interface AllowedDifference {
  readonly id: string;
  readonly why: string;
  /** The answer with what may differ blotted out, or null where this is no such answer. */
  blot(step: Step, packets: Packets): Packets | null;
}

const HEADER = 4;

export const ALLOWED_DIFFERENCES: readonly AllowedDifference[] = [
  {
    id: "connection-id",
    why: "CONNECTION_ID() is that of the connection to the database, as with RDS Proxy",
    blot: (step, packets) => {
      if (step.do !== "query" || !/^SELECT CONNECTION_ID\(\)$/.test(step.sql)) return null;
      return packets.map((packet) =>
        packet[HEADER] === packet.length - HEADER - 1 ? Buffer.from("(connection id)") : packet,
      );
    },
  },
  {
    id: "stale-warning-count",
    why: "MySQL repeats the warnings of the statement before in the OK of COM_INIT_DB and COM_SET_OPTION, wherever that statement ran",
    blot: (step, packets) => {
      const first = packets[0];
      const isMeant = step.do === "init-db" || step.do === "set-option";
      if (!isMeant || first === undefined || first[HEADER] === 0xff) return null;
      const blotted = Buffer.from(first);
      const isEof = first.length === HEADER + 5;
      blotted.fill(0, HEADER + (isEof ? 1 : 5), HEADER + (isEof ? 3 : 7));
      return [blotted];
    },
  },
  {
    id: "information-schema",
    why: "MySQL says in two ways, 1109 and 1146, that information_schema has no such table; on one connection, too",
    blot: (step, packets) => {
      const first = packets[0];
      if (step.do !== "query" || first === undefined || first[HEADER] !== 0xff) return null;
      const says = /42S02(?:Unknown table 'A' in information_schema|Table 'information_schema\.A')/;
      return says.test(first.toString("latin1")) ? [Buffer.from("(no such table)")] : null;
    },
  },
  {
    id: "stale-cursor-flags",
    why: "MariaDB leaves flags of an earlier cursor on the connection in the EOF packets of other commands",
    blot: (step, packets) => {
      if ((step.do !== "prepare" && step.do !== "query") || packets[0]?.[HEADER] === 0xff)
        return null;
      return packets.map((packet, i) => {
        if (i === 0 || packet.length !== HEADER + 5 || packet[HEADER] !== 0xfe) return packet;
        const blotted = Buffer.from(packet);
        blotted[HEADER + 3] = (packet[HEADER + 3] as number) & ~0xc0;
        return blotted;
      });
    },
  },
  {
    id: "statement-id",
    why: "ids of prepared statements count up on each connection to the database",
    blot: (step, packets) => {
      const first = packets[0];
      if (first === undefined) return null;
      if (step.do === "prepare" && first[HEADER] === 0) {
        const blotted = Buffer.from(first);
        blotted.fill(0, HEADER + 1, HEADER + 5);
        return [blotted, ...packets.slice(1)];
      }
      if (first[HEADER] !== 0xff) return null;
      const text = first.toString("latin1");
      const without = text.replace(/(statement|handler) \(\d+\)/, "$1 (id)");
      return without === text ? null : [Buffer.from(without.slice(1), "latin1")];
    },
  },
];

/** The answer with everything blotted out that may differ. */
export function blotted(step: Step, packets: Packets): Packets {
  let rest = packets;
  for (const { blot } of ALLOWED_DIFFERENCES) rest = blot(step, rest) ?? rest;
  return rest;
}
