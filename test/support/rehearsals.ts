import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const SLUICE = process.env["UP_TRIAL"] ?? join(import.meta.dirname, "../../bin/sluice");

/** What `sluice failover --json` prints, as its users read it. */
export interface RehearsalDocument {
  readonly timeline: readonly { readonly event: string; readonly seconds: number | null }[];
  readonly requests: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly statementsPerSecond: number;
  readonly proxyCounts: {
    readonly waited: number;
    readonly retried: number;
    readonly failed: number;
  } | null;
  readonly check: {
    readonly answered: number;
    readonly missing: readonly number[];
    readonly doubled: readonly number[];
  };
}

/** Runs `sluice failover` with its temporary files in this folder, where it looks for running clusters first. */
export async function rehearse(
  folder: string,
  ...args: readonly string[]
): Promise<RehearsalDocument> {
  const { stdout } = await promisify(execFile)(SLUICE, ["failover", "--json", ...args], {
    env: { ...process.env, TMPDIR: folder },
  });
  return JSON.parse(stdout) as RehearsalDocument;
}

export function secondsOf({ timeline }: RehearsalDocument, event: string): number {
  return timeline.find((row) => row.event === event)?.seconds ?? -1;
}
