import type { NormalizedSchema } from "@smithy/core/schema";
import { type AwsFault, commonFault } from "./fault.ts";
import { requiredMembers } from "./service-model.ts";

/** Refuses an input that does not fit its schema: members missing, unknown, or of another type. */
export function checkInput(value: unknown, schema: NormalizedSchema): void {
  if (!schema.isStructSchema()) return;
  checkValue(value, schema, "");
}

function checkValue(value: unknown, schema: NormalizedSchema, path: string): void {
  if (schema.isStructSchema()) checkStructure(value, schema, path);
  else if (schema.isListSchema()) checkList(value, schema, path);
  else if (schema.isMapSchema()) checkMap(value, schema, path);
  else if (!isSimple(value, schema)) throw wrongType(path);
}

function checkStructure(value: unknown, schema: NormalizedSchema, path: string): void {
  if (!isPlain(value)) throw wrongType(path);
  for (const name of requiredMembers(schema)) {
    if (value[name] === undefined || value[name] === null) {
      const full = path === "" ? name : `${path}.${name}`;
      throw commonFault("MissingParameter", `The request must contain the parameter ${full}`);
    }
  }
  for (const [name, member] of schema.structIterator()) {
    const part = value[name];
    if (part === undefined || part === null) continue;
    checkValue(part, member, path === "" ? name : `${path}.${name}`);
  }
}

function checkList(value: unknown, schema: NormalizedSchema, path: string): void {
  if (!Array.isArray(value)) throw wrongType(path);
  const items = schema.getValueSchema();
  for (const [i, item] of value.entries()) checkValue(item, items, `${path}.${i + 1}`);
}

function checkMap(value: unknown, schema: NormalizedSchema, path: string): void {
  if (!isPlain(value)) throw wrongType(path);
  const values = schema.getValueSchema();
  for (const [key, item] of Object.entries(value)) checkValue(item, values, `${path}.${key}`);
}

function isSimple(value: unknown, schema: NormalizedSchema): boolean {
  if (schema.isStringSchema()) return typeof value === "string";
  if (schema.isBooleanSchema()) return typeof value === "boolean";
  if (schema.isNumericSchema()) return typeof value === "number" && !Number.isNaN(value);
  if (schema.isTimestampSchema()) return value instanceof Date && !Number.isNaN(value.getTime());
  if (schema.isBlobSchema()) return value instanceof Uint8Array;
  return true;
}

/** Members of a document that the schema does not have. The codecs would leave them out without a word. */
export function refuseUnknown(value: unknown, schema: NormalizedSchema, path = ""): void {
  if (schema.isStructSchema() && isPlain(value)) {
    const members = new Map(schema.structIterator());
    for (const [name, part] of Object.entries(value)) {
      const member = members.get(name);
      const full = path === "" ? name : `${path}.${name}`;
      if (member === undefined)
        throw commonFault("UnknownParameter", `The parameter ${full} is not recognized`);
      refuseUnknown(part, member, full);
    }
  } else if (schema.isListSchema() && Array.isArray(value)) {
    const items = schema.getValueSchema();
    for (const [i, item] of value.entries()) refuseUnknown(item, items, `${path}.${i + 1}`);
  } else if (schema.isMapSchema() && isPlain(value)) {
    const values = schema.getValueSchema();
    for (const [key, item] of Object.entries(value)) refuseUnknown(item, values, `${path}.${key}`);
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

function wrongType(path: string): AwsFault {
  return commonFault("MalformedRequest", `The parameter ${path || "(all)"} has the wrong type`);
}
