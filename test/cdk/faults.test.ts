import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, CloudFormationValidatePlugin } from "aws-cdk-lib";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Assembly, readAssembly, type StackTemplate } from "../../local/template/assembly.ts";
import { TemplateFault } from "../../local/template/evaluation.ts";
import { CHECKS } from "./checks.ts";
import { FAULTS, type Fault, type Templates } from "./faults.ts";
import { type Check, Scene } from "./scene.ts";

let assembly: Assembly;
let folder = "";
beforeAll(async () => {
  assembly = await readAssembly(inject("syntheses")[0]!.folder);
  folder = await mkdtemp(join(tmpdir(), "sluice-faults-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The stacks with one thing changed. */
function withFault({ change }: Pick<Fault, "change">): StackTemplate[] {
  const stacks = structuredClone(assembly.stacks) as StackTemplate[];
  const byPart = stacks.map(({ name, template }) => [name.split("-").at(-1), template]);
  change(Object.fromEntries(byPart) as Templates);
  return stacks;
}

/** The checks that notice something; `evaluation` where there is nothing to check. */
async function noticedBy(stacks: readonly StackTemplate[]): Promise<string[]> {
  let scene: Scene;
  try {
    scene = new Scene(stacks);
  } catch (error) {
    if (error instanceof TemplateFault) return ["evaluation"];
    throw error;
  }
  const noticed = await Promise.all(CHECKS.map((check) => objects(check, scene)));
  return CHECKS.filter((_, i) => noticed[i]).map(({ id }) => id);
}

async function objects({ find }: Check, scene: Scene): Promise<boolean> {
  try {
    return (await find(scene)).length > 0;
  } catch (error) {
    // A part that cannot be found any more; anything else is a defect of the check.
    if (error instanceof TemplateFault) return true;
    throw error;
  }
}

async function findingsOf(plugin: CloudFormationValidatePlugin, stacks: readonly StackTemplate[]) {
  const stackTemplates = await Promise.all(
    stacks.map(async ({ name, template }) => {
      const templatePath = join(folder, `${name}.template.json`);
      await writeFile(templatePath, JSON.stringify(template));
      return { stackConstructPath: name, templatePath, accountId: undefined, region: undefined };
    }),
  );
  const templatePaths = stackTemplates.map(({ templatePath }) => templatePath);
  const context = { templatePaths, stackTemplates, appConstruct: new App() };
  return plugin.validate(context).violations;
}

const wiring = FAULTS.filter(({ by }) => by !== "validator");
const schema = FAULTS.filter(({ by }) => by === "validator");

describe("the faults", () => {
  it("are many, and each is told once", () => {
    expect(FAULTS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(FAULTS.map(({ says }) => says)).size).toBe(FAULTS.length);
  });

  it("leave no check without one that only it is there for", () => {
    const wanted = new Set(FAULTS.map(({ by }) => by));
    expect(CHECKS.map(({ id }) => id).filter((id) => !wanted.has(id))).toEqual([]);
  });
});

describe("without a fault", () => {
  it("no check notices anything", async () => {
    expect(await noticedBy(withFault({ change: () => {} }))).toEqual([]);
  });
});

describe("is noticed:", () => {
  it.each(wiring)("$says, by $by", async (fault) => {
    expect(await noticedBy(withFault(fault))).toContain(fault.by);
  });
});

describe("the validator", () => {
  const plugin = new CloudFormationValidatePlugin();

  it("has nothing to say without a fault", async () => {
    expect(await findingsOf(plugin, withFault({ change: () => {} }))).toEqual([]);
  });

  it.each(schema)("notices: $says", async (fault) => {
    expect((await findingsOf(plugin, withFault(fault))).length).toBeGreaterThan(0);
  });
});
