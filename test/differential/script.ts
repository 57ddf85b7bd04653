import type { Engine } from "../../local/engine.ts";

/** A value for a parameter of a binary prepared statement. */
export type Parameter = null | number | string;

/** One thing that a client does. SQL is a character for a byte: clients speak in many character sets. */
export type Step =
  | { readonly do: "query"; readonly sql: string }
  | { readonly do: "init-db"; readonly schema: string }
  | { readonly do: "ping" }
  | { readonly do: "reset" }
  | { readonly do: "set-option"; readonly multiStatements: boolean }
  | { readonly do: "field-list"; readonly table: string }
  | {
      readonly do: "change-user";
      readonly user: number;
      readonly schema: string;
      readonly charset: number;
    }
  | { readonly do: "reconnect"; readonly schema: string; readonly charset: number }
  | { readonly do: "prepare"; readonly slot: number; readonly sql: string }
  | {
      readonly do: "execute";
      readonly slot: number;
      readonly parameters: readonly Parameter[];
      readonly cursor: boolean;
    }
  | { readonly do: "fetch"; readonly slot: number; readonly rows: number }
  | {
      readonly do: "long-data";
      readonly slot: number;
      readonly parameter: number;
      readonly data: string;
    }
  | { readonly do: "reset-statement"; readonly slot: number }
  | { readonly do: "close-statement"; readonly slot: number }
  /** Loses a deadlock against a connection of the tester's own. */
  | { readonly do: "deadlock" };

export interface Script {
  /** Seed and number: what it was made from. */
  readonly seed: string;
  readonly engine: Engine;
  /** Its schema; more of its own begin with the same name. */
  readonly schema: string;
  /** Capabilities of its client, by the names in {@link PROFILES}. */
  readonly profile: Profile;
  /** Collation number to log in with. */
  readonly charset: number;
  /** It does what pins a session. */
  readonly pins: boolean;
  readonly steps: readonly Step[];
}

/** Kinds of clients. Few, since backends are not shared between clients of different capabilities. */
export type Profile = "modern" | "plain" | "odd";

export function describeStep(step: Step): string {
  const { do: kind, ...rest } = step;
  if (step.do === "query") return `query ${printable(step.sql)}`;
  return `${kind} ${printable(Object.values(rest).map(String).join(" "))}`.trimEnd();
}

/** Bytes outside of printable ASCII as `\xNN`; long texts cut. */
export function printable(bytes: string, most = 600): string {
  const cut = bytes.length > most ? `${bytes.slice(0, most)}… (${bytes.length} bytes)` : bytes;
  return cut.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\x00-\x1f\x7f-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
