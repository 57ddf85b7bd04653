import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
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
const LAST_LINES = 12;

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

  /** Resolves when every endpoint listens. */
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
    const last: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      onLine(line);
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, by) => resolve(by === null ? `code ${code}` : by));
    });
    void ended.then(() => pid !== undefined && watchdog.release(pid));
    const first = firstLine(child);
    const line = await Promise.race([first, ended.then(() => null), aborted(signal)]);
    if (line !== null) return new ProxyProcess(child, ended, JSON.parse(line) as ProxyReady);
    await end(child, ended);
    signal.throwIfAborted();
    throw new Error(`the proxy ended with ${await ended} while starting:\n${last.join("\n")}`);
  }

  async stop(): Promise<void> {
    await end(this.#child, this.ended);
  }
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
