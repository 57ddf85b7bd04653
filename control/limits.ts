import { commonFault } from "./protocol/fault.ts";

/** What the API model says of a member and the SDK's schemas do not. */
export interface Limit {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly oneOf?: readonly string[];
}

/** By operation, then by dotted path; `[]` stands for each item of a list. `*` is for every operation. */
export type Limits = Readonly<Record<string, Readonly<Record<string, Limit>>>>;

/** Makes the check that a service runs over inputs. Lengths of texts and lists, ranges of numbers. */
export function limitCheck(
  limits: Limits,
): (operation: string, input: Record<string, unknown>) => void {
  return (operation, input) => {
    for (const part of [limits["*"], limits[operation]])
      for (const [path, limit] of Object.entries(part ?? {}))
        for (const value of valuesAt(input, path.split("."))) check(value, limit, path);
  };
}

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (value === undefined || value === null) return [];
  const [name, ...rest] = path;
  if (name === undefined) return [value];
  const isList = name.endsWith("[]");
  const part = (value as Record<string, unknown>)[isList ? name.slice(0, -2) : name];
  if (!isList) return valuesAt(part, rest);
  return Array.isArray(part) ? part.flatMap((item) => valuesAt(item, rest)) : [];
}

function check(value: unknown, { min, max, pattern, oneOf }: Limit, path: string): void {
  const name = path.replaceAll("[]", "");
  const size =
    typeof value === "number" ? value : ((value as { readonly length?: number }).length ?? 0);
  if ((min !== undefined && size < min) || (max !== undefined && size > max)) {
    const what =
      typeof value === "number" ? "" : typeof value === "string" ? "length of " : "size of ";
    throw invalid(
      `Invalid value for ${name}: the ${what}value must be between ${min ?? 0} and ${max ?? "any"}`,
    );
  }
  if (typeof value !== "string") return;
  if (pattern !== undefined && !pattern.test(value))
    throw invalid(`Invalid value '${value}' for ${name}: it must satisfy ${pattern.source}`);
  if (oneOf !== undefined && !oneOf.includes(value))
    throw invalid(`Invalid value '${value}' for ${name}. Must be one of ${oneOf.join(", ")}`);
}

function invalid(message: string): Error {
  return commonFault("InvalidParameterValue", message);
}
