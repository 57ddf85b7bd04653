import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { accountStatements } from "../../local/accounts.ts";
import { ENGINES, type Engine } from "../../local/engine.ts";
import { makeRunFolder } from "../../local/run-folder.ts";
import { sluiceCacheDir } from "../../local/server-binary.ts";
import { getServer } from "../../local/server-fetch.ts";
import { ServerProcess } from "../../local/server-process.ts";
import { makeTlsFiles, type TlsFiles } from "../../local/tls-files.ts";
import { Watchdog } from "../../local/watchdog.ts";
import type { ProvidedServer, ProvidedServers } from "./servers.ts";

const PASSWORD = "root-of-tests";

/** Starts one server of each engine for all files of a run; stops them after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const watchdog = new Watchdog();
  const folder = await makeRunFolder();
  watchdog.removeAtEnd(folder);
  const tls = await makeTlsFiles(join(folder, "tls"));
  const running: ServerProcess[] = [];
  const starting = ENGINES.map(async (engine, index) => {
    const server = start(engine, { folder, tls, watchdog, serverId: index + 1 });
    const started = await server.catch((error: Error) => ({ problem: error.message }));
    if ("process" in started) running.push(started.process);
    // A missing server fails the tests that ask for it, not the others.
    return [engine, "process" in started ? started.provided : started] as const;
  });
  const servers = Object.fromEntries(await Promise.all(starting)) as unknown as ProvidedServers;
  project.provide("sluiceServers", servers);
  return async () => {
    await Promise.all(running.map((server) => server.kill())); // Nothing of them is kept.
    await rm(folder, { recursive: true, force: true });
    await watchdog.dismiss();
  };
}

interface StartContext {
  readonly folder: string;
  readonly tls: TlsFiles;
  readonly watchdog: Watchdog;
  readonly serverId: number;
}

async function start(
  engine: Engine,
  context: StartContext,
): Promise<{ process: ServerProcess; provided: ProvidedServer }> {
  const { folder, tls, watchdog, serverId } = context;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const binary = await getServer(engine, { say });
  const account = (user: string) => ({ user, password: PASSWORD });
  const server = new ServerProcess({
    binary,
    id: engine,
    serverId,
    dataDir: join(folder, engine),
    runDir: folder,
    cacheDir: sluiceCacheDir(),
    tls,
    watchdog,
    login: account("root"),
    initSql: accountStatements(engine, {
      root: account("root"),
      admin: account("admin"),
      monitor: account("monitor"),
      replication: account("replication"),
      application: { ...account("app"), database: "app" },
    }),
    settings: { "max-connections": 2_000, "max-allowed-packet": "1G" },
    say,
  });
  await server.start();
  return {
    process: server,
    provided: {
      engine,
      version: binary.version,
      host: server.host,
      port: server.port,
      socketPath: server.socketPath,
      pid: server.pid!,
      caFile: tls.caFile,
      password: PASSWORD,
      client: binary.tool(engine),
    },
  };
}
