import type { Case, Values } from "./case.ts";
import type { Context } from "./context.ts";
import { shuffled } from "./stats.ts";

/** What one peer did in one cell (case and threads) of one round. */
export interface Sample {
  case: string;
  threads: number | null;
  round: number;
  peer: string;
  values: Values;
}

/** A cell that could not be measured, or was left out, and why. */
export interface Gap {
  case: string;
  threads: number | null;
  round: number;
  peer: string;
  reason: string;
}

export interface Measured {
  samples: Sample[];
  gaps: Gap[];
}

export interface Plan {
  cases: readonly Case[];
  threads: readonly number[];
  rounds: number;
}

/** Whatever else happens on the machine changes over minutes: each round measures every peer, in a new random order. */
export async function measureRounds(
  context: Context,
  plan: Plan,
  say: (line: string) => void,
): Promise<Measured> {
  const measured: Measured = { samples: [], gaps: [] };
  for (let round = 1; round <= plan.rounds; round++) {
    for (const one of plan.cases) {
      for (const threads of one.threaded ? plan.threads : [null]) {
        if (context.signal.aborted) return measured;
        await measureCell({ context, one, threads, round, measured, say });
      }
    }
  }
  return measured;
}

interface Cell {
  context: Context;
  one: Case;
  threads: number | null;
  round: number;
  measured: Measured;
  say: (line: string) => void;
}

async function measureCell({ context, one, threads, round, measured, say }: Cell): Promise<void> {
  const name = threads === null ? one.name : `${one.name} ${threads}`;
  const keep = (peer: string, values: Values) => {
    measured.samples.push({ case: one.name, threads, round, peer, values });
    say(`round ${round}  ${name}  ${peer}: ${brief(one, values)}`);
  };
  const miss = (peer: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    measured.gaps.push({ case: one.name, threads, round, peer, reason });
    say(`round ${round}  ${name}  ${peer}: ${reason}`);
  };
  if ("measureAll" in one) {
    try {
      for (const [peer, values] of await one.measureAll(context)) keep(peer, values);
    } catch (error) {
      miss("all", error);
    }
    return;
  }
  for (const peer of shuffled(context.peers)) {
    if (context.signal.aborted) return;
    try {
      keep(peer.name, await one.measure(context, peer, threads ?? 1));
    } catch (error) {
      miss(peer.name, error);
    }
  }
}

/** The first columns that have a value. */
function brief(one: Case, values: Values): string {
  return one.columns
    .filter(({ key }) => values[key] !== undefined)
    .slice(0, 4)
    .map(({ key, title, digits }) => `${title} ${values[key]!.toFixed(digits)}`)
    .join(", ");
}
