/** The evaluated resources as a system: found by type or by what others call them. */
import type { Value } from "./assembly.ts";
import { type EvaluatedResource, TemplateFault } from "./evaluation.ts";

export type Properties = Readonly<Record<string, Value>>;

export class System {
  readonly resources: readonly EvaluatedResource[];

  constructor(resources: readonly EvaluatedResource[]) {
    this.resources = resources;
  }

  ofType(type: string): EvaluatedResource[] {
    return this.resources.filter((each) => each.type === type);
  }

  /** The resource whose `Ref`, or an ARN made of it, somebody else has put into a property. */
  byRef(type: string, reference: Value | undefined): EvaluatedResource {
    const found = this.ofType(type).find(({ ref }) => ref === reference);
    if (found === undefined)
      throw new TemplateFault(`no ${type} is ${JSON.stringify(reference ?? null)}`);
    return found;
  }

  /** Roles, functions and the like are mostly told apart by the name at the end of their ARN. */
  byArn(type: string, arn: Value | undefined): EvaluatedResource {
    const found = this.ofType(type).find(
      ({ ref }) =>
        typeof arn === "string" &&
        (arn === ref || arn.endsWith(`/${ref}`) || arn.endsWith(`:${ref}`)),
    );
    if (found === undefined)
      throw new TemplateFault(`no ${type} has the ARN ${JSON.stringify(arn ?? null)}`);
    return found;
  }
}

/** A property that has to be a list; absent is empty. */
export function listOf(value: Value | undefined): readonly Value[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value))
    throw new TemplateFault(`a list is needed, found ${JSON.stringify(value)}`);
  return value as readonly Value[];
}

/** A property that has to be a map; absent is empty. */
export function mapOf(value: Value | undefined): Properties {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value))
    throw new TemplateFault(`a map is needed, found ${JSON.stringify(value)}`);
  return value as Properties;
}

export function mapsOf(value: Value | undefined): readonly Properties[] {
  return listOf(value).map(mapOf);
}

/** Attributes and tags come as lists of keys and values. */
export function keyValues(value: Value | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    mapsOf(value).map((each) => [
      String(each["Key"] ?? each["Name"]),
      String(each["Value"] ?? each["ValueFrom"]),
    ]),
  );
}
