import { Command, InvalidArgumentError } from "commander";
import { CommandFailure } from "../failure.ts";
import { flood } from "../load/flood.ts";
import { readProxy, watchMost } from "../load/gauges.ts";
import { LoadGround, type Way } from "../load/ground.ts";
import { type Flooded, table } from "../load/report.ts";

interface Flags {
  readonly url?: string;
  readonly adminUrl?: string;
  readonly concurrency: number;
  readonly seconds: number;
  readonly direct?: true;
  readonly maxConnections: number;
  readonly json?: true;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** `sluice load`: a flood of requests metered through a narrow gate. */
export function loadCommand(): Command {
  return new Command("load")
    .description("flood the webhook with requests, and show how few database connections they need")
    .option(
      "--url <url>",
      "a webhook that runs already; a system of its own is started when absent",
    )
    .option("--admin-url <url>", "with --url: the admin server of the proxy behind it")
    .option("--concurrency <n>", "requests at once", count(1, 10_000), 200)
    .option("--seconds <n>", "how long", count(1, 3_600), 30)
    .option("--direct", "flood it without the proxy, too, and show both side by side")
    .option(
      "--max-connections <n>",
      "max_connections of the database that is started",
      count(10, 10_000),
      60,
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nA system of its own is a MySQL server, the webhook's function with a process for each request at once, and the proxy between them.",
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  if (flags.url !== undefined && flags.direct)
    throw new CommandFailure(2, "load: --direct needs a database of its own: leave --url out");
  const asked = new AbortController();
  const stop = () => asked.abort(new Error("stopped"));
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const floods =
      flags.url === undefined
        ? await floodOwn(flags, asked.signal)
        : [await floodUrl(flags, asked.signal)];
    process.stdout.write(flags.json ? `${JSON.stringify(floods)}\n` : `${table(floods)}\n`);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

async function floodUrl({ url, adminUrl, ...flags }: Flags, signal: AbortSignal): Promise<Flooded> {
  const watch = watchMost(async () => (adminUrl === undefined ? {} : await readProxy(adminUrl)));
  const { concurrency, seconds } = flags;
  const result = await flood({ url: url!, concurrency, ms: seconds * 1_000, signal });
  return { title: "", result, most: await watch.stop() };
}

async function floodOwn(flags: Flags, signal: AbortSignal): Promise<Flooded[]> {
  const { concurrency, maxConnections, direct } = flags;
  const options = { maxConnections, environments: concurrency, say, signal };
  const ground = await LoadGround.start(options);
  try {
    const floods = [await floodWay("with the proxy", await ground.throughProxy(), flags, signal)];
    if (direct) floods.push(await floodWay("without", await ground.direct(), flags, signal));
    return floods;
  } finally {
    await ground.stop();
  }
}

async function floodWay(
  title: string,
  way: Way,
  flags: Flags,
  signal: AbortSignal,
): Promise<Flooded> {
  const { concurrency, seconds } = flags;
  try {
    say(`${concurrency} requests at once for ${seconds} s, ${title}`);
    const watch = watchMost(way.read);
    const result = await flood({ url: way.url, concurrency, ms: seconds * 1_000, signal });
    return { title, result, most: await watch.stop() };
  } finally {
    await way.stop();
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}.`);
  };
}
