/** What a Dockerfile of an asset puts into its image, as far as it is needed to run the program without an engine. */
import { readFile } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";

export interface Image {
  /** Files of the image by their place in it. */
  readonly files: ReadonlyMap<string, string>;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

interface Stage {
  readonly name: string;
  readonly files: Map<string, string>;
  workdir: string;
  entrypoint: string[];
  command: string[];
  readonly variables: Record<string, string>;
}

export async function readImage(folder: string): Promise<Image> {
  const text = await readFile(join(folder, "Dockerfile"), "utf8");
  return parseDockerfile(text, folder);
}

/** Copies from the context and from stages before; what runs while an image is built is left to the builder. */
export function parseDockerfile(text: string, folder: string): Image {
  const stages: Stage[] = [];
  for (const [word, rest] of instructions(text)) {
    if (word === "FROM") {
      const name = / AS (\S+)$/i.exec(rest)?.[1] ?? String(stages.length);
      stages.push({
        name,
        files: new Map(),
        workdir: "/",
        entrypoint: [],
        command: [],
        variables: {},
      });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`${word} before FROM`);
    apply(stage, word, rest, { folder, stages });
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error(`${folder} has an empty Dockerfile`);
  return last;
}

interface Context {
  readonly folder: string;
  readonly stages: readonly Stage[];
}

function apply(stage: Stage, word: string, rest: string, context: Context): void {
  if (word === "WORKDIR") stage.workdir = rest;
  else if (word === "ENTRYPOINT") stage.entrypoint = JSON.parse(rest);
  else if (word === "CMD") stage.command = JSON.parse(rest);
  else if (word === "COPY") copy(stage, rest, context);
  else if (word === "ENV") {
    const [, name, value] = /^(\w+)=(\S+)$/.exec(rest) ?? [];
    if (name === undefined || value === undefined) throw new Error(`ENV ${rest} is not known here`);
    stage.variables[name] = value;
  }
}

function copy(stage: Stage, rest: string, { folder, stages }: Context): void {
  const words = rest.split(/\s+/);
  const from = words.find((each) => each.startsWith("--from="))?.slice("--from=".length);
  const paths = words.filter((each) => !each.startsWith("--"));
  const to = paths.pop() ?? "";
  for (const path of paths) {
    if (from === undefined)
      stage.files.set(within(stage.workdir, to, basename(path)), join(folder, path));
    else
      copyStage(
        stage,
        stages.find(({ name }) => name === from)!,
        path,
        within(stage.workdir, to, ""),
      );
  }
}

/** A whole folder of an earlier stage. */
function copyStage(stage: Stage, earlier: Stage, path: string, to: string): void {
  for (const [place, file] of earlier.files) {
    if (place.startsWith(`${path}/`)) stage.files.set(join(to, place.slice(path.length)), file);
  }
}

function within(workdir: string, to: string, name: string): string {
  const folder = isAbsolute(to) ? to : join(workdir, to);
  return to.endsWith("/") || to === "." || to === "./" ? join(folder, name) : folder;
}

/** Lines that go on after a backslash are one; comments are none. */
function instructions(text: string): [word: string, rest: string][] {
  const joined = text.replaceAll(/^#.*$/gm, "").replaceAll(/\\\n/g, " ");
  return joined.split("\n").flatMap((line) => {
    const [, word, rest] = /^\s*([A-Z]+)\s+(.*?)\s*$/.exec(line) ?? [];
    return word === undefined ? [] : [[word, rest!.replaceAll(/\s+/g, " ")] as [string, string]];
  });
}
