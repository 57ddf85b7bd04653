import { Command, InvalidArgumentError, Option } from "commander";
import type { LogForm } from "../../proxy/observe/log.ts";
import type { CreateProxy } from "../../proxy/ports.ts";
import { CommandFailure } from "../failure.ts";
import { serve } from "../serving.ts";

const DRAIN_SECONDS = 120;

interface Flags {
  readonly json?: boolean;
  readonly log: LogForm;
  readonly drain: number;
}

export function serveCommand(createProxy: CreateProxy): Command {
  return new Command("serve")
    .description("run the proxy from a configuration file")
    .argument(
      "[file]",
      "configuration file, YAML or JSON; else the environment variable SLUICE_CONFIG names it",
    )
    .option("--json", "print one JSON document when ready")
    .addOption(
      new Option("--log <form>", "form of the log lines").choices(["text", "json"]).default("text"),
    )
    .addOption(
      new Option("--drain <seconds>", "time that sessions have to end after SIGTERM")
        .argParser(parseSeconds)
        .default(DRAIN_SECONDS),
    )
    .addHelpText(
      "after",
      "\nSIGHUP, or a change of the file, reads it again; a wrong file changes nothing.\nSIGTERM and SIGINT let sessions end; a second one does not wait for them.",
    )
    .action((file: string | undefined, flags: Flags) => run(file, flags, createProxy));
}

async function run(
  argument: string | undefined,
  flags: Flags,
  createProxy: CreateProxy,
): Promise<void> {
  const { json = false, log, drain } = flags;
  const file = argument ?? process.env["SLUICE_CONFIG"];
  if (file === undefined || file === "") {
    throw new CommandFailure(
      2,
      "serve: name a configuration file, as argument or in SLUICE_CONFIG",
    );
  }
  await serve({
    file,
    json,
    logForm: log,
    drainMs: drain * 1_000,
    createProxy,
    signals: process,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds >= 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError("It must be a number of seconds from 0 to 86400.");
  }
  return seconds;
}
