import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTlsFiles } from "../local/tls-files.ts";
import { CASES } from "./cases.ts";
import { type Context, Loads } from "./context.ts";
import { autogroup } from "./cpu.ts";
import { describeMachine, type Environment, loadNow } from "./environment.ts";
import { type BenchOptions, HELP, parseOptions, UsageError } from "./options.ts";
import {
  directPeer,
  givenPeer,
  type Peer,
  type PeerSettings,
  startHaproxy,
  startSluice,
} from "./peers.ts";
import { type Report, readReport, renderReport, writeDocs, writeReport } from "./report.ts";
import { measureRounds } from "./rounds.ts";
import { type Backend, logInOnce, startServer, useServer } from "./server.ts";
import { summarise } from "./summary.ts";
import { createTables } from "./sysbench.ts";
import { needProgram, versionOf } from "./tools.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The server takes every idle client of a proxy that does not share connections, and some more. */
const SPARE_CONNECTIONS = 1_000;

const began = performance.now();

const stopping = new AbortController();

function say(line: string): void {
  if (stopping.signal.aborted) return;
  const seconds = Math.round((performance.now() - began) / 1_000);
  process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
}

/** What is undone at the end, last first. */
class Cleanup {
  readonly #steps: (() => Promise<void> | void)[] = [];
  #running: Promise<void> | null = null;

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  run(): Promise<void> {
    this.#running ??= this.#undo();
    return this.#running;
  }

  async #undo(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        say(`at the end: ${(error as Error).message}`);
      }
    }
  }
}

async function startBackend(
  options: BenchOptions,
  folder: string,
  cleanup: Cleanup,
): Promise<Backend> {
  if (options.server) return useServer(options.server);
  const tls = await makeTlsFiles(join(folder, "tls"));
  const maxConnections = Math.max(5_000, options.idleClients + SPARE_CONNECTIONS);
  const server = {
    engine: options.engine,
    folder: join(folder, "server"),
    tls,
    maxConnections,
    say,
  };
  const backend = await startServer(server);
  cleanup.add(() => backend.stop());
  return backend;
}

async function startPeers(
  options: BenchOptions,
  settings: PeerSettings,
  cleanup: Cleanup,
): Promise<Peer[]> {
  const start = {
    direct: async () => directPeer(settings.backend),
    haproxy: () => startHaproxy(settings),
    sluice: () => startSluice("sluice", "rds", settings),
    "sluice-adaptive": () => startSluice("sluice-adaptive", "adaptive", settings),
  };
  const peers: Peer[] = [];
  for (const name of options.peers) {
    const peer = await start[name]();
    cleanup.add(() => peer.stop());
    peers.push(peer);
  }
  for (const { name, address, pid } of options.given) {
    await logInOnce(address).catch((error: Error) => {
      throw new Error(`${name}: the account sluice_bench cannot log in there: ${error.message}`);
    });
    peers.push(givenPeer(name, address, pid));
  }
  return peers;
}

/** Processes of several scheduler groups do not compete on equal terms. */
function groupNotes(backend: Backend, peers: readonly Peer[]): string[] {
  const own = autogroup("self");
  const named = [
    { name: "the server", pid: backend.pid },
    ...peers.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }])),
  ];
  return named
    .filter(({ pid }) => autogroup(pid) !== own)
    .map(
      ({ name }) =>
        `${name} runs in another scheduler group (started from another session): its rates are not comparable.`,
    );
}

function versions(
  backend: Backend,
  options: BenchOptions,
  tools: { sysbench: string; haproxy: string },
) {
  return [
    backend.label,
    ...(options.peers.includes("haproxy")
      ? [
          `${versionOf(tools.haproxy, "-v").replace(/ - .*| \d{4}\/.*/, "")} (${options.haproxyThreads} threads)`,
        ]
      : []),
    versionOf(tools.sysbench, "--version"),
    `Node ${process.version.slice(1)}`,
    ...(options.peers.some((name) => name.startsWith("sluice"))
      ? [`Sluice with at most ${options.pool} backends`]
      : []),
  ];
}

async function run(options: BenchOptions, cleanup: Cleanup): Promise<void> {
  const sysbench = needProgram("sysbench", say);
  const haproxy = options.peers.includes("haproxy") ? needProgram("haproxy", say) : "";
  if (options.build && options.peers.some((name) => name.startsWith("sluice"))) {
    say("building dist/");
    execFileSync(process.execPath, ["build.mjs"], { cwd: ROOT, stdio: "pipe" });
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  say("starting the database server");
  const backend = await startBackend(options, folder, cleanup);
  say(`${backend.label} on port ${backend.address.port}; filling its tables`);
  createTables(sysbench, backend.address, backend.account);
  const tls = await makeTlsFiles(join(folder, "proxy-tls"));
  const proxies = join(folder, "proxies");
  mkdirSync(proxies);
  const { haproxyThreads, pool } = options;
  const peers = await startPeers(
    options,
    { folder: proxies, backend, tls, haproxy, haproxyThreads, pool },
    cleanup,
  );
  const loads = new Loads();
  cleanup.add(() => loads.stop());
  const notes = groupNotes(backend, peers);
  for (const note of notes) say(note);
  const environment: Environment = {
    started: new Date().toISOString(),
    ...describeMachine(),
    load: { before: loadNow(), after: "" },
    versions: versions(backend, options, { sysbench, haproxy }),
    rounds: options.rounds,
    seconds: options.seconds,
    notes,
  };
  const context: Context = { ...options, backend, peers, sysbench, loads, signal: stopping.signal };
  const cases = CASES.filter(({ name }) => options.cases.includes(name));
  const measured = await measureRounds(context, { ...options, cases }, say);
  if (stopping.signal.aborted) return;
  environment.load.after = loadNow();
  const report = { environment, summaries: summarise(cases, measured), measured };
  say(`report: ${writeReport(report, cases)}`);
  show(report, options);
  if (measured.samples.length === 0) throw new Error("nothing could be measured");
}

function show(report: Report, options: BenchOptions): void {
  process.stdout.write(`\n${renderReport(report, CASES)}\n`);
  if (options.writeDocs) writeDocs(report, CASES);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(HELP);
    return;
  }
  if (options.from !== null) {
    show(readReport(options.from), options);
    return;
  }
  if (process.platform !== "linux")
    throw new Error("processor time is read from /proc: Linux only");
  const cleanup = new Cleanup();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      say(`${signal}: stopping`);
      stopping.abort();
      void cleanup.run().finally(() => process.exit(130));
    });
  }
  try {
    await run(options, cleanup);
  } finally {
    await cleanup.run();
  }
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
