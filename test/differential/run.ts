/** `npm run test:differential`: scripts straight at the server and through the proxy must be told the same. */
import { parseArgs } from "node:util";
import type { TestProject } from "vitest/node";
import { ENGINES, type Engine } from "../../local/engine.ts";
import { type ProvidedServers, testServer } from "../support/servers.ts";
import { setup } from "../support/servers-setup.ts";
import { type Mismatch, runCampaign } from "./campaign.ts";
import { replay } from "./replay.ts";
import { describeStep } from "./script.ts";
import { Theatre } from "./theatre.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    engine: { type: "string" },
    /** Scripts on each engine. */
    scripts: { type: "string", default: "1000" },
    /** Replays this one among others, and leaves out of it what is not needed to fail. */
    script: { type: "string" },
    steps: { type: "string", default: "200" },
    clients: { type: "string", default: "24" },
    backends: { type: "string", default: "6" },
    pinning: { type: "string", default: "3" },
    first: { type: "string", default: "1" },
    "most-mismatches": { type: "string", default: "20" },
  },
});

const seed = values.seed ?? String(Date.now() % 1_000_000_007);
const engines: readonly Engine[] =
  values.engine === undefined ? ENGINES : ENGINES.filter((engine) => engine === values.engine);

async function main(): Promise<number> {
  let servers: ProvidedServers | null = null;
  const provide = (_: string, value: unknown): void => {
    servers = value as ProvidedServers;
  };
  const stop = await setup({ provide } as unknown as TestProject);
  let failed = 0;
  try {
    for (const engine of engines) {
      const server = (servers as unknown as ProvidedServers)[engine];
      if ("problem" in server) throw new Error(server.problem);
      const theatre = await Theatre.open(testServer(server), Number(values.backends));
      try {
        failed += values.script === undefined ? await campaign(theatre) : await again(theatre);
      } catch (error) {
        console.error(error);
        failed += 1;
      } finally {
        await theatre.close();
      }
    }
  } finally {
    await stop();
  }
  return failed === 0 ? 0 : 1;
}

async function campaign(theatre: Theatre): Promise<number> {
  const count = Number(values.scripts);
  const started = performance.now();
  let told = 0;
  console.log(
    `${theatre.engine} ${theatre.version}: seed ${seed}, ${count} scripts of at least ${values.steps} statements, ${values.clients} clients over ${values.backends} backends`,
  );
  const result = await runCampaign({
    theatre,
    seed,
    first: Number(values.first),
    count,
    steps: Number(values.steps),
    clients: Number(values.clients),
    pinningClients: Number(values.pinning),
    onMismatch: (mismatch) => {
      told += 1;
      if (told <= Number(values["most-mismatches"])) tell(mismatch);
    },
    onProgress: (done) => {
      if (done % 100 === 0) console.log(`${theatre.engine}: ${done} scripts`);
    },
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `${theatre.engine} ${theatre.version}: ${result.scripts} scripts (${result.pinning} of them pin), ${result.statements} statements, ${result.mismatches} mismatches (and ${result.unstable} in which the server contradicts itself), ${seconds} s; seed ${seed}`,
  );
  return result.mismatches;
}

async function again(theatre: Theatre): Promise<number> {
  const mismatch = await replay({
    theatre,
    seed,
    number: Number(values.script),
    steps: Number(values.steps),
    clients: Math.min(8, Number(values.clients)),
    say: (line) => console.log(line),
  });
  if (mismatch === null) {
    console.log(`${theatre.engine}: script ${values.script} of seed ${seed} tells the same`);
    return 0;
  }
  tell(mismatch);
  return 1;
}

function tell({ script, number, index, difference, unstable }: Mismatch): void {
  const from = Math.max(0, index - 12);
  const context = script.steps
    .slice(from, index + 1)
    .map((step, i) => `  ${from + i}${from + i === index ? " >" : "  "} ${describeStep(step)}`);
  console.log(
    [
      unstable
        ? "--- The server contradicts itself: the script is at fault"
        : "--- MISMATCH through the proxy",
      `${script.engine}, script ${number}, step ${index}, a ${script.profile} client that ${script.pins ? "pins" : "never pins"}; login collation ${script.charset}`,
      ...context,
      difference,
      `replay: npm run test:differential -- --seed ${script.seed} --engine ${script.engine} --steps ${values.steps} --script ${number}`,
    ].join("\n"),
  );
}

process.exitCode = await main();
