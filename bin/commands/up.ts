import { Command, InvalidArgumentError, Option } from "commander";
import { ENGINES, type Engine } from "../../local/index.ts";
import { CommandFailure } from "../failure.ts";
import { describeStack, type Stack, startStack } from "../up/stack.ts";
import { accessLine, summarise } from "../up/summary.ts";
import { runTemplate } from "../up/template-up.ts";

interface UpFlags {
  readonly awsPort: number;
  readonly proxyPort: number;
  readonly readerPort: number;
  readonly webhookPort: number;
  readonly consolePort: number;
  readonly adminPort: number;
  readonly instances: number;
  readonly engine: Engine;
  readonly dataDir?: string;
  readonly awsRegion?: string;
  readonly awsAccount?: string;
  readonly console: boolean;
  readonly json?: true;
  readonly template?: string;
}

const INSTANCES_MAX = 16;
/** Milliseconds in which several signals are one: npm and `timeout` pass on what the terminal has sent us as well. */
const ONE_PRESS_MS = 1_000;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const PORTS = {
  "--proxy-port": "the proxy's endpoint for the writer",
  "--reader-port": "the proxy's endpoint for the readers",
  "--webhook-port": "the webhook's HTTP API",
  "--admin-port": "the proxy's admin server",
  "--aws-port": "the AWS API",
  "--console-port": "the console",
} as const;

/** `sluice up`: the whole system on this machine, until Ctrl-C. */
export function upCommand(): Command {
  const command = new Command("up")
    .description(
      "run the whole system on this machine: database cluster, proxy, webhook, AWS API, console",
    )
    .option("--instances <n>", "database servers, one of them the writer", parseCount, 3)
    .addOption(
      new Option("--engine <name>", "which database servers")
        .choices([...ENGINES])
        .default("mysql"),
    )
    .option("--data-dir <dir>", "keep the data here between runs; a temporary folder when absent")
    .option("--aws-region <name>", "region of the AWS API", parseRegion, "us-east-1")
    .option("--aws-account <id>", "account of the AWS API", parseAccount, "123456789012");
  for (const [flag, what] of Object.entries(PORTS)) {
    command.option(`${flag} <port>`, `port of ${what}; 0 takes any free one`, parsePort, 0);
  }
  return command
    .option(
      "--template <dir>",
      "run the synthesised CDK app in this folder (cdk.out) instead, as far as its types are known",
    )
    .option("--no-console", "leave the console out")
    .option("--json", "print one JSON document when everything is ready, logs on stderr")
    .addHelpText(
      "after",
      "\nCtrl-C or SIGTERM stops everything and leaves nothing behind; a second one does not wait.",
    )
    .action(runUp);
}

async function runUp(flags: UpFlags): Promise<void> {
  const asked = new AbortController();
  let firstAt = 0;
  const onSignal = () => {
    if (!asked.signal.aborted) {
      firstAt = performance.now();
      asked.abort(new Error("stopped while starting"));
    } else if (performance.now() - firstAt > ONE_PRESS_MS) process.exit(1); // The watchdogs clear up.
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  try {
    await live(flags, asked.signal);
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/** From start to stop. Being told to stop is no failure, at whatever point. */
async function live(flags: UpFlags, signal: AbortSignal): Promise<void> {
  if (flags.template !== undefined)
    return await runTemplate(flags.template, { ...flags, signal, log });
  const since = performance.now();
  let stack: Stack;
  try {
    stack = await startStack(stackOptions(flags, signal));
  } catch (error) {
    if (signal.aborted) return;
    throw new CommandFailure(1, `sluice up: ${(error as Error).message}`, { cause: error });
  }
  const seconds = (performance.now() - since) / 1_000;
  process.stdout.write(
    flags.json ? `${JSON.stringify(describeStack(stack))}\n` : `\n${summarise(stack, seconds)}`,
  );
  const death = await Promise.race([aborted(signal), stack.proxy.ended]);
  log(death === null ? "stopping" : "stopping, as the proxy has ended");
  await stack.stop();
  if (death !== null) throw new CommandFailure(1, `sluice up: the proxy ended with ${death}`);
}

function stackOptions(flags: UpFlags, signal: AbortSignal): Parameters<typeof startStack>[0] {
  const { engine, instances, dataDir, console } = flags;
  return {
    engine,
    instances,
    dataDir,
    region: flags.awsRegion,
    accountId: flags.awsAccount,
    console,
    ports: {
      aws: flags.awsPort,
      proxy: flags.proxyPort,
      reader: flags.readerPort,
      webhook: flags.webhookPort,
      console: flags.consolePort,
      admin: flags.adminPort,
    },
    signal,
    say: log,
    onLine: (source, line) => log(`${source} | ${line}`),
    onAccess: (entry) => log(`webhook | ${accessLine(entry)}`),
  };
}

/** Progress and logs: on stderr, whatever the form of the result. */
function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError("a port from 0 to 65535.");
  return port;
}

function parseRegion(text: string): string {
  if (!/^[a-z]{2}(?:-[a-z]+)+-\d$/.test(text))
    throw new InvalidArgumentError("a region such as eu-west-1.");
  return text;
}

function parseAccount(text: string): string {
  if (!/^\d{12}$/.test(text)) throw new InvalidArgumentError("twelve digits.");
  return text;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > INSTANCES_MAX) {
    throw new InvalidArgumentError(`a number from 1 to ${INSTANCES_MAX}.`);
  }
  return count;
}
