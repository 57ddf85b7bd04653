import { decodeTextRows, type TextRow } from "../wire/text-result.ts";

/** One instance in the view that an Aurora instance has of its cluster. */
export interface InstanceRow {
  readonly id: string;
  readonly isMaster: boolean;
  /** As the server writes it: later ones sort after earlier ones. */
  readonly updatedAt: string;
  /** Seconds since then by the server's own clock; null where it cannot tell. */
  readonly ageSeconds: number | null;
  /** Milliseconds that a reader is behind; null while unknown. */
  readonly lagMs: number | null;
}

/** What a server said of itself when it was asked. */
export interface Sighting {
  /** When it was asked: whatever happened later, it does not know of. */
  readonly askedAtMs: number;
  readonly maxConnections: number | null;
  /** It refuses writes. */
  readonly readOnly: boolean;
  /** What it calls itself; null outside of Aurora. */
  readonly serverId: string | null;
  /** Its own word on how far behind it is; null where it has none. */
  readonly lagMs: number | null;
  /** Its view of the cluster; null outside of Aurora. */
  readonly rows: readonly InstanceRow[] | null;
}

/** How the servers of a target group are asked for their roles. */
export interface TopologyReader {
  /** Statements, sent together. */
  readonly queries: readonly string[];
  /** Statements up to here must succeed; the others tell more where the monitor's user may run them. */
  readonly required: number;
  /** What the answers mean; null where they are not what was asked for. */
  read(rows: readonly (readonly TextRow[])[], askedAtMs: number): Sighting | null;
}

/** The rows of answers to a reader's queries. One that failed has none. */
export function rowsOf(answers: readonly Uint8Array[], deprecateEof: boolean): TextRow[][] {
  return answers.map((answer) => decodeTextRows(answer, deprecateEof) ?? []);
}

/** Switches are numbers or words, depending on the server and its version. */
export function isOn(value: string | null | undefined): boolean {
  return value !== undefined && value !== null && value !== "0" && value.toUpperCase() !== "OFF";
}

export function limitOf(value: string | null | undefined): number | null {
  const limit = Number(value ?? 0);
  return limit > 0 ? limit : null;
}
