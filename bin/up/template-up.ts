/** `sluice up --template DIR`: what a synthesised CDK app would be on AWS, on this machine. */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { type Engine, TemplateRun } from "../../local/index.ts";
import { CommandFailure } from "../failure.ts";
import { builtFile } from "../package-files.ts";
import { VERSION } from "../version.ts";
import { accessLine } from "./summary.ts";

export interface TemplateUpOptions {
  readonly engine: Engine;
  readonly webhookPort: number;
  readonly json?: true;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export async function runTemplate(folder: string, options: TemplateUpOptions): Promise<void> {
  const { engine, webhookPort, json, signal, log } = options;
  const since = performance.now();
  let run: TemplateRun;
  try {
    run = await TemplateRun.start({
      folder,
      engine,
      apiPort: webhookPort,
      functionProgram: builtFile("function-child.mjs"),
      namesProgram: pathToFileURL(builtFile("local-names.mjs")).href,
      say: log,
      // What CloudWatch would make metrics of is not for people.
      onLine: (source, line) => {
        if (!line.startsWith('{"_aws"')) log(`${source} | ${line}`);
      },
      onAccess: (entry) => log(`api | ${accessLine(entry)}`),
      signal,
    });
  } catch (error) {
    if (signal.aborted) return;
    throw new CommandFailure(1, `sluice up: ${(error as Error).message}`, { cause: error });
  }
  const seconds = (performance.now() - since) / 1_000;
  const said = json === true ? JSON.stringify(describe(run)) : summarise(run, folder, seconds);
  process.stdout.write(`${said}\n`);
  const orders = createInterface({ input: process.stdin }).on(
    "line",
    (line) => void obey(run, line, log),
  );
  await new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", resolve, { once: true });
  });
  log("stopping");
  orders.close();
  await run.stop();
}

/** Where everything is. */
function describe(run: TemplateRun): Record<string, unknown> {
  const services = [...run.services].map(([id, service]) => ({ id, tasks: service.tasks }));
  const clusters = [...run.clusters].map(([id, { instances }]) => ({ id, instances }));
  const endpoints = run.names.map(({ name, address, port }) => ({ name, host: address, port }));
  return {
    urls: run.apis.map(({ url }) => url),
    endpoints,
    services,
    clusters,
    outputs: run.outputs,
  };
}

function summarise(run: TemplateRun, folder: string, seconds: number): string {
  const line = (label: string, text: string): string => `  ${label.padEnd(11)}${text}`;
  return [
    `\nSluice ${VERSION} runs ${folder}, after ${seconds.toFixed(1)} s.\n`,
    ...run.apis.map(({ url }) => line("HTTP API", url)),
    ...run.names.map(({ name, address, port }) => line("", `${address}:${port}  ${name}`)),
    ...[...run.services.values()].flatMap(({ tasks }) =>
      tasks.map(({ name, address, pid }) => line("Task", `${address}  pid ${pid}  ${name}`)),
    ),
    "",
    line("", "tasks N      starts or stops tasks of the service until there are N"),
    line("", "failover     makes a reader the writer"),
    "",
    "Ctrl-C stops everything.",
  ].join("\n");
}

/** What can be done while it runs, as a line of text. */
async function obey(run: TemplateRun, line: string, log: (line: string) => void): Promise<void> {
  const [word, argument] = line.trim().split(/\s+/);
  try {
    if (word === "tasks" && /^\d{1,2}$/.test(argument ?? "")) {
      await Promise.all(
        [...run.services.values()].map((each) => each.setDesiredCount(Number(argument))),
      );
      log(`there are ${argument} tasks`);
    } else if (word === "failover") {
      await run.failOver();
      log("the writer has changed");
    } else if (word !== "") log("tasks N, or failover");
  } catch (error) {
    log((error as Error).message);
  }
}
