import type { NormalizedSchema } from "@smithy/core/schema";

/**
 * What a request says and nothing here acts on (windows, retention, classes of storage) is kept and given back where
 * the description has a member of the same name and kind.
 */
export function echoed(input: object, description: NormalizedSchema): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, member] of description.structIterator()) {
    const value = (input as Record<string, unknown>)[name];
    const isSimple =
      (member.isStringSchema() && typeof value === "string") ||
      (member.isBooleanSchema() && typeof value === "boolean") ||
      (member.isNumericSchema() && typeof value === "number");
    if (isSimple && !/Password/.test(name)) kept[name] = value;
  }
  return kept;
}
