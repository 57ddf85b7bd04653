import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** Programs that run in processes of their own, built from the sources as they are now. */
export interface FunctionBundles {
  readonly folder: string;
  /** `local/function-child.ts`. */
  readonly bootstrap: string;
  /** `lambda/webhook`. */
  readonly webhook: string;
  remove(): Promise<void>;
}

const ROOT = join(import.meta.dirname, "../..");
const BANNER =
  'import { createRequire as testRequire } from "node:module"; const require = testRequire(import.meta.url);';

export async function buildFunctionBundles(): Promise<FunctionBundles> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bundles-"));
  await build({
    entryPoints: {
      "function-child": join(ROOT, "local/function-child.ts"),
      webhook: join(ROOT, "lambda/webhook/index.ts"),
    },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: { js: BANNER },
    logLevel: "error",
  });
  return {
    folder,
    bootstrap: join(folder, "function-child.mjs"),
    webhook: join(folder, "webhook.mjs"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
