/** Puts what the schema found into words. Values are never repeated, as a misplaced one may be a password. */
import type * as z from "zod";
import { nearestKey } from "./nearest-key.ts";
import type { KeyPath } from "./places.ts";
import { specJsonSchema } from "./schema.ts";

export interface Explained {
  readonly path: KeyPath;
  /** Point at the key instead of its value. */
  readonly atKey: boolean;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** One issue of the schema, as one or more problems (each unknown key is one). */
export function explainIssue(issue: Issue, input: unknown): Explained[] {
  const path = issue.path as KeyPath;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `unknown key${suggestion(path, key)}`,
    }));
  }
  return [{ path, atKey: false, message: messageOf(issue, valueAt(input, path)) }];
}

function messageOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (value === undefined) return "is required";
      return `must be ${article(issue.expected)}, found ${kindOf(value)}${passwordHint(issue.path)}`;
    case "invalid_value":
      if (value === undefined) return "is required";
      return `must be ${issue.values.map(String).join(" or ")}${nearValue(issue.values.map(String), value)}`;
    case "too_small":
      return bound(issue.origin, "at least", issue.minimum, value);
    case "too_big":
      // A message of our own stands in for the bound where the bound alone would puzzle.
      if (issue.message.startsWith("must")) return issue.message;
      return bound(issue.origin, "at most", issue.maximum, value);
    default:
      return issue.message;
  }
}

function bound(origin: string, words: string, limit: number | bigint, value: unknown): string {
  if (origin === "array") return `must have ${words} ${limit} ${limit === 1 ? "entry" : "entries"}`;
  if (origin === "string") return `must be ${words} ${limit} characters long`;
  return `must be ${words} ${limit}, found ${String(value)}`;
}

function article(expected: string): string {
  const words: Record<string, string> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "a map of keys",
  };
  return words[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  const words: Record<string, string> = {
    string: "a text",
    number: "a number",
    boolean: "true or false",
    object: "a map of keys",
  };
  return words[typeof value] ?? typeof value;
}

function passwordHint(path: readonly PropertyKey[]): string {
  return path.at(-1) === "password"
    ? "; write { env: NAME }, { file: PATH } or { value: TEXT }"
    : "";
}

function nearValue(values: readonly string[], value: unknown): string {
  if (typeof value !== "string") return `, found ${kindOf(value)}`;
  const near = nearestKey(value, values);
  return near === null ? "" : `; did you mean ${near}?`;
}

function suggestion(path: KeyPath, key: string): string {
  const schema = specJsonSchema();
  const here = keysAt(schema, path);
  const near = nearestKey(key, here);
  if (near !== null) return `; did you mean ${near}?`;
  const parents = parentsOf(schema, key, "");
  if (parents.length > 0)
    return `; it belongs ${parents.map((each) => (each === "" ? "at the top" : `under ${each}`)).join(" or ")}`;
  return here.length > 0 ? `; known here: ${here.join(", ")}` : "";
}

interface JsonSchema {
  readonly properties?: Record<string, JsonSchema>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

function keysAt(schema: JsonSchema, path: KeyPath): string[] {
  let node: JsonSchema | undefined = schema;
  for (const part of path) {
    const inner: JsonSchema | undefined = node?.anyOf?.find((each) => each.properties) ?? node;
    node = typeof part === "number" ? inner?.items : inner?.properties?.[part];
  }
  const map = node?.anyOf?.find((each) => each.properties) ?? node;
  return Object.keys(map?.properties ?? {});
}

/** The maps in which a key of exactly this name is known. */
function parentsOf(schema: JsonSchema, key: string, at: string): string[] {
  const maps = [schema, ...(schema.anyOf ?? [])];
  return maps.flatMap((map) => [
    ...(map.properties?.[key] !== undefined ? [at] : []),
    ...Object.entries(map.properties ?? {}).flatMap(([name, each]) =>
      parentsOf(each, key, at === "" ? name : `${at}.${name}`),
    ),
    ...(map.items === undefined ? [] : parentsOf(map.items, key, at)),
  ]);
}

function valueAt(input: unknown, path: KeyPath): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
