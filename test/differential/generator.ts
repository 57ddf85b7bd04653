import type { Engine } from "../../local/engine.ts";
import { DATA } from "./phrases-data.ts";
import { PINNING } from "./phrases-pinning.ts";
import { pristine, SESSION } from "./phrases-session.ts";
import { STATEMENTS } from "./phrases-statements.ts";
import { Random } from "./random.ts";
import { LOGIN_CHARSETS, type Phrases, Scene } from "./scene.ts";
import type { Script } from "./script.ts";

export interface ScriptOptions {
  readonly seed: string;
  readonly engine: Engine;
  readonly number: number;
  /** At least so many steps. */
  readonly steps: number;
}

/** Part of the scripts that pin, at some point. The others never do, and so share backends all the way. */
const PINNING_SHARE = 0.3;

/** The script of this number: always the same one for the same options. */
export function makeScript(options: ScriptOptions): Script {
  const { seed, engine, number, steps } = options;
  const random = new Random(`${seed}/${engine}/${number}`);
  const pins = random.chance(PINNING_SHARE);
  const profile = random.weighted([
    [7, "modern"],
    [2, "plain"],
    [1, "odd"],
  ] as const);
  const schema = `diff_${number}`;
  const scene = new Scene({ random, engine, schema, profile });
  const pinFrom = pins ? random.pick([0, steps / 2, steps * 0.8]) : Number.POSITIVE_INFINITY;
  const charset = random.pick(LOGIN_CHARSETS[engine]);
  pristine(scene);
  scene.query(`USE ${schema}`);
  if (random.chance(0.6)) scene.query("SET NAMES utf8mb4");
  const shared: Phrases = [...DATA, ...SESSION, ...STATEMENTS];
  const pinned: Phrases = [...shared, ...PINNING];
  while (scene.steps.length < steps) {
    scene.mayPin = scene.steps.length >= pinFrom;
    random.weighted(scene.mayPin ? pinned : shared)(scene);
  }
  return { seed, engine, schema, profile, charset, pins, steps: scene.steps };
}
