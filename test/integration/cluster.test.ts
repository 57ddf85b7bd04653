import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { createConnection } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { rows, withLogin } from "../../local/database-login.ts";
import {
  type Cluster,
  type ClusterInstance,
  type ClusterOptions,
  ENGINES,
  startCluster,
} from "../../local/index.ts";
import { isRunning } from "../support/processes.ts";
import { until } from "../support/until.ts";

const clusters: Cluster[] = [];
const folders: string[] = [];
const programs: ChildProcess[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) program.kill("SIGKILL");
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options);
  clusters.push(cluster);
  return cluster;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-data-"));
  folders.push(folder);
  return folder;
}

/** Runs one statement on an instance as the application. */
function ask(
  cluster: Cluster,
  at: ClusterInstance,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const { host, port } = at;
  return withLogin({ host, port, ...cluster.accounts.application }, (connection) =>
    rows(connection, sql),
  );
}

/** Waits until a table has this many rows on an instance. */
function untilCount(cluster: Cluster, at: ClusterInstance, count: number): Promise<unknown> {
  const counted = async () =>
    Number((await ask(cluster, at, "SELECT COUNT(*) AS n FROM t"))[0]?.["n"]) === count;
  return until(counted, { what: `${count} rows on ${at.id}` });
}

describe.each(ENGINES)("a %s cluster", (engine) => {
  test("has one writer, and readers that follow it and refuse writes", async () => {
    const cluster = await start({ engine });
    expect(cluster.instances.map(({ id, role }) => `${id} ${role}`)).toEqual([
      "local-1 writer",
      "local-2 reader",
      "local-3 reader",
    ]);
    await ask(cluster, cluster.writer, "CREATE TABLE t (a INT PRIMARY KEY)");
    await ask(cluster, cluster.writer, "INSERT INTO t VALUES (1), (2)");
    for (const reader of cluster.readers) {
      await untilCount(cluster, reader, 2);
      await expect(ask(cluster, reader, "INSERT INTO t VALUES (3)")).rejects.toThrow(/read-only/);
      expect(await ask(cluster, reader, "SELECT @@read_only AS read_only")).toEqual([
        { read_only: 1 },
      ]);
    }
  });

  test("takes the accounts and settings it is told", async () => {
    const application = { user: "shop", password: "it's \\ secret", database: "shop" };
    const cluster = await start({
      engine,
      instances: 1,
      application,
      settings: { "max-connections": 77 },
    });
    const { writer } = cluster;
    expect(await ask(cluster, writer, "SELECT DATABASE() AS d, @@max_connections AS n")).toEqual([
      { d: "shop", n: 77 },
    ]);
    const { host, port } = writer;
    await withLogin({ host, port, ...cluster.accounts.monitor }, async (connection) => {
      await rows(connection, engine === "mysql" ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS");
      await expect(rows(connection, "SELECT * FROM shop.t")).rejects.toThrow(/denied/);
    });
    await withLogin({ host, port, ...cluster.accounts.admin }, (connection) =>
      rows(connection, "CREATE DATABASE more"),
    );
  });

  test("shows a certificate for its address", async () => {
    const cluster = await start({ engine, instances: 1 });
    const { user, password } = cluster.accounts.application;
    const { port } = cluster.writer;
    const ca = readFileSync(cluster.caFile);
    const ssl = { ca, rejectUnauthorized: true, verifyIdentity: true };
    const connection = await createConnection({ host: "127.0.0.1", port, user, password, ssl });
    const [found] = await connection.query("SHOW STATUS LIKE 'Ssl_cipher'");
    expect(JSON.stringify(found)).toMatch(/TLS_|ECDHE/);
    await connection.end();
  });

  test("survives the crash of a reader, which catches up on its old port", async () => {
    const cluster = await start({ engine, instances: 2 });
    await ask(cluster, cluster.writer, "CREATE TABLE t (a INT PRIMARY KEY)");
    const before = cluster.readers[0]!;
    await cluster.kill(before.id);
    expect(cluster.readers[0]!.pid).toBe(0);
    await expect(ask(cluster, before, "SELECT 1")).rejects.toThrow();
    await ask(cluster, cluster.writer, "INSERT INTO t VALUES (1)");
    await cluster.restart(before.id);
    const after = cluster.readers[0]!;
    expect(after.port).toBe(before.port);
    expect(after.pid).not.toBe(before.pid);
    await untilCount(cluster, after, 1);
    await expect(ask(cluster, after, "INSERT INTO t VALUES (2)")).rejects.toThrow(/read-only/);
  });

  test("hands the writer's role over without losing anything", async () => {
    const cluster = await start({ engine });
    await ask(cluster, cluster.writer, "CREATE TABLE t (a INT PRIMARY KEY)");
    await ask(cluster, cluster.writer, "INSERT INTO t VALUES (1)");
    await cluster.promote("local-3");
    expect(cluster.writer.id).toBe("local-3");
    await ask(cluster, cluster.writer, "INSERT INTO t VALUES (2)");
    for (const reader of cluster.readers) {
      await untilCount(cluster, reader, 2);
      await expect(ask(cluster, reader, "INSERT INTO t VALUES (3)")).rejects.toThrow(/read-only/);
    }
  });

  test("replaces a dead writer, which comes back as a reader", async () => {
    const cluster = await start({ engine, instances: 2 });
    await ask(cluster, cluster.writer, "CREATE TABLE t (a INT PRIMARY KEY)");
    await untilCount(cluster, cluster.readers[0]!, 0);
    await cluster.kill("local-1");
    await cluster.promote("local-2");
    await ask(cluster, cluster.writer, "INSERT INTO t VALUES (1)");
    await cluster.restart("local-1");
    const former = cluster.readers[0]!;
    expect(former.id).toBe("local-1");
    await untilCount(cluster, former, 1);
    await expect(ask(cluster, former, "INSERT INTO t VALUES (2)")).rejects.toThrow(/read-only/);
  });

  test("keeps a data folder between runs: rows, ports, roles and passwords", async () => {
    const dataDir = join(await newFolder(), "kept data");
    const first = await start({ engine, instances: 2, dataDir });
    await ask(first, first.writer, "CREATE TABLE t (a INT PRIMARY KEY)");
    await ask(first, first.writer, "INSERT INTO t VALUES (1)");
    await first.promote("local-2");
    await expect(startCluster({ engine, instances: 2, dataDir })).rejects.toThrow(
      /in use by process/,
    );
    const before = first.instances.map(({ id, role, port }) => ({ id, role, port }));
    await first.stop();

    const application = { password: "another one" };
    const second = await start({ engine, instances: 3, dataDir, application });
    expect(second.instances.slice(0, 2).map(({ id, role, port }) => ({ id, role, port }))).toEqual(
      before,
    );
    expect(second.accounts.admin).toEqual(first.accounts.admin);
    await ask(second, second.writer, "INSERT INTO t VALUES (2)");
    expect(second.readers).toHaveLength(2);
    for (const reader of second.readers) await untilCount(second, reader, 2);
    const other = engine === "mysql" ? "mariadb" : "mysql";
    await second.stop();
    await expect(startCluster({ engine: other, dataDir })).rejects.toThrow(
      `holds a ${engine} cluster`,
    );
  });

  test("leaves no server behind when its start is given up", async () => {
    const dataDir = await newFolder();
    const giveUp = new AbortController();
    const starting = startCluster({ engine, dataDir, signal: giveUp.signal });
    const outcome = starting.catch((error: Error) => error);
    await until(() => serversIn(dataDir).length > 0, { what: "the first server of the cluster" });
    giveUp.abort(new Error("not wanted any more"));
    expect(await outcome).toBeInstanceOf(Error);
    expect(serversIn(dataDir)).toEqual([]);
    const again = await start({ engine, dataDir, instances: 2 });
    expect(again.readers).toHaveLength(1);
  });

  test("fails with the server's own words when a setting is wrong", async () => {
    const settings = { "no-such-setting": 1 };
    await expect(startCluster({ engine, instances: 1, settings })).rejects.toThrow(
      /no-such-setting/,
    );
  });
});

/** The processes that were given a folder under this one. */
function serversIn(dataDir: string): string[] {
  const all = execFileSync("ps", ["-eo", "args"], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return all.split("\n").filter((line) => line.includes(`--datadir=${dataDir}/`));
}

interface Document {
  readonly cluster: { readonly engine: string; readonly instances: readonly ClusterInstance[] };
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly caFile: string;
}

const PROGRAM = join(import.meta.dirname, "cluster-program.ts");
const ROOT = join(import.meta.dirname, "../..");

function run(...args: string[]): ChildProcess {
  const program = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  programs.push(program);
  return program;
}

async function document(program: ChildProcess): Promise<Document> {
  const [line] = (await once(createInterface(program.stdout!), "line")) as [string];
  return JSON.parse(line) as Document;
}

function untilGone({ cluster, caFile }: Document): Promise<unknown> {
  const gone = () =>
    cluster.instances.every(({ pid }) => !isRunning(pid)) && !existsSync(dirname(dirname(caFile)));
  return until(gone, { what: "the end of the servers and of their folder" });
}

describe("sluice cluster", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "tells what runs, and on %s ends it all",
    async (signal) => {
      const program = run("--engine", "mariadb", "--instances", "2", "--json");
      const ready = await document(program);
      expect(ready.cluster.instances.map(({ role }) => role)).toEqual(["writer", "reader"]);
      const { host, port } = ready.cluster.instances[0]!;
      const { user, password, database } = ready;
      const answer = await withLogin({ host, port, user, password, database }, (c) =>
        rows(c, "SELECT 1 AS one"),
      );
      expect(answer).toEqual([{ one: 1 }]);
      program.kill(signal);
      expect(await once(program, "exit")).toEqual([0, null]);
      for (const { pid } of ready.cluster.instances) expect(isRunning(pid)).toBe(false);
      expect(existsSync(dirname(ready.caFile))).toBe(false);
    },
  );

  test.each(ENGINES)(
    "leaves no %s server and no folder behind when it is killed",
    async (engine) => {
      const program = run("--engine", engine, "--instances", "2", "--json");
      const ready = await document(program);
      for (const { pid } of ready.cluster.instances) expect(isRunning(pid)).toBe(true);
      program.kill("SIGKILL");
      await untilGone(ready);
    },
  );

  test("starts again on the folder of a run that was killed", async () => {
    const dataDir = await newFolder();
    const args = ["--engine", "mariadb", "--instances", "2", "--data-dir", dataDir, "--json"];
    const first = run(...args);
    const before = await document(first);
    first.kill("SIGKILL");
    await once(first, "exit");
    const second = run(...args);
    const after = await document(second);
    expect(after.cluster.instances.map(({ id }) => id)).toEqual(
      before.cluster.instances.map(({ id }) => id),
    );
    second.kill("SIGTERM");
    expect(await once(second, "exit")).toEqual([0, null]);
    await untilGone(before);
  });

  test.each([
    ["no number of instances", ["--instances", "none"]],
    ["too many instances", ["--instances", "17"]],
    ["an engine that there is not", ["--engine", "oracle"]],
  ])("refuses %s as bad usage", async (_, args) => {
    const program = run(...args);
    expect(await once(program, "exit")).toEqual([2, null]);
  });

  test("fails when the program named is not there", async () => {
    const program = run("--binary", "/no/such/mysqld");
    const said = new Promise<string>((resolve) => {
      let text = "";
      program.stderr!.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
    });
    expect(await once(program, "exit")).toEqual([1, null]);
    expect(await said).toContain("no server program at /no/such/mysqld");
  });
});
