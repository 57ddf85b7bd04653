import { readFileSync } from "node:fs";
import { join } from "node:path";

const README = join(import.meta.dirname, "../../README.md");

/** The commands of the README's section "As AWS", in order, as one script. The lines that set variables are left to the caller. */
export function readmeCommands(): string {
  const section = /\n## As AWS\n([\s\S]*?)(?=\n## )/.exec(readFileSync(README, "utf8"))?.[1];
  if (section === undefined) throw new Error("the README has no section As AWS");
  const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const commands = blocks.filter((text) => !/^export AWS_/.test(text));
  if (commands.length < 3) throw new Error("the section As AWS has lost its commands");
  return commands.join("\n");
}
