import { randomUUID } from "node:crypto";
import { ExecutionEnvironment, type InvocationOutcome } from "./function-environment.ts";
import type { InvocationContext } from "./function-messages.ts";
import type { Watchdog } from "./watchdog.ts";

export interface FunctionOptions {
  readonly name: string;
  /** The built `local/function-child.ts`: the program of each environment. */
  readonly bootstrap: string;
  /** The bundle that exports the handler. */
  readonly file: string;
  readonly handler?: string;
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Ends environments when this process is gone. They notice it themselves, but only while their event loop turns; one
   * that is frozen, or loops for ever, does not.
   */
  readonly watchdog: Watchdog;
  /** Milliseconds of one invocation; Lambda's own default is 3 s. */
  readonly timeoutMs?: number;
  /** Milliseconds for loading the module. Lambda allows 10 s; a laptop that starts a database beside it needs more. */
  readonly initTimeoutMs?: number;
  /** Invocations that may run at once, and so environments that may exist: Lambda's reserved concurrency. */
  readonly concurrencyMax?: number;
  /** Invocations that wait for their turn beyond that; Lambda itself lets none wait. */
  readonly waitersMax?: number;
  /** Milliseconds after which an environment that nobody calls is ended. */
  readonly idleMs?: number;
  /** Stop environments between invocations, as Lambda does. */
  readonly freeze?: boolean;
  /** Takes what the function prints, line by line. */
  readonly onLine?: (environment: string, line: string) => void;
}

const DEFAULTS = {
  handler: "handler",
  timeoutMs: 3_000,
  initTimeoutMs: 60_000,
  concurrencyMax: 1_000,
  waitersMax: 0,
  idleMs: 300_000,
  freeze: false,
  onLine: () => {},
} as const;

const REGION_VARIABLE = "AWS_REGION";
const MEMORY_MB = "512";

interface Idle {
  readonly environment: ExecutionEnvironment;
  readonly reaper: NodeJS.Timeout;
}

/** Runs one function the way Lambda does: a process for each environment, one invocation at a time in each. */
export class FunctionRunner {
  readonly #options: Required<FunctionOptions>;
  readonly #environments = new Set<ExecutionEnvironment>();
  /** The environment used last is taken first, so that the others may age out. */
  readonly #idle: Idle[] = [];
  /** Each is called with the place of an invocation that has ended, or at the end of all. */
  readonly #waiters: (() => void)[] = [];
  #running = 0;
  #started = 0;
  #stopped = false;

  constructor(options: FunctionOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Environments that exist now, and that have been started in all (the cold starts). */
  get counts(): { readonly environments: number; readonly started: number } {
    return { environments: this.#usable(), started: this.#started };
  }

  /** Processes of the environments that exist now. */
  get pids(): number[] {
    return [...this.#environments].map(({ group }) => group);
  }

  async invoke(event: unknown): Promise<InvocationOutcome> {
    const { concurrencyMax, waitersMax } = this.#options;
    if (this.#running < concurrencyMax) this.#running += 1;
    else if (this.#waiters.length < waitersMax) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    } else return { kind: "throttled" };
    try {
      return this.#stopped ? { kind: "throttled" } : await this.#run(event);
    } finally {
      const next = this.#waiters.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Ends every environment, in the middle of what it does. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { reaper } of this.#idle.splice(0)) clearTimeout(reaper);
    const endings = [...this.#environments].map((environment) => {
      environment.kill();
      return environment.ended;
    });
    await Promise.all(endings);
  }

  async #run(event: unknown): Promise<InvocationOutcome> {
    const { initTimeoutMs, timeoutMs } = this.#options;
    const warm = this.#takeIdle();
    const environment = warm ?? this.#start();
    if (warm === null) {
      const loaded = await environment.load(initTimeoutMs);
      if (loaded.kind !== "returned") {
        environment.kill();
        return loaded;
      }
    }
    const outcome = await environment.invoke(event, this.#context(environment), timeoutMs);
    this.#release(environment, outcome);
    return outcome;
  }

  #usable(): number {
    let count = 0;
    for (const environment of this.#environments) if (environment.usable) count += 1;
    return count;
  }

  #takeIdle(): ExecutionEnvironment | null {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle === undefined) return null;
      clearTimeout(idle.reaper);
      if (idle.environment.usable) return idle.environment;
    }
  }

  #start(): ExecutionEnvironment {
    const { name, bootstrap, file, handler, freeze, watchdog, onLine } = this.#options;
    this.#started += 1;
    const environmentName = `${name}-${this.#started}`;
    const environment = new ExecutionEnvironment({
      name: environmentName,
      bootstrap,
      file,
      handler,
      variables: this.#variables(environmentName),
      freeze,
      onLine: (line) => onLine(environmentName, line),
    });
    this.#environments.add(environment);
    // A negative number names the whole process group.
    if (environment.group !== 0) watchdog.guard(-environment.group);
    void environment.ended.then(() => {
      this.#environments.delete(environment);
      if (environment.group !== 0) watchdog.release(-environment.group);
    });
    return environment;
  }

  #release(environment: ExecutionEnvironment, outcome: InvocationOutcome): void {
    const usable = outcome.kind === "returned" || outcome.kind === "failed";
    if (!usable || this.#stopped || !environment.usable) {
      environment.kill();
      return;
    }
    environment.rest();
    const reaper = setTimeout(() => environment.kill(), this.#options.idleMs);
    reaper.unref();
    this.#idle.push({ environment, reaper });
  }

  /** What Lambda sets for every function; nothing of this process's own environment leaks in. */
  #variables(environmentName: string): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      TZ: "UTC",
      LANG: "en_US.UTF-8",
      AWS_LAMBDA_FUNCTION_NAME: this.#options.name,
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: MEMORY_MB,
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${this.#options.name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: environmentName,
      ...this.#options.variables,
    };
  }

  #context(environment: ExecutionEnvironment): InvocationContext {
    const { name, variables } = this.#options;
    const region = variables[REGION_VARIABLE] ?? "us-east-1";
    return {
      awsRequestId: randomUUID(),
      functionName: name,
      functionVersion: "$LATEST",
      invokedFunctionArn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
      memoryLimitInMB: MEMORY_MB,
      logGroupName: `/aws/lambda/${name}`,
      logStreamName: environment.name,
    };
  }
}
