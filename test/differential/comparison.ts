import { blotted } from "./allowed-differences.ts";
import type { Told } from "./performer.ts";
import { printable, type Step } from "./script.ts";

/** What may not differ, in one piece. */
export function essence(step: Step, told: Told): Buffer {
  return Buffer.concat(parts(step, told));
}

/** The first parts in which two answers differ, for people. */
export function describeDifference(step: Step, direct: Told, proxied: Told): string {
  const [left, right] = [parts(step, direct), parts(step, proxied)];
  const head = commonLength(left, right);
  const tail = commonLength(left.slice(head).reverse(), right.slice(head).reverse());
  return [
    ` straight: ${left.length} packets, of which ${head + tail} are the same`,
    ...shown(left.slice(head, left.length - tail)),
    ` proxied: ${right.length} packets`,
    ...shown(right.slice(head, right.length - tail)),
  ].join("\n");
}

function commonLength(left: readonly Buffer[], right: readonly Buffer[]): number {
  let same = 0;
  while (same < Math.min(left.length, right.length) && left[same]?.equals(right[same] as Buffer))
    same += 1;
  return same;
}

const SHOWN = 12;

function parts(step: Step, told: Told): Buffer[] {
  return told.flatMap((answer) =>
    typeof answer === "string" ? [Buffer.from(`(${answer})`)] : [...blotted(step, answer)],
  );
}

function shown(packets: readonly Buffer[]): string[] {
  const lines = packets.slice(0, SHOWN).map((packet) => `  ${packetText(packet)}`);
  if (packets.length > SHOWN) lines.push(`  … and ${packets.length - SHOWN} more`);
  return lines;
}

function packetText(packet: Buffer): string {
  const payload = packet.subarray(4);
  const first = payload[0];
  const kind = first === 0xff ? `ERR ${payload.readUInt16LE(1)} ` : first === 0 ? "OK " : "";
  return `#${packet[3]} ${kind}${printable(payload.toString("latin1"), 300)}`;
}
