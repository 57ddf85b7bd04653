import { execFileSync, spawn } from "node:child_process";
import { track } from "./process.ts";
import type { Account } from "./raw/auth.ts";
import type { Address } from "./raw/transport.ts";
import { type Bucket, bucketQuantile } from "./stats.ts";

const TABLES = 4;
export const TABLE_ROWS = 20_000;
const WARM_UP_SECONDS = 1;
/** On top of its own time a run may take so long to connect and to end. */
const SLACK_MS = 90_000;

export interface SysbenchRun {
  program: string;
  /** A script that comes with sysbench. */
  script: string;
  address: Address;
  account: Account;
  threads: number;
  seconds: number;
  prepared: boolean;
  /** Called when the warm-up is over and again when the window is. */
  windowBegins: () => void;
  windowEnds: () => void;
}

export interface SysbenchResult {
  queries: number;
  seconds: number;
  /** Of events: a query in point_select, a transaction in read_only and read_write. */
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  ignoredErrors: number;
}

function connection(address: Address, account: Account): string[] {
  return [
    `--mysql-host=${address.host}`,
    `--mysql-port=${address.port}`,
    `--mysql-user=${account.user}`,
    `--mysql-password=${account.password}`,
    `--mysql-db=${account.database}`,
    `--tables=${TABLES}`,
    `--table-size=${TABLE_ROWS}`,
  ];
}

export function createTables(program: string, address: Address, account: Account): void {
  const args = ["oltp_common", ...connection(address, account), `--threads=${TABLES}`];
  execFileSync(program, [...args, "cleanup"], { stdio: "pipe" });
  execFileSync(program, [...args, "prepare"], { stdio: "pipe" });
}

/**
 * One run. sysbench's clock starts when all threads are connected; its checkpoint after the warm-up starts the figures
 * anew, so that the last report is of the window alone.
 */
export function runSysbench(run: SysbenchRun): Promise<SysbenchResult> {
  const args = [
    run.script,
    ...connection(run.address, run.account),
    `--threads=${run.threads}`,
    `--time=${WARM_UP_SECONDS + run.seconds}`,
    `--report-checkpoints=${WARM_UP_SECONDS}`,
    "--histogram=on",
    `--db-ps-mode=${run.prepared ? "auto" : "disable"}`,
    "run",
  ];
  const child = spawn(run.program, args, { stdio: ["ignore", "pipe", "pipe"] });
  track(child);
  return new Promise((resolve, reject) => {
    let output = "";
    let windowTimer: NodeJS.Timeout | null = null;
    let windowOver = false;
    const endWindow = () => {
      if (!windowOver) run.windowEnds();
      windowOver = true;
    };
    const limit = setTimeout(
      () => child.kill("SIGKILL"),
      (WARM_UP_SECONDS + run.seconds) * 1_000 + SLACK_MS,
    );
    const collect = (text: string) => {
      output += text;
      if (windowTimer === null && output.includes("Checkpoint report:")) {
        run.windowBegins();
        windowTimer = setTimeout(endWindow, run.seconds * 1_000);
      }
      if (text.includes("Latency histogram")) endWindow();
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      if (windowTimer) clearTimeout(windowTimer);
      if (code !== 0) {
        reject(new Error(`sysbench ended (${signal ?? code}): ${fatalLines(output)}`));
      } else {
        resolve(parseReport(output));
      }
    });
  });
}

function fatalLines(output: string): string {
  const lines = output.split("\n").filter((line) => /FATAL|error/i.test(line));
  return lines.slice(0, 3).join(" | ") || output.slice(-300);
}

/** Reads the last report of a run and its histogram. */
export function parseReport(output: string): SysbenchResult {
  const at = output.lastIndexOf("Latency histogram");
  if (at < 0) throw new Error(`no histogram in sysbench's output: ${output.slice(-300)}`);
  const report = output.slice(at);
  const buckets: Bucket[] = [];
  for (const [, value, count] of report.matchAll(/^\s*([\d.]+) \|\**\s+(\d+)$/gm)) {
    buckets.push({ value: Number(value), count: Number(count) });
  }
  const queries = /queries:\s+(\d+)\s+\(([\d.]+) per sec\.\)/.exec(report);
  if (!queries) throw new Error("no query count in sysbench's output");
  return {
    queries: Number(queries[1]),
    seconds: Number(queries[1]) / Number(queries[2]),
    p50Ms: bucketQuantile(buckets, 0.5),
    p95Ms: bucketQuantile(buckets, 0.95),
    p99Ms: bucketQuantile(buckets, 0.99),
    ignoredErrors: Number(/ignored errors:\s+(\d+)/.exec(report)?.[1] ?? 0),
  };
}
