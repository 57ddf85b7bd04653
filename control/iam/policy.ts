/**
 * Policies as far as they are evaluated here: identity policies and the trust policies of roles. What is not understood
 * never allows and always denies.
 */
export interface Statement {
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  /** All actions but these. */
  readonly isNotAction: boolean;
  readonly resources: readonly string[];
  readonly isNotResource: boolean;
  /** Operator, then key, then values. */
  readonly conditions: readonly Condition[];
  /** Of trust policies: kind (`AWS`, `Service`) and value. */
  readonly principals: readonly (readonly [string, string])[];
}

export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export type ParsedPolicy =
  | { readonly ok: true; readonly statements: readonly Statement[] }
  | { readonly ok: false; readonly reason: string };

/** What a policy is asked. */
export interface PolicyQuestion {
  readonly action: string;
  readonly resource: string;
  /** Condition keys by their names in lower case. */
  readonly context: Readonly<Record<string, string>>;
  /** Of trust policies. */
  readonly principal?: readonly (readonly [string, string])[];
}

export function parsePolicy(text: string): ParsedPolicy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { ok: false, reason: "This policy contains invalid Json" };
  }
  if (!isMap(document) || document["Statement"] === undefined)
    return { ok: false, reason: "Syntax errors in policy." };
  const version = document["Version"];
  if (version !== undefined && version !== "2012-10-17" && version !== "2008-10-17")
    return { ok: false, reason: "The policy must contain a valid version string" };
  const list = Array.isArray(document["Statement"])
    ? document["Statement"]
    : [document["Statement"]];
  const statements = list.map(parseStatement);
  if (statements.some((each) => each === null) || statements.length === 0)
    return { ok: false, reason: "Syntax errors in policy." };
  return { ok: true, statements: statements as Statement[] };
}

function parseStatement(value: unknown): Statement | null {
  if (!isMap(value)) return null;
  const { Effect: effect } = value;
  if (effect !== "Allow" && effect !== "Deny") return null;
  const known = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Principal",
  ];
  if (Object.keys(value).some((key) => !known.includes(key))) return null;
  const actions = textsOf(value["Action"] ?? value["NotAction"]);
  const resources = textsOf(value["Resource"] ?? value["NotResource"] ?? []);
  const conditions = conditionsOf(value["Condition"] ?? {});
  const principals = principalsOf(value["Principal"] ?? {});
  if (actions === null || actions.length === 0) return null;
  if (resources === null || conditions === null || principals === null) return null;
  return {
    effect,
    actions,
    isNotAction: value["Action"] === undefined,
    resources,
    isNotResource: value["Resource"] === undefined && value["NotResource"] !== undefined,
    conditions,
    principals,
  };
}

function textsOf(value: unknown): string[] | null {
  const list = Array.isArray(value) ? value : [value];
  return list.every((each) => typeof each === "string") ? (list as string[]) : null;
}

function conditionsOf(value: unknown): Condition[] | null {
  if (!isMap(value)) return null;
  const conditions: Condition[] = [];
  for (const [operator, keys] of Object.entries(value)) {
    if (!isMap(keys)) return null;
    for (const [key, wanted] of Object.entries(keys)) {
      const list = Array.isArray(wanted) ? wanted : [wanted];
      if (!list.every((each) => ["string", "boolean", "number"].includes(typeof each))) return null;
      conditions.push({ operator, key, values: list.map(String) });
    }
  }
  return conditions;
}

function principalsOf(value: unknown): (readonly [string, string])[] | null {
  if (value === "*") return [["AWS", "*"]];
  if (!isMap(value)) return null;
  const principals: (readonly [string, string])[] = [];
  for (const [kind, names] of Object.entries(value)) {
    const list = textsOf(names);
    if (list === null) return null;
    for (const name of list) principals.push([kind, name]);
  }
  return principals;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: string };

const NO_ALLOW = "no identity-based policy allows the";

/** An explicit denial wins, then what is allowed, else nothing is. */
export function decide(statements: readonly Statement[], question: PolicyQuestion): Decision {
  let isAllowed = false;
  let unknown: string | null = null;
  for (const statement of statements) {
    if (!concerns(statement, question)) continue;
    const met = conditionsMet(statement.conditions, question.context);
    if (met === null) unknown = unknownOf(statement.conditions, question.context);
    if (statement.effect === "Deny" && met !== false)
      return { allowed: false, why: "with an explicit deny in an identity-based policy for the" };
    if (statement.effect === "Allow" && met === true) isAllowed = true;
  }
  if (isAllowed) return { allowed: true };
  if (unknown === null) return { allowed: false, why: `because ${NO_ALLOW}` };
  return {
    allowed: false,
    why: `because the condition ${unknown}, which Sluice does not evaluate, stands before the`,
  };
}

function concerns(statement: Statement, { action, resource, principal }: PolicyQuestion): boolean {
  const named = statement.actions.some((pattern) => matches(pattern, action, true));
  if (named === statement.isNotAction) return false;
  if (principal !== undefined)
    return statement.principals.some(([kind, name]) =>
      principal.some(([ours, mine]) => kind === ours && (name === "*" || name === mine)),
    );
  const about = statement.resources.some((pattern) => matches(pattern, resource, false));
  return about !== statement.isNotResource;
}

/** `*` stands for anything, `?` for one character. Policy variables stand for nothing here. */
export function matches(pattern: string, text: string, ignoreCase: boolean): boolean {
  if (pattern.includes("${")) return false;
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[\\s\\S]*")
    .replaceAll("?", "[\\s\\S]");
  return new RegExp(`^${source}$`, ignoreCase ? "i" : "").test(text);
}

type Test = (value: string, wanted: string) => boolean;

const TESTS: Readonly<Record<string, Test>> = {
  StringEquals: (value, wanted) => value === wanted,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: (value, wanted) => matches(wanted, value, false),
  ArnEquals: (value, wanted) => matches(wanted, value, false),
  ArnLike: (value, wanted) => matches(wanted, value, false),
  Bool: (value, wanted) => value === wanted.toLowerCase(),
};

/** null: one of them is not understood. */
function conditionsMet(
  conditions: readonly Condition[],
  context: Readonly<Record<string, string>>,
): boolean | null {
  let met: boolean | null = true;
  for (const condition of conditions) {
    const one = conditionMet(condition, context);
    if (one === false) return false;
    if (one === null) met = null;
  }
  return met;
}

function conditionMet(
  { operator, key, values }: Condition,
  context: Readonly<Record<string, string>>,
): boolean | null {
  const isIfExists = operator.endsWith("IfExists");
  const plain = isIfExists ? operator.slice(0, -"IfExists".length) : operator;
  const isNot = plain.startsWith("StringNot") || plain.startsWith("ArnNot");
  const test = TESTS[isNot ? plain.replace("Not", "") : plain];
  const value = context[key.toLowerCase()];
  if (test === undefined || (value === undefined && !isKnownKey(key))) return null;
  if (value === undefined) return isIfExists || isNot;
  return values.some((wanted) => test(value, wanted)) !== isNot;
}

/** Keys that may be absent from a question: then the condition is not met, which is no guess. */
function isKnownKey(key: string): boolean {
  return ["aws:username", "kms:viaservice", "aws:sourcearn", "aws:sourceaccount"].includes(
    key.toLowerCase(),
  );
}

function unknownOf(
  conditions: readonly Condition[],
  context: Readonly<Record<string, string>>,
): string {
  const found = conditions.find((each) => conditionMet(each, context) === null);
  return found === undefined ? "" : `${found.operator} on ${found.key}`;
}
