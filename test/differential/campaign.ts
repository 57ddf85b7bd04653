import { setTimeout as pause } from "node:timers/promises";
import { describeDifference, essence } from "./comparison.ts";
import { makeScript } from "./generator.ts";
import { perform, type Stage, type Told } from "./performer.ts";
import type { Script } from "./script.ts";
import type { Theatre } from "./theatre.ts";

export interface CampaignOptions {
  readonly theatre: Theatre;
  readonly seed: string;
  /** Numbers of the scripts. */
  readonly first: number;
  readonly count: number;
  /** At least so many statements in each script. */
  readonly steps: number;
  /** Clients at once, of which so many may pin. */
  readonly clients: number;
  readonly pinningClients: number;
  readonly onMismatch: (mismatch: Mismatch) => void;
  readonly onProgress: (done: number) => void;
}

export interface Mismatch {
  readonly script: Script;
  readonly number: number;
  readonly index: number;
  readonly difference: string;
  /** The server contradicts itself: a defect of the script, not of the proxy. */
  readonly unstable: boolean;
}

export interface CampaignResult {
  readonly scripts: number;
  readonly statements: number;
  readonly pinning: number;
  readonly mismatches: number;
  /** Scripts to which the server itself says now this, now that. */
  readonly unstable: number;
}

/** What the server said to a whole script. */
export interface Original {
  readonly script: Script;
  readonly number: number;
  readonly told: readonly Told[];
}

/** Plays every script straight at the server, then through the proxy among many others, and compares. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { theatre, clients, pinningClients } = options;
  const ready = { pins: [] as Original[], shares: [] as Original[] };
  const totals = { scripts: 0, statements: 0, pinning: 0, mismatches: 0, unstable: 0 };
  let next = options.first;
  let recording = 0;
  const end = options.first + options.count;

  async function record(): Promise<void> {
    while (next < end) {
      if (ready.pins.length + ready.shares.length > clients * 2) {
        await pause(10);
        continue;
      }
      const number = next++;
      recording += 1;
      const original = await recordOriginal(theatre, makeNumbered(options, number), number);
      recording -= 1;
      (original.script.pins ? ready.pins : ready.shares).push(original);
    }
  }

  async function play(queue: Original[]): Promise<void> {
    for (;;) {
      const original = queue.shift();
      if (original === undefined) {
        if (next >= end && recording === 0) return;
        await pause(10);
        continue;
      }
      const mismatch = await compare(theatre, original);
      totals.scripts += 1;
      totals.statements += original.script.steps.length;
      if (original.script.pins) totals.pinning += 1;
      if (mismatch !== null) {
        if (mismatch.unstable) totals.unstable += 1;
        else totals.mismatches += 1;
        options.onMismatch(mismatch);
      }
      options.onProgress(totals.scripts);
    }
  }

  const players = Array.from({ length: clients }, (_, i) =>
    play(i < pinningClients ? ready.pins : ready.shares),
  );
  await Promise.all([record(), record(), record(), record(), ...players]);
  return totals;
}

function makeNumbered(options: CampaignOptions, number: number): Script {
  const { seed, steps, theatre } = options;
  return makeScript({ seed, engine: theatre.engine, number, steps });
}

/** Plays a script straight at the server. */
export async function recordOriginal(
  theatre: Theatre,
  script: Script,
  number: number,
): Promise<Original> {
  return { script, number, told: await performance(theatre, script, theatre.direct) };
}

async function performance(theatre: Theatre, script: Script, stage: Stage): Promise<Told[]> {
  const all: Told[] = [];
  await theatre.setUp(script);
  await perform(script, stage, (told) => {
    all.push(told);
    return true;
  });
  await theatre.tearDown(script.schema);
  return all;
}

/** Plays a script through the proxy up to the first difference. */
export async function compare(theatre: Theatre, original: Original): Promise<Mismatch | null> {
  const { script, number } = original;
  const found: { index: number; told: Told }[] = [];
  await theatre.setUp(script);
  await perform(script, theatre.proxied, (told, index) => {
    const step = script.steps[index] as Script["steps"][number];
    const wanted = original.told[index] as Told;
    if (essence(step, told).equals(essence(step, wanted))) return true;
    found.push({ index, told });
    return false;
  });
  await theatre.tearDown(script.schema);
  const first = found[0];
  if (first === undefined) return null;
  const { index } = first;
  const step = script.steps[index] as Script["steps"][number];
  const again = (await performance(theatre, script, theatre.direct))[index] as Told;
  const unstable = !essence(step, again).equals(essence(step, original.told[index] as Told));
  return {
    script,
    number,
    index,
    difference: describeDifference(
      step,
      original.told[index] as Told,
      unstable ? again : first.told,
    ),
    unstable,
  };
}
