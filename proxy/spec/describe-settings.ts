/** The settings as a table: what `docs/settings.md` shows. */
import { type ChangeEffect, changeRuleOf } from "./diff-spec.ts";
import { specJsonSchema } from "./schema.ts";

export interface SettingRow {
  /** `auth[].username`. */
  readonly key: string;
  readonly type: string;
  readonly range: string;
  /** As JSON; `required` and empty (optional, nothing) in words. */
  readonly initial: string;
  /** Empty for a map: its keys say. */
  readonly change: ChangeEffect | "";
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export function describeSettings(): SettingRow[] {
  return rowsOf(specJsonSchema(), "");
}

function rowsOf(schema: JsonSchema, prefix: string): SettingRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const inner = withoutNull(property);
    const row: SettingRow = {
      key,
      type: typeOf(property),
      range: rangeOf(inner),
      initial: initialOf(property, schema.required?.includes(name) ?? false),
      change: inner.properties === undefined ? changeRuleOf(key)[0] : "",
      description: property.description ?? "",
    };
    const entries = inner.items?.properties === undefined ? inner : inner.items;
    return [row, ...rowsOf(entries, entries === inner ? key : `${key}[]`)];
  });
}

function withoutNull(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find((each) => each.type !== "null") ?? schema;
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum !== undefined) return schema.enum.join(", ");
  if (schema.type === "array") {
    const entry = schema.items === undefined ? "" : typeOf(schema.items);
    return entry === "" ? "list" : `list of ${entry}`;
  }
  const words: Record<string, string> = {
    integer: "whole number",
    string: "text",
    boolean: "true, false",
    object: "map",
  };
  return words[schema.type ?? ""] ?? schema.type ?? "";
}

function rangeOf(schema: JsonSchema): string {
  if (schema.type === "integer") return `${schema.minimum}–${schema.maximum}`;
  if (schema.type === "array" && schema.maxItems !== undefined) {
    return schema.maxItems === 0 ? "empty" : `${schema.minItems ?? 0}–${schema.maxItems} entries`;
  }
  if (schema.type === "string" && schema.maxLength !== undefined)
    return `up to ${schema.maxLength} characters`;
  return "";
}

function initialOf(schema: JsonSchema, required: boolean): string {
  if (required) return "required";
  if (schema.default === undefined) return "";
  const inner = withoutNull(schema);
  // The defaults of a map are those of its keys.
  if (inner.properties !== undefined && schema.default !== null) return "";
  return JSON.stringify(schema.default);
}
