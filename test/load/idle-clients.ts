import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { LoadProcess } from "../../bench/child.ts";
import { residentBytes } from "../../bench/cpu.ts";
import type { IdleOptions } from "../../bench/idle.ts";
import { ForegroundProcess, untilReady } from "../../bench/process.ts";
import { freePort } from "../../local/free-port.ts";
import { OwnServer } from "../support/own-server.ts";
import { RawClient } from "../support/raw-client.ts";

/**
 * How much an idle client costs one proxy process, and whether queries still flow beside 16,000 of them: the normal case for functions.
 * Linux, where a process may have as many files open; clients come from several loopback addresses.
 */
const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "16000" },
    tls: { type: "boolean", default: false },
    queries: { type: "string", default: "2000" },
  },
});
const clients = Number(values.clients);
const queries = Number(values.queries);

/** One source address has some 28,000 ports. */
const CLIENTS_PER_GENERATOR = 8_000;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Milliseconds of each of these queries, one after the other, lowest first. */
async function latencies(client: RawClient): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < queries; i++) {
    const from = performance.now();
    const [row] = await client.rows(`SELECT ${i}`);
    if (row?.[0] !== String(i)) throw new Error(`wrong answer: ${row}`);
    taken.push(performance.now() - from);
  }
  return taken.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], part: number): number {
  return Number(sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(3));
}

function figures(sorted: readonly number[]): { p50Ms: number; p99Ms: number } {
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}

const folder = await mkdtemp(join(tmpdir(), "sluice-idle-"));
const server = await OwnServer.start("mysql", { "max-connections": 300 });
const loads: LoadProcess[] = [];
let proxy: ForegroundProcess | null = null;
try {
  const target = server.server;
  const database = await target.database();
  const user = await target.user({ database });
  const port = await freePort();
  const file = join(folder, "proxy.json");
  await writeFile(
    file,
    JSON.stringify({
      endpoints: [{ name: "default", host: "127.0.0.1", port }],
      auth: [{ username: user.user, password: { value: user.password } }],
      target: {
        hosts: [`${target.host}:${target.port}`],
        topology: "static",
        tls: "DISABLED",
        monitor: { username: "monitor", password: { value: target.password } },
      },
      pool: { maxConnections: 20 },
      admin: { port: 0 },
    }),
  );
  const started = new ForegroundProcess(
    process.execPath,
    ["--import", "tsx", join(import.meta.dirname, "../../bin/sluice.ts"), "serve", file],
    { logFile: join(folder, "proxy.log") },
  );
  proxy = started;
  const login = { host: "127.0.0.1", port, ...user, database };
  await untilReady("the proxy", started, async () => {
    const client = await RawClient.connect(login);
    await client.rows("SELECT 1");
    client.quit();
  });
  const quiet = await RawClient.connect(login);
  const before = figures(await latencies(quiet));
  const memoryBefore = residentBytes([started.pid]);
  const generators = Math.ceil(clients / CLIENTS_PER_GENERATOR);
  for (let i = 0; i < generators; i++) loads.push(await LoadProcess.start("idle.ts"));
  say(`opening ${clients} clients`);
  const from = performance.now();
  await Promise.all(
    loads.map((load, i) =>
      load.call("open", {
        address: { host: "127.0.0.1", port, localAddress: `127.0.0.${10 + i}` },
        account: { ...user, database },
        clients: Math.floor(clients / generators) + (i < clients % generators ? 1 : 0),
        tls: values.tls,
      } satisfies IdleOptions),
    ),
  );
  const seconds = (performance.now() - from) / 1000;
  const memoryAfter = residentBytes([started.pid]);
  const during = figures(await latencies(quiet));
  const [threads] = await target.sql("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
  quiet.quit();
  await Promise.all(loads.map((load) => load.call("quit", null)));
  process.stdout.write(
    `${JSON.stringify(
      {
        clients,
        tls: values.tls,
        openedPerSecond: Math.round(clients / seconds),
        proxyMbBefore: megabytes(memoryBefore),
        proxyMbAfter: megabytes(memoryAfter),
        proxyKbPerClient: Math.round(((memoryAfter - memoryBefore) / clients / 1e3) * 10) / 10,
        serverConnections: Number(threads!["Value"]),
        queryAlone: before,
        queryAmongIdle: during,
      },
      null,
      1,
    )}\n`,
  );
} finally {
  for (const load of loads) await load.stop();
  await proxy?.stop(2_000);
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
