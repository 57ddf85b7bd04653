import type { CommandEntry } from "./command-line.ts";

/** Each command is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "check",
    summary: "validate a configuration file",
    load: async () => (await import("./commands/check.ts")).checkCommand(),
  },
];
