import type { Context } from "./context.ts";
import type { Peer } from "./peers.ts";

/** What was measured, by the keys of the case's columns. */
export type Values = Record<string, number>;

export interface Column {
  key: string;
  title: string;
  digits: number;
  /** Also shown: the median of the per-round ratios to these peers. */
  ratioTo?: readonly ("direct" | "haproxy")[];
}

interface CaseBase {
  name: string;
  title: string;
  columns: readonly Column[];
  /** Whether `--threads` applies. */
  threaded: boolean;
}

/** Measured for one peer at a time, peers in random order. */
export interface PeerCase extends CaseBase {
  measure(context: Context, peer: Peer, threads: number): Promise<Values>;
}

/** Measured for all peers in one go. */
interface JointCase extends CaseBase {
  measureAll(context: Context): Promise<Map<string, Values>>;
}

export type Case = PeerCase | JointCase;
