import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A built file of this package, for programs that run in processes of their own. */
export function builtFile(name: string): string {
  const file = join(packageRoot(), "dist", name);
  if (!existsSync(file)) throw new Error(`${file} is not there: build it with "node build.mjs"`);
  return file;
}

/** This code runs from the sources, from `dist`, or from a chunk below it. */
function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && isOurs(manifest)) return folder;
    if (folder === dirname(folder)) throw new Error("the package's own folder was not found");
  }
}

function isOurs(manifest: string): boolean {
  return (JSON.parse(readFileSync(manifest, "utf8")) as { name?: unknown }).name === "sluice";
}
