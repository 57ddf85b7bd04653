import { compare, type Mismatch, recordOriginal } from "./campaign.ts";
import { makeScript } from "./generator.ts";
import { perform } from "./performer.ts";
import type { Script } from "./script.ts";
import type { Theatre } from "./theatre.ts";

export interface ReplayOptions {
  readonly theatre: Theatre;
  readonly seed: string;
  readonly number: number;
  readonly steps: number;
  /** Others that use the proxy meanwhile. */
  readonly clients: number;
  readonly say: (line: string) => void;
}

/** Attempts to see a mismatch again before a shorter script counts as sound. */
const ATTEMPTS = 3;

/** Plays one script among others again, and leaves out of it whatever it fails without. Null where it does not fail. */
export async function replay(options: ReplayOptions): Promise<Mismatch | null> {
  const { theatre, seed, number, steps, say } = options;
  const script = makeScript({ seed, engine: theatre.engine, number, steps });
  const noise = new Noise(options);
  noise.start();
  try {
    let found = await attempt(theatre, script, number);
    if (found === null || found.unstable) return found;
    say(`fails at step ${found.index}; looking for a shorter script`);
    let kept: Script = { ...script, steps: script.steps.slice(0, found.index + 1) };
    for (let size = kept.steps.length >> 1; size >= 1; size >>= 1) {
      for (let from = kept.steps.length - 1 - size; from >= 0; from -= size) {
        const shorter = { ...kept, steps: kept.steps.toSpliced(from, size) };
        const still = await attempt(theatre, shorter, number);
        if (still === null || still.unstable) continue;
        found = still;
        kept = { ...shorter, steps: shorter.steps.slice(0, still.index + 1) };
        from = Math.min(from, kept.steps.length - 1);
      }
      say(`${kept.steps.length} steps are left`);
    }
    return found;
  } finally {
    await noise.stop();
  }
}

async function attempt(theatre: Theatre, script: Script, number: number): Promise<Mismatch | null> {
  const original = await recordOriginal(theatre, script, number);
  for (let i = 0; i < ATTEMPTS; i++) {
    const mismatch = await compare(theatre, original);
    if (mismatch !== null) return mismatch;
  }
  return null;
}

/** Scripts that never pin, over and over, so that the backends are somebody else's most of the time. */
class Noise {
  readonly #options: ReplayOptions;
  #stopped = false;
  #running: Promise<void>[] = [];

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  start(): void {
    const { number, clients } = this.#options;
    for (let i = 1; i <= clients; i++) this.#running.push(this.#play(number + 100_000 * i));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #play(first: number): Promise<void> {
    const { theatre, seed, steps } = this.#options;
    for (let number = first; !this.#stopped; number++) {
      const script = makeScript({ seed, engine: theatre.engine, number, steps });
      if (script.pins) continue;
      await theatre.setUp(script);
      await perform(script, theatre.proxied, () => !this.#stopped);
      await theatre.tearDown(script.schema);
    }
  }
}
