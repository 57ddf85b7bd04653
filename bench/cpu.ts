import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of /proc; Linux reports them to programs at 100 a second whatever the kernel's own rate. */
const TICK_MICROS = 10_000;
const PAGE_BYTES = 4_096;

/** Processor time used so far, all threads (also ended ones) of all given processes. */
export interface CpuTime {
  userMicros: number;
  systemMicros: number;
}

/** The process and all its descendants: a proxy's worker processes count as the proxy. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const fields = statFields(pid);
    if (fields) parents.set(pid, Number(fields[1]));
  }
  const tree = [root];
  for (const parent of tree) {
    for (const [pid, of] of parents) if (of === parent) tree.push(pid);
  }
  return tree;
}

export function cpuTime(pids: readonly number[]): CpuTime {
  const time: CpuTime = { userMicros: 0, systemMicros: 0 };
  for (const pid of pids) {
    const fields = statFields(pid);
    if (!fields) continue;
    time.userMicros += Number(fields[11]) * TICK_MICROS;
    time.systemMicros += Number(fields[12]) * TICK_MICROS;
  }
  return time;
}

export function cpuSince(pids: readonly number[], before: CpuTime): CpuTime {
  const now = cpuTime(pids);
  return {
    userMicros: now.userMicros - before.userMicros,
    systemMicros: now.systemMicros - before.systemMicros,
  };
}

/** Bytes in memory; what several processes share is counted for each. */
export function residentBytes(pids: readonly number[]): number {
  let pages = 0;
  for (const pid of pids) {
    pages += Number(readOrEmpty(`/proc/${pid}/statm`).split(" ")[1] ?? 0);
  }
  return pages * PAGE_BYTES;
}

/** The scheduler's group of a process (null where the kernel has none): compared, all must be in one. */
export function autogroup(pid: number | "self"): string | null {
  if (readOrEmpty("/proc/sys/kernel/sched_autogroup_enabled").trim() !== "1") return null;
  return readOrEmpty(`/proc/${pid}/autogroup`).split(" ")[0]?.trim() || null;
}

/** The fields of /proc/PID/stat from the state on: 0 state, 1 parent, 11 user ticks, 12 system ticks. */
function statFields(pid: number): string[] | null {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  return text === "" ? null : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
