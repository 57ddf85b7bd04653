/** Configuration files on disk: reading them, and what they refer to. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { SettingFault } from "../proxy/ports.ts";
import { parseSpec, placeIn } from "../proxy/spec/parse-spec.ts";
import type { ParsedSpec, SpecProblem } from "../proxy/spec/proxy-spec.ts";
import type { PasswordSources } from "../proxy/spec/resolve-password.ts";

export interface SpecText {
  /** null where the file cannot be read. */
  readonly text: string | null;
  readonly parsed: ParsedSpec;
}

/** Reads and parses a configuration file. One that cannot be read has one problem. */
export async function readSpec(file: string): Promise<SpecText> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (fault) {
    const message = `cannot be read: ${(fault as NodeJS.ErrnoException).code ?? String(fault)}`;
    return { text: null, parsed: { ok: false, problems: [wholeFileProblem(file, message)] } };
  }
  return { text, parsed: parseSpec(text, file) };
}

/** Where in the file a setting stands that proved to be wrong in use. */
export function problemOfSetting(
  file: string,
  text: string,
  { path, message }: SettingFault,
): SpecProblem {
  return { ...placeIn(text, file, path), message };
}

export function wholeFileProblem(file: string, message: string): SpecProblem {
  return { file, line: 1, column: 1, key: "(file)", message };
}

export function problemLine({ file, line, column, key, message }: SpecProblem): string {
  return `${file}:${line}:${column}: ${key}: ${message}`;
}

/** Passwords from this process's environment, and from files beside the configuration. */
export function passwordSources(file: string): PasswordSources {
  return {
    env: (name) => process.env[name],
    readText: (path) => readFileSync(besideSpec(file, path), "utf8"),
  };
}

/** A path in a configuration file counts from the folder of that file. */
export function besideSpec(file: string, path: string): string {
  return resolve(dirname(resolve(file)), path);
}
