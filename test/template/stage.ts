import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { readAssembly } from "../../local/template/assembly.ts";
import { TemplateRun } from "../../local/template/template-run.ts";
import type { LooseTemplate } from "../cdk/faults.ts";
import { ROOT } from "../tidy/source-tree.ts";

/** A template that runs, and what it has said. */
export class Staged implements AsyncDisposable {
  readonly run: TemplateRun;
  readonly lines: string[];

  readonly #onEnd: () => Promise<void>;

  constructor(run: TemplateRun, lines: string[], onEnd: () => Promise<void>) {
    this.run = run;
    this.lines = lines;
    this.#onEnd = onEnd;
  }

  static async start(
    folder: string = inject("syntheses")[0]!.folder,
    onEnd: () => Promise<void> = async () => {},
  ): Promise<Staged> {
    const lines: string[] = [];
    const run = await TemplateRun.start({
      folder,
      engine: "mysql",
      functionProgram: join(ROOT, "dist/function-child.mjs"),
      namesProgram: join(ROOT, "dist/local-names.mjs"),
      say: (line) => lines.push(line),
      onLine: (source, line) => lines.push(`${source} | ${line}`),
      onAccess: ({ path, status }) => lines.push(`${path} ${status}`),
      healthyMs: 3_000,
      deregistrationMaxMs: 1_000,
    });
    return new Staged(run, lines, onEnd);
  }

  /** Status and, where it is good, the hits by path. */
  async hit(path: string): Promise<{ status: number; hits: Record<string, number> }> {
    const answer = await fetch(`${this.run.apis[0]!.url}${path}`, {
      headers: { accept: "application/json" },
    });
    const document = (await answer.json()) as { paths?: { path: string; hits: number }[] };
    const hits = (document.paths ?? []).map((each) => [each.path, each.hits] as const);
    return { status: answer.status, hits: Object.fromEntries(hits) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run.stop();
    await this.#onEnd();
  }
}

/** A copy of the synthesised app with one template changed. */
export async function changedAssembly(
  part: string,
  change: (template: LooseTemplate) => void,
): Promise<{ readonly folder: string } & AsyncDisposable> {
  const { folder: from, stage } = inject("syntheses")[0]!;
  const folder = await mkdtemp(join(tmpdir(), "sluice-template-"));
  const { assets } = await readAssembly(from);
  for (const asset of new Set(assets.values())) {
    if (asset.includes("asset.")) await symlink(asset, join(folder, asset.slice(from.length + 1)));
  }
  for (const name of ["network", "database", "proxy", "webhook"]) {
    for (const kind of ["template", "assets"]) {
      const file = `sluice-${stage}-${name}.${kind}.json`;
      await cp(join(from, file), join(folder, file));
    }
  }
  await cp(join(from, "manifest.json"), join(folder, "manifest.json"));
  const path = join(folder, `sluice-${stage}-${part}.template.json`);
  const template = JSON.parse(await readFile(path, "utf8")) as LooseTemplate;
  change(template);
  await writeFile(path, JSON.stringify(template));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
