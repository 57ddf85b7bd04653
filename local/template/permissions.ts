/** What the roles of a template may do. Only what these templates use of IAM is understood; anything else is an error. */
import type { Value } from "./assembly.ts";
import { type EvaluatedResource, TemplateFault } from "./evaluation.ts";
import { listOf, mapOf, mapsOf, type Properties, type System } from "./system.ts";

export interface Statement {
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** Of all roles, by the resource of the role. */
export function statementsOf(system: System, role: EvaluatedResource): Statement[] {
  const inline = mapsOf(role.properties["Policies"]).map((each) => each["PolicyDocument"]);
  const attached = system
    .ofType("AWS::IAM::Policy")
    .filter(({ properties }) => listOf(properties["Roles"]).includes(role.ref))
    .map(({ properties }) => properties["PolicyDocument"]);
  if (listOf(role.properties["ManagedPolicyArns"]).length > 0)
    throw new TemplateFault(`${role.stack}/${role.id}: managed policies are not known here`);
  return [...inline, ...attached].flatMap((document) =>
    oneOrMore(mapOf(document)["Statement"]).map((each) => statementOf(mapOf(each), role)),
  );
}

/** Who may take the role on. */
export function principalsOf(role: EvaluatedResource): string[] {
  const statements = oneOrMore(mapOf(role.properties["AssumeRolePolicyDocument"])["Statement"]);
  return statements.flatMap((each) =>
    oneOrMore(mapOf(mapOf(each)["Principal"])["Service"]).map(String),
  );
}

/** As IAM decides: what nothing allows is refused, and so is what anything denies. */
export function isAllowed(
  statements: readonly Statement[],
  action: string,
  resource: string,
): boolean {
  const applies = statements.filter(
    (each) =>
      each.actions.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
      each.resources.some((pattern) => matches(pattern, resource)),
  );
  return (
    applies.some(({ effect }) => effect === "Allow") &&
    !applies.some(({ effect }) => effect === "Deny")
  );
}

function statementOf(statement: Properties, role: EvaluatedResource): Statement {
  for (const key of ["Condition", "NotAction", "NotResource"]) {
    if (statement[key] !== undefined)
      throw new TemplateFault(`${role.stack}/${role.id}: ${key} in a policy is not known here`);
  }
  return {
    effect: statement["Effect"] === "Deny" ? "Deny" : "Allow",
    actions: oneOrMore(statement["Action"]).map(String),
    resources: oneOrMore(statement["Resource"]).map(String),
  };
}

function oneOrMore(value: Value | undefined): readonly Value[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? (value as readonly Value[]) : [value];
}

/** `*` any text, `?` any character. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(text);
}
