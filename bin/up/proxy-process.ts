import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type { Watchdog } from "../../local/index.ts";
import type { EndpointRole } from "../../proxy/spec/proxy-spec.ts";

/** What `serve --json` prints when it is ready. */
export interface ProxyReady {
  readonly name: string;
  readonly pid: number;
  readonly endpoints: readonly {
    readonly name: string;
    readonly targetRole: EndpointRole;
    readonly host: string;
    readonly port: number;
  }[];
  readonly adminUrl: string;
}

export interface ProxyProcessOptions {
  /** The program that the container image runs. */
  readonly program: string;
  readonly configFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly watchdog: Watchdog;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Seconds that sessions have to end: whoever stops the whole system does not wait for them. */
const DRAIN_SECONDS = "0";
/** Milliseconds to end in order. */
const STOP_MS = 10_000;
/** Milliseconds until the targets must be known, and between two questions. */
const SERVING_MS = 60_000;
const POLL_MS = 50;

/** The proxy in a process of its own, as it runs everywhere else. */
export class ProxyProcess {
  readonly ready: ProxyReady;
  /** How it ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ended: Promise<string>, ready: ProxyReady) {
    this.#child = child;
    this.ended = ended;
    this.ready = ready;
  }

  /** Resolves when every endpoint listens and the proxy would serve clients. */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const { program, configFile, environment, watchdog, onLine, signal } = options;
    const args = [program, configFile, "--json", "--drain", DRAIN_SECONDS, "--exit-with-parent"];
    const child = spawn(process.execPath, args, {
      // A session of its own: the terminal's Ctrl-C is for us to handle, in order.
      detached: true,
      env: environment,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const { pid } = child;
    if (pid !== undefined) watchdog.guard(pid);
    let lastLine = "";
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lastLine = line;
      onLine(line);
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, by) => resolve(by === null ? `code ${code}` : by));
    });
    void ended.then(() => pid !== undefined && watchdog.release(pid));
    const first = firstLine(child);
    const line = await Promise.race([first, ended.then(() => null), aborted(signal)]);
    const ready = line === null ? null : (JSON.parse(line) as ProxyReady);
    const problem = ready === null ? null : await untilServing(ready.adminUrl, { ended, signal });
    if (ready !== null && problem === null) return new ProxyProcess(child, ended, ready);
    await end(child, ended);
    signal.throwIfAborted();
    const what = problem ?? `the proxy ended with ${await ended} while starting`;
    throw new Error(`${what}: ${lastLine}`);
  }

  async stop(): Promise<void> {
    await end(this.#child, this.ended);
  }
}

interface Waiting {
  readonly ended: Promise<string>;
  readonly signal: AbortSignal;
}

/** Asks until the proxy knows its targets; else says why it is of no use to go on asking. */
async function untilServing(adminUrl: string, { ended, signal }: Waiting): Promise<string | null> {
  let how: string | null = null;
  void ended.then((text) => {
    how = `the proxy ended with ${text} while starting`;
  });
  const deadline = performance.now() + SERVING_MS;
  while (how === null && !signal.aborted) {
    const answer = await fetch(`${adminUrl}/readyz`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return null;
    if (performance.now() > deadline) return "the proxy has not found its database in time";
    await pause(POLL_MS);
  }
  return how ?? "interrupted";
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => createInterface({ input: child.stdout! }).once("line", resolve));
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

async function end(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}
