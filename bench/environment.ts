import { execFileSync } from "node:child_process";
import { cpus, loadavg, release } from "node:os";

/** What figures depend on besides the peers. */
export interface Environment {
  started: string;
  commit: string;
  processor: string;
  processors: number;
  kernel: string;
  load: { before: string; after: string };
  versions: string[];
  rounds: number;
  seconds: number;
  notes: string[];
}

export function loadNow(): string {
  return loadavg()[0]!.toFixed(1);
}

export function describeMachine(): Pick<
  Environment,
  "processor" | "processors" | "kernel" | "commit"
> {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    processors: cpus().length,
    kernel: release(),
    commit: commitOf(),
  };
}

function commitOf(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8", stdio: "pipe" }).trim();
  try {
    const changed =
      git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " with changes";
    return `${git("rev-parse", "--short", "HEAD")}${changed}`;
  } catch {
    return "unknown";
  }
}
