import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { cpuSince, cpuTime, processTree, residentBytes } from "../../../bench/cpu.ts";

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("a process's tree holds its children", async () => {
  const child = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write("ready\n");
  await once(child.stdout, "data");
  expect(processTree(process.pid)).toContain(child.pid);
  expect(processTree(child.pid!)).toEqual([child.pid]);
  child.stdin.end();
  await once(child, "exit");
});

onLinux("processor time agrees with what the process knows of itself", () => {
  const before = cpuTime([process.pid]);
  const ownBefore = process.cpuUsage();
  const own = () => {
    const { user, system } = process.cpuUsage(ownBefore);
    return user + system;
  };
  while (own() < 300_000) Math.sqrt(Math.random());
  const { userMicros, systemMicros } = cpuSince([process.pid], before);
  expect(userMicros + systemMicros).toBeGreaterThan(250_000);
  expect(userMicros + systemMicros).toBeLessThan(own() + 50_000);
});

onLinux("resident memory agrees with what the process knows of itself", () => {
  const ratio = residentBytes([process.pid]) / process.memoryUsage().rss;
  expect(ratio).toBeGreaterThan(0.8);
  expect(ratio).toBeLessThan(1.25);
});

onLinux("a process that is gone counts nothing", () => {
  expect(cpuTime([2 ** 22 + 1])).toEqual({ userMicros: 0, systemMicros: 0 });
});
