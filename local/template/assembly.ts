/** A synthesised CDK app on disk (`cdk.out`): its templates in the order in which they would be deployed, and its assets. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value };

export interface Resource {
  readonly Type: string;
  readonly Properties?: { readonly [key: string]: Value };
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

export interface Output {
  readonly Value: Value;
  readonly Export?: { readonly Name: Value };
}

export interface Template {
  readonly Resources: { readonly [id: string]: Resource };
  readonly Outputs?: { readonly [id: string]: Output };
  readonly Parameters?: {
    readonly [id: string]: { readonly Type: string; readonly Default?: Value };
  };
  readonly Mappings?: {
    readonly [name: string]: { readonly [key: string]: { readonly [key: string]: Value } };
  };
  readonly Conditions?: { readonly [name: string]: Value };
}

export interface StackTemplate {
  readonly name: string;
  readonly template: Template;
}

export interface Assembly {
  readonly folder: string;
  /** Each after those that it needs. */
  readonly stacks: readonly StackTemplate[];
  /** Folders of files and images by the hash that templates name them with. */
  readonly assets: ReadonlyMap<string, string>;
}

interface Artifact {
  readonly type: string;
  readonly dependencies?: readonly string[];
  readonly properties?: {
    readonly templateFile?: string;
    readonly file?: string;
    readonly stackName?: string;
  };
}

interface AssetSources {
  readonly [hash: string]: {
    readonly source: { readonly path?: string; readonly directory?: string };
  };
}

export async function readAssembly(folder: string): Promise<Assembly> {
  const path = resolve(folder);
  const { artifacts } = (await readJson(path, "manifest.json")) as {
    artifacts: Readonly<Record<string, Artifact>>;
  };
  const stacks: StackTemplate[] = [];
  for (const name of inOrder(artifacts)) {
    const { properties } = artifacts[name]!;
    const template = (await readJson(path, properties!.templateFile!)) as Template;
    stacks.push({ name: properties?.stackName ?? name, template });
  }
  if (stacks.length === 0) throw new Error(`${path} holds no stack`);
  return { folder: path, stacks, assets: await readAssets(path, artifacts) };
}

async function readAssets(
  folder: string,
  artifacts: Readonly<Record<string, Artifact>>,
): Promise<Map<string, string>> {
  const assets = new Map<string, string>();
  for (const { type, properties } of Object.values(artifacts)) {
    if (type !== "cdk:asset-manifest") continue;
    const { files = {}, dockerImages = {} } = (await readJson(folder, properties!.file!)) as {
      files?: AssetSources;
      dockerImages?: AssetSources;
    };
    for (const [hash, { source }] of Object.entries({ ...files, ...dockerImages })) {
      const place = source.directory ?? source.path;
      if (place !== undefined) assets.set(hash, join(folder, place));
    }
  }
  return assets;
}

/** Stacks by their dependencies; among equals as the manifest has them. */
function inOrder(artifacts: Readonly<Record<string, Artifact>>): string[] {
  const order: string[] = [];
  const visit = (name: string): void => {
    const artifact = artifacts[name];
    if (artifact?.type !== "aws:cloudformation:stack" || order.includes(name)) return;
    for (const needed of artifact.dependencies ?? []) visit(needed);
    order.push(name);
  };
  for (const name of Object.keys(artifacts)) visit(name);
  return order;
}

async function readJson(folder: string, file: string): Promise<unknown> {
  const path = join(folder, file);
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
