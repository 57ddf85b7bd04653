import type { NormalizedSchema } from "@smithy/core/schema";
import { commonFault } from "./fault.ts";

/**
 * Reads requests of the Query protocol: form parameters whose dotted names spell a path into the input's structure
 * (`Auth.member.1.SecretArn`). The SDK has a writer for them only.
 */
export function readForm(text: string, schema: NormalizedSchema): Record<string, unknown> {
  const root = new Branch("");
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === "Action" || name === "Version" || name.startsWith("X-Amz-")) continue;
    root.put(name, value);
  }
  if (!schema.isStructSchema()) {
    root.refuseRest();
    return {};
  }
  return readStructure(root, schema);
}

const DEPTH_MAX = 32;

class Branch {
  readonly path: string;
  text: string | null = null;
  readonly children = new Map<string, Branch>();

  constructor(path: string) {
    this.path = path;
  }

  put(name: string, value: string): void {
    const parts = name.split(".");
    if (parts.length > DEPTH_MAX) throw malformed(`The parameter ${name} is too deep`);
    let branch: Branch = this;
    for (const part of parts) {
      let child = branch.children.get(part);
      if (child === undefined) {
        child = new Branch(branch.path === "" ? part : `${branch.path}.${part}`);
        branch.children.set(part, child);
      }
      branch = child;
    }
    branch.text = value;
  }

  /** Takes a child out: what is left in the end is unknown. */
  take(name: string): Branch | null {
    const child = this.children.get(name);
    if (child === undefined) return null;
    this.children.delete(name);
    return child;
  }

  refuseRest(): void {
    const [rest] = this.children.values();
    if (rest !== undefined)
      throw commonFault("UnknownParameter", `The parameter ${rest.path} is not recognized`);
  }
}

function readStructure(branch: Branch, schema: NormalizedSchema): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const child = branch.take(nameOf(member, name));
    if (child !== null) value[name] = readValue(child, member);
  }
  branch.refuseRest();
  return value;
}

function readValue(branch: Branch, schema: NormalizedSchema): unknown {
  if (schema.isStructSchema()) return readStructure(branch, schema);
  if (schema.isListSchema()) return readList(branch, schema);
  if (schema.isMapSchema()) return readMap(branch, schema);
  branch.refuseRest();
  return readText(branch.text ?? "", schema, branch.path);
}

/** `Name.member.1`, `Name.<the model's name>.1` or, where the model says so, `Name.1`. `Name=` is an empty list. */
function readList(branch: Branch, schema: NormalizedSchema): unknown[] {
  const items = schema.getValueSchema();
  const isFlat = schema.getMergedTraits().xmlFlattened === 1;
  const holder = isFlat
    ? branch
    : (branch.take(nameOf(items, "member")) ?? branch.take("member") ?? new Branch(branch.path));
  if (!isFlat) branch.refuseRest();
  return inOrder(holder).map((child) => readValue(child, items));
}

function readMap(branch: Branch, schema: NormalizedSchema): Record<string, unknown> {
  const isFlat = schema.getMergedTraits().xmlFlattened === 1;
  const holder = isFlat ? branch : (branch.take("entry") ?? new Branch(branch.path));
  if (!isFlat) branch.refuseRest();
  const [keys, values] = [schema.getKeySchema(), schema.getValueSchema()];
  const map: Record<string, unknown> = {};
  for (const entry of inOrder(holder)) {
    const key = entry.take(nameOf(keys, "key"))?.text;
    const value = entry.take(nameOf(values, "value"));
    entry.refuseRest();
    if (key == null || value === null || key === "__proto__")
      throw malformed(`The parameter ${entry.path} is not a map's entry`);
    map[key] = readValue(value, values);
  }
  return map;
}

function inOrder(holder: Branch): Branch[] {
  const entries = [...holder.children];
  const wrong = entries.find(([name]) => !/^[1-9]\d{0,5}$/.test(name));
  if (wrong !== undefined)
    throw commonFault("UnknownParameter", `The parameter ${wrong[1].path} is not recognized`);
  return entries.sort(([one], [other]) => Number(one) - Number(other)).map(([, child]) => child);
}

function nameOf(member: NormalizedSchema, otherwise: string): string {
  const { xmlName } = member.getMergedTraits() as { readonly xmlName?: string };
  return xmlName ?? otherwise;
}

function readText(text: string, schema: NormalizedSchema, path: string): unknown {
  if (schema.isStringSchema()) return text;
  if (schema.isBooleanSchema()) {
    const lower = text.toLowerCase();
    if (lower === "true" || lower === "false") return lower === "true";
    throw wrong(path, text, "must be true or false");
  }
  if (schema.isNumericSchema()) {
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
    throw wrong(path, text, "must be a number");
  }
  if (schema.isTimestampSchema()) return readTime(text, path);
  if (schema.isBlobSchema()) return new Uint8Array(Buffer.from(text, "base64"));
  return text;
}

/** ISO 8601, or seconds since 1970. */
function readTime(text: string, path: string): Date {
  const time = /^\d+(?:\.\d+)?$/.test(text) ? new Date(Number(text) * 1_000) : new Date(text);
  if (Number.isNaN(time.getTime())) throw wrong(path, text, "must be a time");
  return time;
}

function wrong(path: string, text: string, what: string): Error {
  return commonFault(
    "InvalidParameterValue",
    `Invalid value '${text.slice(0, 200)}' for ${path}: ${what}`,
  );
}

function malformed(message: string): Error {
  return commonFault("MalformedRequest", message);
}
