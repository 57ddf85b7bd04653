import type { NormalizedSchema } from "@smithy/core/schema";

/** Texts that each protocol has to escape in its own way. */
const TEXT = 'a <b> & "c" é+%20 / 1';
const TIME = new Date("2026-01-31T23:59:58Z");

/** A value of the schema with every member filled, lists with two items, maps with two entries. */
export function fullSample(schema: NormalizedSchema, depth = 0, name = "x"): unknown {
  if (schema.isStructSchema()) return fullStructure(schema, depth);
  if (schema.isListSchema()) {
    const items = schema.getValueSchema();
    return [fullSample(items, depth + 1, `${name}1`), fullSample(items, depth + 1, `${name}2`)];
  }
  if (schema.isMapSchema()) {
    const values = schema.getValueSchema();
    return {
      one: fullSample(values, depth + 1, "one"),
      "t w&o": fullSample(values, depth + 1, "two"),
    };
  }
  if (schema.isBooleanSchema()) return true;
  if (schema.isNumericSchema()) return 42;
  if (schema.isTimestampSchema()) return TIME;
  if (schema.isBlobSchema()) return new Uint8Array([0, 1, 254, 255]);
  return `${name} ${TEXT}`;
}

/** Deep enough for every shape that is served; those that contain themselves end here. */
const DEPTH_MAX = 8;

function fullStructure(schema: NormalizedSchema, depth: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  if (depth > DEPTH_MAX) return value;
  for (const [name, member] of schema.structIterator()) {
    value[name] = fullSample(member, depth + 1, name);
    if (schema.isUnionSchema()) break;
  }
  return value;
}

/** How many members there are at all, for tests that must not look at nothing. */
export function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  if (value instanceof Date || value instanceof Uint8Array) return 1;
  return Object.values(value).reduce((sum: number, each) => sum + countMembers(each), 0);
}
