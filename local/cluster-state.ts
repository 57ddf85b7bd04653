import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Accounts } from "./accounts.ts";
import { ENGINES, type Engine } from "./engine.ts";
import { isAlive } from "./file-lock.ts";

/** What a cluster with a data folder remembers between two runs, in `cluster.json`. */
export interface ClusterState {
  readonly engine: Engine;
  readonly writer: string;
  readonly accounts: Accounts;
  readonly instances: readonly {
    readonly id: string;
    readonly port: number;
    readonly pid: number | null;
  }[];
}

/** Milliseconds that servers of a run that was killed may need to end. */
const FORMER_SERVERS_MS = 15_000;

export async function readClusterState(dataDir: string): Promise<ClusterState | null> {
  const file = join(dataDir, "cluster.json");
  if (!existsSync(file)) return null;
  const state = JSON.parse(await readFile(file, "utf8")) as ClusterState;
  if (
    !ENGINES.includes(state.engine) ||
    !Array.isArray(state.instances) ||
    typeof state.accounts !== "object"
  ) {
    throw new Error(`${file} is not the state of a cluster`);
  }
  return state;
}

/** Passwords are in it: only its owner may read the file. */
export async function writeClusterState(dataDir: string, state: ClusterState): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, "cluster.json");
  await writeFile(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** A run that was killed leaves its servers to the watchdog, which shuts them down: their data is free after that. */
export async function awaitFormerServers(state: ClusterState): Promise<void> {
  const deadline = Date.now() + FORMER_SERVERS_MS;
  const pids = state.instances.flatMap((instance) => instance.pid ?? []);
  while (pids.some(isAlive) && Date.now() < deadline) await pause(100);
}

/** Accounts with passwords nobody knows yet, the application's excepted. */
export function newAccounts(application: Accounts["application"]): Accounts {
  const account = (user: string) => ({ user, password: randomBytes(12).toString("base64url") });
  return {
    root: account("root"),
    admin: account("admin"),
    monitor: account("monitor"),
    replication: account("replication"),
    application,
  };
}
