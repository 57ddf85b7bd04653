import { Command, InvalidArgumentError, Option } from "commander";
import {
  type AuroraCluster,
  ClusterControl,
  ENGINES,
  type Engine,
  startAuroraCluster,
} from "../../local/index.ts";
import { CommandFailure } from "../failure.ts";

interface ClusterFlags {
  readonly instances: number;
  readonly engine: Engine;
  readonly binary?: string;
  readonly dataDir?: string;
  readonly json?: true;
}

/** `sluice cluster`: the local database cluster alone, until Ctrl-C. */
export function clusterCommand(): Command {
  return new Command("cluster")
    .description("run a local database cluster of real servers: one writer, readers that follow it")
    .option("--instances <n>", "how many servers, one of them the writer", parseCount, 3)
    .addOption(
      new Option("--engine <name>", "which servers").choices([...ENGINES]).default("mysql"),
    )
    .option("--binary <path>", "the server program to run; found or fetched when absent")
    .option("--data-dir <dir>", "keep the data here between runs; a temporary folder when absent")
    .option("--json", "print one JSON document when ready, logs on stderr")
    .action(runCluster);
}

async function runCluster(flags: ClusterFlags): Promise<void> {
  const { instances, engine, binary, dataDir } = flags;
  const asked = new AbortController();
  const stopAsked = () => asked.abort(new Error("stopped while starting"));
  process.on("SIGINT", stopAsked).on("SIGTERM", stopAsked).on("SIGHUP", stopAsked);
  try {
    const say = (line: string) => process.stderr.write(`${line}\n`);
    const aurora = await startAuroraCluster({
      engine,
      instances,
      binary,
      dataDir,
      say,
      signal: asked.signal,
    });
    const control = await ClusterControl.start(aurora);
    process.stdout.write(flags.json ? `${JSON.stringify(describe(aurora))}\n` : table(aurora));
    await aborted(asked.signal);
    await control.stop();
    await aurora.stop();
  } catch (error) {
    throw new CommandFailure(1, `cluster: ${(error as Error).message}`, { cause: error });
  } finally {
    process.off("SIGINT", stopAsked).off("SIGTERM", stopAsked).off("SIGHUP", stopAsked);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function describe(aurora: AuroraCluster): object {
  const { id, engine, version, accounts, caFile } = aurora.cluster;
  const { instances, endpoint, readerEndpoint } = aurora;
  const { application, admin, monitor } = accounts;
  return {
    cluster: { id, engine, version, endpoint, readerEndpoint, instances },
    user: application.user,
    password: application.password,
    database: application.database,
    admin,
    monitor,
    caFile,
  };
}

function table(aurora: AuroraCluster): string {
  const { cluster, endpoint, readerEndpoint } = aurora;
  const { user, password, database } = cluster.accounts.application;
  const lines = aurora.instances.map(
    ({ id, role, host, port, pid }) =>
      `  ${id.padEnd(12)} ${role.padEnd(8)} ${`${host}:${port}`.padEnd(18)} pid ${pid}`,
  );
  const { host, port } = endpoint;
  const { admin, monitor } = cluster.accounts;
  return [
    `${cluster.engine} ${cluster.version}, ready`,
    ...lines,
    "",
    `  cluster      ${host}:${port}, always the writer`,
    `  readers      ${readerEndpoint.host}:${readerEndpoint.port}`,
    "",
    `  application  mysql --host=${host} --port=${port} --user=${user} --password=${password} ${database}`,
    `  admin        ${admin.user} / ${admin.password}`,
    `  monitor      ${monitor.user} / ${monitor.password}`,
    `  TLS          certificates signed by ${cluster.caFile}`,
    "",
    "sluice failover, in another terminal, makes a reader the writer. Ctrl-C stops everything.",
    "",
  ].join("\n");
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 16)
    throw new InvalidArgumentError("a number from 1 to 16.");
  return count;
}
