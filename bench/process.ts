import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** Every child of the run, so that none outlives it. */
const children = new Set<ChildProcess>();

export function track(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export interface StartOptions {
  /** Where stdout and stderr go. */
  logFile: string;
  env?: NodeJS.ProcessEnv;
  /** Open files allowed; the limit is raised as far as the system lets it. */
  openFiles?: number;
}

/**
 * A server in the foreground of our own session: Linux shares the processor between sessions first (autogroups), and a
 * server that has moved to its own would be measured under another rule.
 */
export class ForegroundProcess {
  readonly child: ChildProcess;
  readonly #logFile: string;

  constructor(command: string, args: readonly string[], options: StartOptions) {
    const log = openSync(options.logFile, "w");
    this.#logFile = options.logFile;
    const raiseLimit = `ulimit -n ${options.openFiles ?? 65_536} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"`;
    this.child = spawn("sh", ["-c", raiseLimit, command, ...args], {
      stdio: ["ignore", log, log],
      env: options.env ?? process.env,
    });
    track(this.child);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  logTail(): string {
    return readFileSync(this.#logFile, "utf8").split("\n").slice(-15).join("\n");
  }

  async stop(graceMs = 10_000): Promise<void> {
    if (this.ended) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), graceMs);
    await gone;
    clearTimeout(timer);
  }
}

/** Tries `attempt` until it succeeds, the server ends or the time is over; then tells why. */
export async function untilReady(
  name: string,
  server: ForegroundProcess,
  attempt: () => Promise<void>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (server.ended) throw new Error(`${name} ended at its start:\n${server.logTail()}`);
      if (Date.now() > deadline)
        throw new Error(`${name} is not ready: ${reason}\n${server.logTail()}`);
    }
    await wait(50);
  }
}
