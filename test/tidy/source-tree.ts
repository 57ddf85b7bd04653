/** The files of the repository and what they import, for the fences. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

/** Everything that is or would be committed, relative to the root. Deleted files that git still lists are left out. */
export const FILES: readonly string[] = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard"],
  { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
)
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(ROOT, file)));

export const SOURCES = FILES.filter((file) => /\.(?:ts|mts|mjs|js)$/.test(file));

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

export interface Import {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** A file of the repository for relative imports; the package or `node:` module for others. */
  readonly to: string;
  readonly relative: boolean;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

const STATIC = /^[ \t]*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /^[ \t]*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

export function importsOf(file: string, text: string = textOf(file)): Import[] {
  const code = withoutComments(text);
  return [STATIC, BARE, DYNAMIC].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) =>
      toImport(file, match[1]!, /^\s*(?:import|export)\s+type\b/.test(match[0])),
    ),
  );
}

export const IMPORTS: readonly Import[] = SOURCES.flatMap((file) => importsOf(file));

function toImport(from: string, specifier: string, typeOnly: boolean): Import {
  const relative = specifier.startsWith(".");
  if (relative)
    return { from, specifier, to: normalize(join(dirname(from), specifier)), relative, typeOnly };
  const parts = specifier.split("/");
  const name = specifier.startsWith("node:")
    ? specifier.split("/")[0]!
    : parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return { from, specifier, to: name, relative, typeOnly };
}

/** Comments that start a line or follow code; what looks like one inside a text stays, which does no harm here. */
function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*\/\*[\s\S]*?\*\//gm, "").replaceAll(/^[ \t]*\/\/.*$/gm, "");
}
