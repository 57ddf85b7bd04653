import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { ROOT } from "../tidy/source-tree.ts";

export interface Synthesis {
  readonly stage: string;
  /** The assembly: templates, assets, the validation report. */
  readonly folder: string;
  readonly status: number | null;
  readonly output: string;
  readonly seconds: number;
}

declare module "vitest" {
  interface ProvidedContext {
    syntheses: readonly Synthesis[];
  }
}

/** Synthesises each stage once for all files of a run: `dev` alone unless SLUICE_CDK_STAGES names more. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-cdk-"));
  const stages = (process.env["SLUICE_CDK_STAGES"] ?? "dev").split(",");
  project.provide(
    "syntheses",
    stages.map((stage) => synthesise(stage, join(folder, stage))),
  );
  return () => rm(folder, { recursive: true, force: true });
}

/** Without credentials, region or anything else of AWS in the environment, and without Docker on the path. */
function synthesise(stage: string, folder: string): Synthesis {
  const since = performance.now();
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:AWS|CDK)_/.test(name)),
  );
  const command = [join(ROOT, "node_modules/.bin/cdk"), "synth", "--strict", "--quiet"];
  const options = ["--no-notices", "--context", `stage=${stage}`, "--output", folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, ...options], {
    cwd: ROOT,
    env: { ...env, CDK_DOCKER: "there-is-no-docker", HOME: folder, CI: "1" },
    encoding: "utf8",
  });
  const seconds = (performance.now() - since) / 1_000;
  return { stage, folder, status, output: stdout + stderr, seconds };
}
