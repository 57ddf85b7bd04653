import { execFileSync } from "node:child_process";

/** Whether this process runs. One that has ended but was not yet waited for does not. */
export function isRunning(pid: number): boolean {
  const state = processState(pid);
  return state !== "" && !state.startsWith("Z");
}

/** `ps`'s letters for what the process does; empty where there is none. */
export function processState(pid: number): string {
  try {
    return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}
