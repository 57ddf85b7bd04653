/**
 * Works out the values of synthesised templates as CloudFormation would: references, attributes, functions, exports of
 * other stacks. What is not known is an error with its place, never a guess.
 */
import type { Resource, StackTemplate, Value } from "./assembly.ts";

/** Where the values of resources come from: made up for checks, real ones for what runs. */
export interface ResourceValues {
  ref(at: ResourcePlace): Value;
  attribute(at: ResourcePlace, name: string): Value;
}

export interface ResourcePlace {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  /** The resource's own properties, worked out when they are asked for. */
  readonly properties: () => Readonly<Record<string, Value>>;
}

export interface Account {
  readonly account: string;
  readonly region: string;
}

export interface EvaluatedResource {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  readonly ref: Value;
  readonly properties: Readonly<Record<string, Value>>;
}

type Map = Readonly<Record<string, Value>>;

/** Stands for AWS::NoValue: the property that has it is not there. */
const NOTHING = Symbol("AWS::NoValue");
type Worked = Value | typeof NOTHING;

export class TemplateFault extends Error {}

export class Evaluation {
  readonly #stacks: readonly StackTemplate[];
  readonly #values: ResourceValues;
  readonly #account: Account;
  readonly #exports = new globalThis.Map<string, () => Value>();
  readonly #properties = new globalThis.Map<string, Map | "working">();

  constructor(stacks: readonly StackTemplate[], values: ResourceValues, account: Account) {
    this.#stacks = stacks;
    this.#values = values;
    this.#account = account;
    for (const stack of stacks) this.#collectExports(stack);
  }

  /** Every resource of every stack, in order. Those whose condition does not hold are left out. */
  resources(): EvaluatedResource[] {
    return this.#stacks.flatMap((stack) =>
      Object.entries(stack.template.Resources)
        .filter(([, { Condition }]) => Condition === undefined || this.#holds(stack, Condition))
        .map(([id, resource]) => ({
          stack: stack.name,
          id,
          type: resource.Type,
          ref: this.#values.ref(this.#place(stack, id, resource)),
          properties: this.#propertiesOf(stack, id, resource),
        })),
    );
  }

  /** The outputs of all stacks, by name. */
  outputs(): Record<string, Value> {
    return Object.fromEntries(
      this.#stacks.flatMap((stack) =>
        Object.entries(stack.template.Outputs ?? {})
          .filter(([name]) => !name.startsWith("ExportsOutput"))
          .map(([name, { Value: value }]) => [name, this.#value(stack, value, `Outputs.${name}`)]),
      ),
    );
  }

  #collectExports(stack: StackTemplate): void {
    for (const [id, { Value: value, Export }] of Object.entries(stack.template.Outputs ?? {})) {
      if (Export === undefined) continue;
      const name = String(this.#value(stack, Export.Name, `Outputs.${id}`));
      if (this.#exports.has(name))
        throw new TemplateFault(`${stack.name}: ${name} is exported twice`);
      this.#exports.set(name, () => this.#value(stack, value, `Outputs.${id}`));
    }
  }

  #place(stack: StackTemplate, id: string, resource: Resource): ResourcePlace {
    const properties = () => this.#propertiesOf(stack, id, resource);
    return { stack: stack.name, id, type: resource.Type, properties };
  }

  #propertiesOf(stack: StackTemplate, id: string, { Properties = {} }: Resource): Map {
    const key = `${stack.name}/${id}`;
    const known = this.#properties.get(key);
    if (known === "working") throw new TemplateFault(`${key}: depends on itself`);
    if (known !== undefined) return known;
    this.#properties.set(key, "working");
    const worked = this.#value(stack, Properties, id) as Map;
    this.#properties.set(key, worked);
    return worked;
  }

  #value(stack: StackTemplate, value: Value, at: string): Value {
    const worked = this.#work(stack, value, at);
    if (worked === NOTHING)
      throw new TemplateFault(`${stack.name}/${at}: AWS::NoValue stands alone`);
    return worked;
  }

  #work(stack: StackTemplate, value: Value, at: string): Worked {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const entries = (value as readonly Value[]).map((each, i) =>
        this.#work(stack, each, `${at}[${i}]`),
      );
      return entries.filter((each) => each !== NOTHING);
    }
    const map = value as Map;
    const [first, ...more] = Object.keys(map);
    if (first !== undefined && more.length === 0 && isFunction(first))
      return this.#call(stack, first, map[first]!, at);
    return Object.fromEntries(
      Object.entries(map)
        .map(([key, each]) => [key, this.#work(stack, each, `${at}.${key}`)] as const)
        .filter((entry): entry is readonly [string, Value] => entry[1] !== NOTHING),
    );
  }

  #call(stack: StackTemplate, name: string, argument: Value, at: string): Worked {
    if (name === "Ref") return this.#ref(stack, String(argument), at);
    if (name === "Fn::GetAtt") return this.#attribute(stack, argument, at);
    if (name === "Fn::Sub") return this.#substitute(stack, argument, at);
    if (name === "Fn::If") return this.#choose(stack, argument, at);
    const worked = this.#value(stack, argument, at);
    const call = FUNCTIONS[name];
    if (call !== undefined) return this.#guard(stack, at, name, () => call(worked));
    if (name === "Fn::ImportValue") return this.#import(stack, String(worked), at);
    if (name === "Fn::GetAZs")
      return ["a", "b", "c"].map((zone) => `${worked || this.#account.region}${zone}`);
    if (name === "Fn::FindInMap") return this.#find(stack, worked, at);
    throw new TemplateFault(`${stack.name}/${at}: ${name} is not known here`);
  }

  #guard(stack: StackTemplate, at: string, name: string, call: () => Value): Value {
    try {
      return call();
    } catch (error) {
      throw new TemplateFault(`${stack.name}/${at}: ${name}: ${(error as Error).message}`);
    }
  }

  #ref(stack: StackTemplate, name: string, at: string): Worked {
    if (name === "AWS::NoValue") return NOTHING;
    const pseudo = this.#pseudo(stack, name);
    if (pseudo !== undefined) return pseudo;
    const parameter = stack.template.Parameters?.[name];
    if (parameter !== undefined) {
      if (parameter.Default !== undefined && !parameter.Type.startsWith("AWS::SSM::"))
        return parameter.Default;
      throw new TemplateFault(`${stack.name}/${at}: the parameter ${name} has no value here`);
    }
    return this.#values.ref(this.#resource(stack, name, at));
  }

  #attribute(stack: StackTemplate, argument: Value, at: string): Value {
    const [id, ...rest] = Array.isArray(argument)
      ? (argument as readonly string[])
      : String(argument).split(".");
    const name = rest.join(".");
    return this.#values.attribute(this.#resource(stack, id ?? "", at), name);
  }

  #resource(stack: StackTemplate, id: string, at: string): ResourcePlace {
    const resource = stack.template.Resources[id];
    if (resource === undefined)
      throw new TemplateFault(`${stack.name}/${at}: there is no resource ${id}`);
    return this.#place(stack, id, resource);
  }

  #pseudo(stack: StackTemplate, name: string): string | undefined {
    const { account, region } = this.#account;
    const known: Readonly<Record<string, string>> = {
      "AWS::AccountId": account,
      "AWS::Region": region,
      "AWS::Partition": "aws",
      "AWS::URLSuffix": "amazonaws.com",
      "AWS::StackName": stack.name,
      "AWS::StackId": `arn:aws:cloudformation:${region}:${account}:stack/${stack.name}/0`,
    };
    return known[name];
  }

  #substitute(stack: StackTemplate, argument: Value, at: string): string {
    const [text, own] = Array.isArray(argument)
      ? (argument as unknown as [string, Map])
      : [String(argument), {} as Map];
    return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal === "!") return `\${${name}}`;
      const mine = own[name];
      if (mine !== undefined) return String(this.#value(stack, mine, at));
      if (name.includes(".")) return String(this.#attribute(stack, name, at));
      return String(this.#ref(stack, name, at));
    });
  }

  #import(stack: StackTemplate, name: string, at: string): Value {
    const exported = this.#exports.get(name);
    if (exported === undefined)
      throw new TemplateFault(`${stack.name}/${at}: nothing exports ${name}`);
    return exported();
  }

  #find(stack: StackTemplate, argument: Value, at: string): Value {
    const [map, first, second] = argument as readonly string[];
    const found = stack.template.Mappings?.[map ?? ""]?.[first ?? ""]?.[second ?? ""];
    if (found === undefined)
      throw new TemplateFault(`${stack.name}/${at}: ${map}.${first}.${second} is in no mapping`);
    return found;
  }

  #choose(stack: StackTemplate, argument: Value, at: string): Worked {
    const [condition, yes, no] = argument as readonly Value[];
    return this.#work(stack, (this.#holds(stack, String(condition)) ? yes : no) ?? null, at);
  }

  #holds(stack: StackTemplate, name: string): boolean {
    const condition = stack.template.Conditions?.[name];
    if (condition === undefined)
      throw new TemplateFault(`${stack.name}: there is no condition ${name}`);
    return this.#value(stack, condition, `Conditions.${name}`) === true;
  }
}

function isFunction(name: string): boolean {
  return name === "Ref" || name.startsWith("Fn::");
}

/** Those that need nothing but their argument. */
const FUNCTIONS: Readonly<Record<string, (argument: Value) => Value>> = {
  "Fn::Join": (argument) => {
    const [separator, parts] = argument as [string, readonly Value[]];
    if (!Array.isArray(parts)) throw new Error("needs a list");
    return parts.map(scalar).join(separator);
  },
  "Fn::Select": (argument) => {
    const [index, list] = argument as [number | string, readonly Value[]];
    const found = Array.isArray(list) ? (list as readonly Value[])[Number(index)] : undefined;
    if (found === undefined) throw new Error(`there is no entry ${index}`);
    return found;
  },
  "Fn::Split": (argument) => {
    const [separator, text] = argument as [string, string];
    return text.split(separator);
  },
  "Fn::Base64": (argument) => Buffer.from(scalar(argument)).toString("base64"),
  "Fn::Equals": (argument) => {
    const [a, b] = argument as [Value, Value];
    return JSON.stringify(a) === JSON.stringify(b);
  },
  "Fn::Not": (argument) => (argument as readonly Value[])[0] !== true,
  "Fn::And": (argument) => (argument as readonly Value[]).every((each) => each === true),
  "Fn::Or": (argument) => (argument as readonly Value[]).some((each) => each === true),
};

function scalar(value: Value): string {
  if (typeof value === "object") throw new Error("joins texts, found a list or a map");
  return String(value);
}
