/** Compares our limits of lengths and ranges with those of the API model, which comes with Debian's botocore. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { AwsFault } from "../../control/protocol/fault.ts";
import { rdsLimits } from "../../control/rds/limits.ts";

const MODEL = "/usr/lib/python3/dist-packages/botocore/data/rds/2014-10-31/service-2.json";

interface Shape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
}

interface Model {
  readonly operations: Readonly<Record<string, { readonly input?: { readonly shape: string } }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** A line for each limit of a proxy operation's texts and numbers that the model has and we do not keep. */
export async function limitsDiffering(): Promise<string[]> {
  const model = await readModel();
  const differing: string[] = [];
  let compared = 0;
  for (const [name, { input }] of Object.entries(model.operations)) {
    if (!/DBProx/.test(name) || input === undefined) continue;
    const members = model.shapes[input.shape]?.members ?? {};
    for (const [member, { shape }] of Object.entries(members)) {
      const { type, min, max } = model.shapes[shape] ?? { type: "none" };
      if (type !== "string" || max === undefined) continue;
      compared += 1;
      const tooLong = "a".repeat(max + 1);
      if (!isRefused(name, { [member]: tooLong })) differing.push(`${name}.${member} > ${max}`);
      if (min === 1 && !isRefused(name, { [member]: "" })) differing.push(`${name}.${member} < 1`);
    }
  }
  return compared > 5 ? differing : [...differing, `only ${compared} limits were compared`];
}

function isRefused(operation: string, input: Record<string, unknown>): boolean {
  try {
    rdsLimits(operation, input);
    return false;
  } catch (error) {
    return error instanceof AwsFault;
  }
}

async function readModel(): Promise<Model> {
  const text = await readFile(MODEL).catch(async () => gunzipSync(await readFile(`${MODEL}.gz`)));
  return JSON.parse(text.toString()) as Model;
}
