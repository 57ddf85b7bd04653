import { writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  ENGINES,
  type Engine,
  FAILOVER_MODES,
  type FailoverMode,
  PROMOTION_SECONDS,
  svgChart,
} from "../../local/index.ts";
import { type Rehearsal, rehearse } from "../failover/rehearsal.ts";
import { chartOf, reportOf } from "../failover/report.ts";
import { CommandFailure } from "../failure.ts";

interface FailoverFlags {
  readonly target?: string;
  readonly mode: FailoverMode;
  readonly through: string;
  readonly promotionSeconds: number;
  readonly seconds: number;
  readonly transactions: boolean;
  readonly engine: Engine;
  readonly svg?: string;
  readonly json?: true;
}

const SECONDS = 20;
const SECONDS_MAX = 3_600;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `sluice failover`: a rehearsal. */
export function failoverCommand(): Command {
  return new Command("failover")
    .description("fail a local cluster over under load; print what a client saw, and when")
    .option("--target <id>", "the reader to become the writer; by promotion tier when absent")
    .addOption(
      new Option("--mode <mode>", "hand over in order, kill the writer, or cut it off")
        .choices([...FAILOVER_MODES])
        .default("planned"),
    )
    .option(
      "--through <way>",
      "the load's way: proxy (ours), direct (the cluster's endpoint) or HOST:PORT",
      parseWay,
      "proxy",
    )
    .option(
      "--promotion-seconds <n>",
      "until the new writer takes writes; 0 is as fast as it goes",
      parseSeconds,
      PROMOTION_SECONDS,
    )
    .option("--seconds <n>", "of load", parseSeconds, SECONDS)
    .option("--no-transactions", "leave transactions of several statements out of the load")
    .addOption(
      new Option("--engine <name>", "of the cluster that is started where none runs")
        .choices([...ENGINES])
        .default("mysql"),
    )
    .option("--svg <file>", "write the chart as a picture")
    .option("--json", "print one JSON document, logs on stderr")
    .action(runFailover);
}

async function runFailover(flags: FailoverFlags): Promise<void> {
  const { svg, json, ...options } = flags;
  const asked = new AbortController();
  const stop = () => asked.abort(new Error("interrupted"));
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  let rehearsal: Rehearsal;
  try {
    const say = (line: string) => process.stderr.write(`${line}\n`);
    rehearsal = await rehearse({ ...options, signal: asked.signal, say });
  } catch (error) {
    throw new CommandFailure(1, `failover: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
  process.stdout.write(json ? `${JSON.stringify(documentOf(rehearsal))}\n` : reportOf(rehearsal));
  if (svg !== undefined) await writeFile(svg, svgChart(chartOf(rehearsal)));
  const { missing, doubled } = rehearsal.check;
  if (missing.length + doubled.length > 0) {
    const found = `${missing.length} answered writes are missing, ${doubled.length} were done twice`;
    throw new CommandFailure(1, `failover: ${found}`);
  }
}

function documentOf(rehearsal: Rehearsal): object {
  const { engine, mode, through, summary, check, statementsPerSecond, proxyCounts } = rehearsal;
  return { engine, mode, through, statementsPerSecond, ...summary, proxyCounts, check };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || seconds > SECONDS_MAX) {
    throw new InvalidArgumentError(`a number from 0 to ${SECONDS_MAX}.`);
  }
  return seconds;
}

function parseWay(text: string): string {
  if (text === "proxy" || text === "direct" || /^\S+:\d{1,5}$/.test(text)) return text;
  throw new InvalidArgumentError("proxy, direct or HOST:PORT.");
}
