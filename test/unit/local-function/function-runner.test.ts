import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { InvocationOutcome } from "../../../local/function-environment.ts";
import { type FunctionOptions, FunctionRunner } from "../../../local/function-runner.ts";
import { Watchdog } from "../../../local/watchdog.ts";
import { buildFunctionBundles, type FunctionBundles } from "../../support/function-bundles.ts";
import { isRunning, processState } from "../../support/processes.ts";
import { until } from "../../support/until.ts";

const FIXTURE = join(import.meta.dirname, "fixture-function.mjs");

let bundles: FunctionBundles;
let folder: string;
let watchdog: Watchdog;
const runners: FunctionRunner[] = [];

beforeAll(async () => {
  bundles = await buildFunctionBundles();
  folder = await mkdtemp(join(tmpdir(), "sluice-runner-"));
  watchdog = new Watchdog();
});

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
});

afterAll(async () => {
  await watchdog.dismiss();
  await bundles.remove();
  await rm(folder, { recursive: true, force: true });
});

function start(options: Partial<FunctionOptions> = {}): FunctionRunner {
  const { bootstrap } = bundles;
  const runner = new FunctionRunner({
    name: "fixture",
    bootstrap,
    file: FIXTURE,
    variables: {},
    watchdog,
    timeoutMs: 30_000,
    ...options,
  });
  runners.push(runner);
  return runner;
}

// biome-ignore lint/suspicious/noExplicitAny: what a fixture returns is the test's own business
function value(outcome: InvocationOutcome): any {
  if (outcome.kind !== "returned") throw new Error(`no value: ${JSON.stringify(outcome)}`);
  return JSON.parse(outcome.payload);
}

describe("environments", () => {
  test("the first invocation starts one, the next one reuses it", async () => {
    const runner = start();
    const first = value(await runner.invoke({ do: "tell" }));
    const second = value(await runner.invoke({ do: "tell" }));
    expect(second.pid).toBe(first.pid);
    expect([first.invocations, second.invocations]).toEqual([1, 2]);
    expect(runner.counts).toEqual({ environments: 1, started: 1 });
  });

  test("invocations at the same time get one each, never sharing", async () => {
    const runner = start();
    const file = join(folder, "together");
    const waiting = [1, 2, 3].map(() => runner.invoke({ do: "wait", file }));
    await until(() => runner.counts.environments === 3, { what: "three environments" });
    await writeFile(file, "");
    const pids = (await Promise.all(waiting)).map((outcome) => value(outcome).pid);
    expect(new Set(pids).size).toBe(3);
    expect(pids).toContain(value(await runner.invoke({ do: "tell" })).pid);
    expect(runner.counts).toEqual({ environments: 3, started: 3 });
  });

  test("beyond the reserved concurrency nothing runs", async () => {
    const runner = start({ concurrencyMax: 1 });
    const file = join(folder, "reserved");
    const waiting = runner.invoke({ do: "wait", file });
    expect(await runner.invoke({ do: "tell" })).toEqual({ kind: "throttled" });
    await writeFile(file, "");
    expect(await waiting).toMatchObject({ kind: "returned" });
    expect(await runner.invoke({ do: "tell" })).toMatchObject({ kind: "returned" });
  });

  test("invocations that may wait for their turn get it in order", async () => {
    const runner = start({ concurrencyMax: 1, waitersMax: 2 });
    const file = join(folder, "turns");
    const order: string[] = [];
    const invoke = async (name: string, what: string) => {
      const outcome = await runner.invoke({ do: what, file });
      order.push(name);
      return outcome.kind;
    };
    const kinds = [invoke("first", "wait"), invoke("second", "exit"), invoke("third", "tell")];
    expect(await runner.invoke({ do: "tell" })).toEqual({ kind: "throttled" });
    await writeFile(file, "");
    expect(await Promise.all(kinds)).toEqual(["returned", "crashed", "returned"]);
    expect(order).toEqual(["first", "second", "third"]);
    expect(runner.counts).toEqual({ environments: 1, started: 2 });
  });

  test("stopping leaves nobody waiting", async () => {
    const runner = start({ concurrencyMax: 1, waitersMax: 10 });
    const file = join(folder, "never written");
    const outcomes = [1, 2, 3].map(() => runner.invoke({ do: "wait", file }));
    await until(() => runner.counts.environments === 1, { what: "the environment" });
    await runner.stop();
    const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
    expect(kinds).toEqual(["crashed", "throttled", "throttled"]);
  });

  test("one that nobody calls is ended", async () => {
    const runner = start({ idleMs: 50 });
    const { pid } = value(await runner.invoke({ do: "tell" }));
    await until(() => !isRunning(pid), { what: "the idle environment is gone" });
    expect(value(await runner.invoke({ do: "tell" })).pid).not.toBe(pid);
  });

  test("a frozen one stands still between invocations and wakes for the next", async () => {
    const runner = start({ freeze: true });
    const { pid } = value(await runner.invoke({ do: "tell" }));
    await until(() => processState(pid).startsWith("T"), { what: "the environment is stopped" });
    const again = value(await runner.invoke({ do: "tell" }));
    expect(again).toMatchObject({ pid, invocations: 2 });
  });

  test("stopping the runner ends them and what they have started", async () => {
    const runner = start();
    const { pid: grandchild } = value(await runner.invoke({ do: "child" }));
    const { pid } = value(await runner.invoke({ do: "tell" }));
    await runner.stop();
    expect(isRunning(pid)).toBe(false);
    await until(() => !isRunning(grandchild), { what: "the function's own child is gone" });
    expect(await runner.invoke({ do: "tell" })).toEqual({ kind: "throttled" });
  });
});

describe("an invocation", () => {
  test("knows its function, its request and its remaining time", async () => {
    const told = value(await start({ timeoutMs: 20_000 }).invoke({ do: "tell" }));
    expect(told.functionName).toBe("fixture");
    expect(told.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(told.remainingMs).toBeGreaterThan(10_000);
    expect(told.remainingMs).toBeLessThanOrEqual(20_000);
  });

  test("sees the variables given and none of ours", async () => {
    process.env["SLUICE_TEST_LEAK"] = "leaked";
    try {
      const runner = start({ variables: { GREETING: "hello" } });
      const { environment } = value(await runner.invoke({ do: "tell" }));
      expect(environment.GREETING).toBe("hello");
      expect(environment.AWS_LAMBDA_FUNCTION_NAME).toBe("fixture");
      expect(environment).not.toHaveProperty("SLUICE_TEST_LEAK");
    } finally {
      delete process.env["SLUICE_TEST_LEAK"];
    }
  });

  test("that prints has its lines passed on with its environment's name", async () => {
    const lines: string[] = [];
    const runner = start({ onLine: (environment, line) => lines.push(`${environment}: ${line}`) });
    expect(value(await runner.invoke({ do: "print" }))).toBeNull();
    await until(() => lines.length === 3, { what: "three lines" });
    expect(lines.sort()).toEqual([
      "fixture-1: a line of error",
      "fixture-1: a line of output",
      "fixture-1: and another",
    ]);
  });

  test("that throws fails, and its environment serves on", async () => {
    const runner = start();
    expect(await runner.invoke({ do: "throw" })).toEqual({
      kind: "failed",
      errorType: "TypeError",
      errorMessage: "as the event said",
    });
    expect(value(await runner.invoke({ do: "tell" })).invocations).toBe(2);
  });

  test("that ends its process has crashed, and the next gets a fresh environment", async () => {
    const runner = start();
    const outcome = await runner.invoke({ do: "exit" });
    expect(outcome).toEqual({
      kind: "crashed",
      errorMessage: "Runtime exited without providing a reason: exit code 3",
    });
    expect(value(await runner.invoke({ do: "tell" })).invocations).toBe(1);
    expect(runner.counts).toEqual({ environments: 1, started: 2 });
  });

  test.each(["hang", "spin"])("that takes too long (%s) is killed", async (what) => {
    const runner = start({ timeoutMs: 300, concurrencyMax: 1 });
    const { pid } = value(await runner.invoke({ do: "tell" }));
    expect(await runner.invoke({ do: what })).toEqual({ kind: "timed-out" });
    await until(() => !isRunning(pid), { what: "its process is gone" });
    expect(value(await runner.invoke({ do: "tell" })).pid).not.toBe(pid);
  });

  test("whose answer is over six megabytes fails", async () => {
    const outcome = await start().invoke({ do: "large", bytes: 6 * 1024 * 1024 });
    expect(outcome).toMatchObject({
      kind: "failed",
      errorType: "Function.ResponseSizeTooLarge",
    });
  });
});

describe("a function that cannot be loaded", () => {
  test("crashes every invocation, and the log says why", async () => {
    const lines: string[] = [];
    const runner = start({
      file: join(folder, "absent.mjs"),
      onLine: (_, line) => lines.push(line),
    });
    expect(await runner.invoke({})).toMatchObject({ kind: "crashed" });
    await until(() => lines.some((line) => line.includes("absent.mjs")), { what: "the reason" });
  });

  test("is given up after the time for loading", async () => {
    const file = join(folder, "endless.mjs");
    await writeFile(file, "await new Promise(() => setInterval(() => {}, 1000));");
    const runner = start({ file, initTimeoutMs: 300 });
    expect(await runner.invoke({})).toEqual({ kind: "timed-out" });
  });
});

describe("when the runner's process is killed", () => {
  test.each(["awake", "freeze"])("its environments end too (%s)", async (mode) => {
    const program = join(import.meta.dirname, "parent-program.ts");
    const args = ["--import", "tsx", program, bundles.bootstrap, FIXTURE, mode];
    const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    await until(() => !pids.some(isRunning), {
      what: "both environments are gone",
      deadlineMs: 60_000,
    });
  });
});
