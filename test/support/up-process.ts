import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "./processes.ts";
import { until } from "./until.ts";

/** What `up --json` prints, as its users read it. */
export interface UpDocument {
  readonly awsEndpoint: string;
  readonly webhookUrl: string;
  readonly consoleUrl: string | null;
  readonly proxy: {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly readerHost: string;
    readonly readerPort: number;
    readonly pid: number;
    readonly configFile: string;
    readonly caFile: string;
  };
  readonly cluster: {
    readonly id: string;
    readonly instances: readonly {
      readonly id: string;
      readonly role: string;
      readonly host: string;
      readonly port: number;
      readonly pid: number;
    }[];
  };
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly adminUrl: string;
  readonly aws: {
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly secretArn: string;
    readonly caFile: string;
  };
}

const SLUICE = process.env["UP_TRIAL"] ?? join(import.meta.dirname, "../../bin/sluice");
const READY_MS = 240_000;

/** One `sluice up`, or another command that stays up, with a temporary folder of its own, so that whatever it leaves behind is seen. */
export class UpProcess {
  readonly child: ChildProcess;
  /** Where it may put temporary files. */
  readonly folder = mkdtempSync("/tmp/up-");
  stdout = "";
  stderr = "";
  readonly #exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(args: readonly string[], command = "up") {
    this.child = spawn(SLUICE, [command, ...args], {
      env: { ...process.env, TMPDIR: this.folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#exited = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
  }

  /** The document, once it is printed. */
  async ready<Document = UpDocument>(): Promise<Document> {
    await until(() => this.stdout.endsWith("\n") || this.child.exitCode !== null, {
      what: "the system",
      deadlineMs: READY_MS,
    });
    if (this.stdout === "")
      throw new Error(`up ended with ${this.child.exitCode}:\n${this.stderr}`);
    return JSON.parse(this.stdout) as Document;
  }

  /** Resolves when its output is closed, which it is when the last process that shares it is gone. */
  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.#exited;
  }

  /** All processes started by it, by those, and so on, and itself. */
  processes(): number[] {
    const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
    const pairs = table
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    const found = [this.child.pid ?? 0];
    for (const parent of found) {
      for (const [pid, ppid] of pairs) if (ppid === parent && pid !== undefined) found.push(pid);
    }
    return found;
  }

  /** Waits until none of these processes runs and no temporary file is left. */
  async untilGone(processes: readonly number[]): Promise<void> {
    const left = () => ({
      processes: processes
        .filter(isRunning)
        .map((pid) =>
          execFileSync("ps", ["-o", "pid=,args=", "-p", String(pid)], { encoding: "utf8" }),
        ),
      files: readdirSync(this.folder),
    });
    await until(
      () => {
        const { processes: running, files } = left();
        if (running.length + files.length > 0) throw new Error(JSON.stringify({ running, files }));
        return true;
      },
      { what: "the end of everything", deadlineMs: 60_000 },
    );
  }

  /** For the end of a test, however it went. */
  async discard(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const processes = this.processes();
      this.child.kill("SIGKILL");
      await this.untilGone(processes).catch(() => {});
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
