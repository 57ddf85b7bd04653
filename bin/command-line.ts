/** The command line of `sluice`: finds the command, runs it, and says with which code the process should end. */
import { Command, CommanderError } from "commander";
import { CommandFailure } from "./failure.ts";
import { VERSION } from "./version.ts";

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Exit codes: 0 done · 1 failed, or a finding · 2 bad usage or bad configuration. */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly CommandEntry[],
): Promise<number> {
  const program = new Command("sluice")
    .description("An open RDS Proxy for MySQL that runs anywhere.")
    .version(VERSION)
    .showHelpAfterError("(sluice --help shows what there is)");
  await addCommands(program, argv, commands);
  strict(program);
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return 2;
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (fault) {
    return exitCodeOf(fault);
  }
}

/** Loads the one command that is asked for; the others are only names, so that `--help` needs none of their code. */
async function addCommands(
  program: Command,
  argv: readonly string[],
  commands: readonly CommandEntry[],
): Promise<void> {
  const asked = argv[0] === "help" ? argv[1] : argv[0];
  for (const { name, summary, load } of commands) {
    const command = name === asked ? await load() : new Command(name);
    program.addCommand(command.summary(summary));
  }
}

/** Commands made elsewhere do not inherit how errors are to end. */
function strict(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) strict(inner);
}

function exitCodeOf(fault: unknown): number {
  // Help and version end this way too, with 0; commander has printed what there is to say.
  if (fault instanceof CommanderError) return fault.exitCode === 0 ? 0 : 2;
  if (fault instanceof CommandFailure) {
    process.stderr.write(`${fault.message}\n`);
    return fault.exitCode;
  }
  process.stderr.write(
    `sluice: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}\n`,
  );
  return 1;
}
