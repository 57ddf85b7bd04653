import type { Engine } from "../../local/engine.ts";
import type { Random } from "./random.ts";
import type { Profile, Step } from "./script.ts";

/** Where the generated ids of a script begin. */
export function baseOf(schema: string): number {
  return (Number(schema.replace(/\D/g, "")) % 200_000) * 10_000;
}

/** Collation numbers that clients log in with. */
export const LOGIN_CHARSETS: Record<Engine, readonly number[]> = {
  mysql: [255, 45, 224, 46, 33, 8, 28, 13, 63],
  mariadb: [45, 224, 46, 33, 8, 28, 13, 63],
};

/** What the generator knows while it makes a script. Errors may prove it wrong: then both sides get the same errors. */
export class Scene {
  readonly random: Random;
  readonly engine: Engine;
  /** Its own schema, and a second one with other defaults. */
  readonly schema: string;
  readonly other: string;
  readonly profile: Profile;
  readonly steps: Step[] = [];
  /** Things that pin may be done from here on. */
  mayPin = false;
  /** The client's character set, as far as known. */
  charset = "utf8mb4";
  /** Schemas made by the script besides its two. */
  readonly made: string[] = [];
  /** Tables made by the script. */
  readonly tables: string[] = [];
  readonly slots: number[] = [];
  #names = 0;

  constructor(options: {
    random: Random;
    engine: Engine;
    schema: string;
    profile: Profile;
  }) {
    this.random = options.random;
    this.engine = options.engine;
    this.schema = options.schema;
    this.other = `${options.schema}_l`;
    this.profile = options.profile;
  }

  get isMysql(): boolean {
    return this.engine === "mysql";
  }

  add(...steps: Step[]): void {
    this.steps.push(...steps);
  }

  query(...texts: string[]): void {
    for (const sql of texts) this.steps.push({ do: "query", sql });
  }

  pick<T>(...from: T[]): T {
    return this.random.pick(from);
  }

  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** A number that no other script makes up. */
  own(number: number): number {
    return baseOf(this.schema) + number;
  }

  number(): number {
    return this.random.between(1, 40);
  }
}

/** Adds steps to a script. */
export type Phrase = (scene: Scene) => void;
export type Phrases = readonly (readonly [weight: number, phrase: Phrase])[];
