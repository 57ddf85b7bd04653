import { Command, InvalidArgumentError, Option } from "commander";
import type { LogForm } from "../../proxy/observe/log.ts";
import type { CreateProxy } from "../../proxy/ports.ts";
import { CommandFailure } from "../failure.ts";
import { serve } from "../serving.ts";
import { specSource } from "../spec-source.ts";

const DRAIN_SECONDS = 120;

interface Flags {
  readonly json?: boolean;
  readonly log: LogForm;
  readonly drain: number;
  readonly exitWithParent?: boolean;
  readonly embeddedMetrics?: number;
}

export function serveCommand(createProxy: CreateProxy): Command {
  return new Command("serve")
    .description("run the proxy from a configuration file")
    .argument(
      "[file]",
      "configuration file, YAML or JSON; else SLUICE_CONFIG in the environment names it, or SLUICE_CONFIG_TEXT holds its text",
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
    .option("--exit-with-parent", "stop at once when the program that started this one is gone")
    .addOption(
      new Option(
        "--embedded-metrics <seconds>",
        "print metrics in CloudWatch's embedded metric format, this often",
      ).argParser(parseInterval),
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
  const { json = false, log, drain, exitWithParent = false, embeddedMetrics } = flags;
  const source = specSource(argument, process.env);
  if (source === null) {
    throw new CommandFailure(
      2,
      "serve: name a configuration file, as argument or in SLUICE_CONFIG, or set SLUICE_CONFIG_TEXT",
    );
  }
  if (exitWithParent) stopWhenParentIsGone();
  await serve({
    source,
    json,
    logForm: log,
    drainMs: drain * 1_000,
    embeddedMetricsMs: embeddedMetrics === undefined ? null : embeddedMetrics * 1_000,
    createProxy,
    signals: process,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

/**
 * The parent holds the other end of an IPC channel, which the kernel closes when the parent ends in whatever way. Two
 * signals: there is nobody left to wait for sessions.
 */
function stopWhenParentIsGone(): void {
  if (process.channel === undefined) {
    throw new CommandFailure(
      2,
      "serve: --exit-with-parent is for programs that start this one with an IPC channel",
    );
  }
  process.once("disconnect", () => {
    if (!process.emit("SIGTERM")) process.exit(); // Nothing has been started yet.
    process.emit("SIGTERM");
  });
  process.channel.unref(); // The channel by itself is no reason to stay.
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds >= 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError("It must be a number of seconds from 0 to 86400.");
  }
  return seconds;
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > 3_600) {
    throw new InvalidArgumentError("It must be a whole number of seconds from 1 to 3600.");
  }
  return seconds;
}
