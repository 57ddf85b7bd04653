import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDataDir } from "../local/data-template.ts";
import { rows, withLogin } from "../local/database-login.ts";
import type { Engine } from "../local/engine.ts";
import { freePort } from "../local/free-port.ts";
import { sluiceCacheDir } from "../local/server-binary.ts";
import { getServer } from "../local/server-fetch.ts";
import { type ServerSettings, serverArguments } from "../local/server-options.ts";
import type { TlsFiles } from "../local/tls-files.ts";
import { ForegroundProcess, untilReady } from "./process.ts";
import type { Account } from "./raw/auth.ts";
import type { Address } from "./raw/transport.ts";

/** The database server behind all peers. */
export interface Backend {
  /** What it says of itself: `MySQL 9.7.4`. */
  label: string;
  engine: Engine;
  address: Address;
  pid: number;
  account: Account;
  /** What differs from the server's own defaults. */
  settings: ServerSettings;
  stop(): Promise<void>;
}

const ACCOUNT: Account = {
  user: "sluice_bench",
  password: "sluice_bench",
  database: "sluice_bench",
};

/** A server that somebody else started. */
export interface GivenServer {
  address: Address;
  pid: number;
  user: string;
  password: string;
}

export interface StartServer {
  engine: Engine;
  folder: string;
  tls: TlsFiles;
  maxConnections: number;
  say: (line: string) => void;
}

function setUpSql(engine: Engine): string[] {
  const { user, password, database } = ACCOUNT;
  const monitoring =
    engine === "mysql" ? "REPLICATION CLIENT" : "REPLICATION CLIENT, BINLOG MONITOR";
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    `CREATE USER IF NOT EXISTS ${user}@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL ON ${database}.* TO ${user}@'%'`,
    `GRANT PROCESS, ${monitoring} ON *.* TO ${user}@'%'`,
  ];
}

/** Settings on top of those that every local server has. The disk is kept out: no flush for each commit. */
function benchSettings(maxConnections: number): ServerSettings {
  return {
    "innodb-buffer-pool-size": "256M",
    "innodb-redo-log-capacity": "256M",
    "max-connections": maxConnections,
    "max-connect-errors": 1_000_000_000,
    "max-prepared-stmt-count": 1_000_000,
  };
}

/** In the foreground of our session, as all peers are; `local/` gives its servers a session of their own. */
export async function startServer(options: StartServer): Promise<Backend> {
  const { engine, folder, tls, say } = options;
  const binary = await getServer(engine, { say });
  if (binary.image !== null) {
    throw new Error(`no ${engine} server but in a container: give one with --server`);
  }
  const dataDir = join(folder, "data");
  mkdirSync(folder, { recursive: true });
  await createDataDir(binary, dataDir, { cacheDir: sluiceCacheDir(), say });
  const initFile = join(folder, "init.sql");
  writeFileSync(initFile, `${setUpSql(engine).join(";\n")};\n`);
  const settings = { ...benchSettings(options.maxConnections) };
  if (engine === "mariadb") delete settings["innodb-redo-log-capacity"];
  const port = await freePort();
  const place = {
    dataDir,
    socketPath: join(folder, "server.sock"),
    pidFile: join(folder, "server.pid"),
    host: "127.0.0.1",
    port,
  };
  const args = serverArguments({
    binary,
    place,
    serverId: 1,
    tls,
    readOnly: false,
    settings,
    initFile,
  });
  const [command, ...before] = binary.command;
  const server = new ForegroundProcess(command!, [...before, ...args], {
    logFile: join(folder, "server.log"),
  });
  const address = { host: "127.0.0.1", port };
  await untilReady(engine, server, () => logInOnce(address));
  return {
    label: await askLabel(address),
    engine,
    address,
    pid: server.pid,
    account: ACCOUNT,
    settings,
    stop: () => server.stop(30_000),
  };
}

export async function useServer(given: GivenServer): Promise<Backend> {
  const { user, password, address } = given;
  const engine = await withLogin({ ...address, user, password }, async (connection) => {
    const [row] = await rows(connection, "SELECT VERSION() AS version");
    const found: Engine = /mariadb/i.test(String(row!["version"])) ? "mariadb" : "mysql";
    for (const sql of setUpSql(found)) await connection.query(sql);
    return found;
  });
  await logInOnce(address);
  return {
    label: await askLabel(address),
    engine,
    address,
    pid: given.pid,
    account: ACCOUNT,
    settings: {},
    stop: async () => {},
  };
}

/** A login that also leaves the account in the server's caching_sha2 cache, where later logins find it. */
export async function logInOnce(address: Address): Promise<void> {
  await withLogin({ ...address, ...ACCOUNT }, (connection) => connection.query("SELECT 1"));
}

async function askLabel(address: Address): Promise<string> {
  return withLogin({ ...address, ...ACCOUNT }, async (connection) => {
    const [row] = await rows(connection, "SELECT @@version AS v, @@version_comment AS c");
    const version = String(row!["v"]);
    return /mariadb/i.test(version) ? `MariaDB ${version}` : `MySQL ${version}`;
  });
}

/** Connections that the server has besides the one that asks. */
export async function serverConnections(backend: Backend): Promise<number> {
  return withLogin({ ...backend.address, ...ACCOUNT }, async (connection) => {
    const [row] = await rows(connection, "SHOW GLOBAL STATUS LIKE 'Threads_connected'");
    return Number(row!["Value"]) - 1;
  });
}
