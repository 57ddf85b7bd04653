import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Watchdog } from "../../../local/watchdog.ts";
import { isRunning } from "../../support/processes.ts";
import { until } from "../../support/until.ts";

const MODULE = join(import.meta.dirname, "../../../local/watchdog.ts");
const ROOT = join(import.meta.dirname, "../../..");

/** Starts a program, has it watched, tells its process id and waits: as any parent of servers does. */
const PARENT = `
const { Watchdog } = await import(process.argv[1]);
const { spawn } = await import("node:child_process");
const [, , folder, graceMs, script, then] = process.argv;
const watchdog = new Watchdog(Number(graceMs));
watchdog.removeAtEnd(folder);
const child = spawn("/bin/sh", ["-c", script], { stdio: "ignore", detached: true });
watchdog.guard(child.pid);
if (then === "release") watchdog.release(child.pid);
console.log(child.pid);
setInterval(() => {}, 1000);
`;

let folder: string;
const parents: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice watched "));
  await writeFile(join(folder, "data"), "x");
});
afterEach(async () => {
  for (const parent of parents.splice(0)) parent.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function startParent(
  graceMs: number,
  script: string,
  then = "keep",
): Promise<{ parent: ChildProcess; pid: number }> {
  const args = [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    PARENT,
    MODULE,
    folder,
    String(graceMs),
    script,
    then,
  ];
  const parent = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  parents.push(parent);
  const [line] = (await once(createInterface(parent.stdout!), "line")) as [string];
  return { parent, pid: Number(line) };
}

describe("a watchdog", () => {
  test("kills what it guards and removes the folder when the parent is killed", async () => {
    const { parent, pid } = await startParent(0, "trap '' TERM; while :; do sleep 1; done");
    expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    await until(() => !isRunning(pid), { what: "the end of the guarded program" });
    await until(() => !existsSync(folder), { what: "the removal of the folder" });
  });

  test("lets a program with data to keep end in order", async () => {
    const farewell = join(tmpdir(), `sluice-farewell-${process.pid}`);
    const ready = `${farewell}-ready`;
    const { parent, pid } = await startParent(
      60_000,
      `trap 'echo bye > ${farewell}; exit' TERM; echo > ${ready}; while :; do sleep 0.05; done`,
    );
    await until(() => existsSync(ready), { what: "the program's trap" });
    parent.kill("SIGKILL");
    await until(() => !isRunning(pid), { what: "the end of the guarded program" });
    expect(existsSync(farewell)).toBe(true);
    await Promise.all([rm(farewell), rm(ready)]);
  });

  test("leaves alone what was released", async () => {
    const { parent, pid } = await startParent(0, "while :; do sleep 1; done", "release");
    parent.kill("SIGKILL");
    await until(() => !existsSync(folder), { what: "the removal of the folder, which comes last" });
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("leaves everything alone when dismissed", async () => {
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    const watchdog = new Watchdog();
    watchdog.guard(child.pid!);
    watchdog.removeAtEnd(folder);
    await watchdog.dismiss();
    expect(isRunning(child.pid!)).toBe(true);
    expect(existsSync(folder)).toBe(true);
    child.kill("SIGKILL");
  });

  test("refuses to remember anything but an absolute path for removal", async () => {
    const watchdog = new Watchdog();
    expect(() => watchdog.removeAtEnd("data")).toThrow(/not a folder/);
    expect(() => watchdog.removeAtEnd("/tmp/a\nremove /")).toThrow(/not a folder/);
    await watchdog.dismiss();
  });
});
