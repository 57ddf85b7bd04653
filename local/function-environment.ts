import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { EnvironmentMessage, InvocationContext, InvokeMessage } from "./function-messages.ts";

/** How an invocation ended. */
export type InvocationOutcome =
  /** The handler's value as JSON text. */
  | { readonly kind: "returned"; readonly payload: string }
  /** The handler threw; the environment is still good. */
  | { readonly kind: "failed"; readonly errorType: string; readonly errorMessage: string }
  /** The process ended before it answered, or before it was ready. */
  | { readonly kind: "crashed"; readonly errorMessage: string }
  | { readonly kind: "timed-out" }
  /** Nothing ran: all environments that may exist are busy. */
  | { readonly kind: "throttled" };

export interface EnvironmentOptions {
  readonly name: string;
  /** Built `local/function-child.ts`. */
  readonly bootstrap: string;
  readonly file: string;
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Stop the process between invocations, as Lambda does. */
  readonly freeze: boolean;
  readonly onLine: (line: string) => void;
}

interface Waiting {
  readonly settle: (outcome: InvocationOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** One execution environment: a process that has loaded the function and runs one invocation at a time. */
export class ExecutionEnvironment {
  readonly name: string;
  readonly group: number;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #freeze: boolean;
  #waiting: Waiting | null = null;
  #state: "running" | "killed" | "ended" = "running";

  constructor(options: EnvironmentOptions) {
    this.name = options.name;
    this.#freeze = options.freeze;
    this.#child = spawn(process.execPath, [options.bootstrap, options.file, options.handler], {
      // A group of its own, so that what the function itself starts ends with it.
      detached: true,
      env: options.variables,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.group = this.#child.pid ?? 0;
    forwardLines(this.#child.stdout, options.onLine);
    forwardLines(this.#child.stderr, options.onLine);
    this.#child.on("message", (message) => this.#hear(message as EnvironmentMessage));
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#end(how);
        resolve();
      };
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) end(error.message);
      });
      this.#child.on("exit", (code, signal) => end(`exit ${signal ?? `code ${code}`}`));
    });
  }

  /** It may be given an invocation. */
  get usable(): boolean {
    return this.#state === "running";
  }

  /** Waits until the function's module is loaded. */
  async load(timeoutMs: number): Promise<InvocationOutcome> {
    return await this.#wait(timeoutMs);
  }

  async invoke(
    event: unknown,
    context: InvocationContext,
    timeoutMs: number,
  ): Promise<InvocationOutcome> {
    if (this.#freeze) this.#signal("SIGCONT");
    const message: InvokeMessage = {
      kind: "invoke",
      event,
      context,
      deadline: Date.now() + timeoutMs,
    };
    const outcome = this.#wait(timeoutMs);
    if (this.usable) this.#child.send(message, () => {}); // A lost channel shows as the end of the process.
    return await outcome;
  }

  /** Between invocations a frozen environment does nothing: no timer fires, no packet is answered. */
  rest(): void {
    if (this.#freeze) this.#signal("SIGSTOP");
  }

  kill(): void {
    this.#signal("SIGKILL");
    if (this.#state === "running") this.#state = "killed";
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#state !== "running" || this.group === 0) return;
    try {
      process.kill(-this.group, signal);
    } catch {
      // It has just ended by itself.
    }
  }

  #wait(timeoutMs: number): Promise<InvocationOutcome> {
    if (!this.usable)
      return Promise.resolve({ kind: "crashed", errorMessage: "the environment has ended" });
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        this.#settle({ kind: "timed-out" });
        this.kill();
      }, timeoutMs);
      this.#waiting = { settle, timer };
    });
  }

  #hear(message: EnvironmentMessage): void {
    this.#settle(message.kind === "ready" ? { kind: "returned", payload: "null" } : message);
  }

  #end(how: string): void {
    this.#state = "ended";
    this.#settle({
      kind: "crashed",
      errorMessage: `Runtime exited without providing a reason: ${how}`,
    });
  }

  #settle(outcome: InvocationOutcome): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    clearTimeout(waiting.timer);
    waiting.settle(outcome);
  }
}

function forwardLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null)
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
}
