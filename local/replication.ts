import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import type { Account } from "./accounts.ts";
import { rows, withLogin } from "./database-login.ts";
import type { Engine } from "./engine.ts";
import type { ServerProcess } from "./server-process.ts";
import { quoteText } from "./sql-text.ts";

/** What an engine calls the same things. MariaDB kept the older words. */
interface Dialect {
  readonly start: string;
  readonly stop: string;
  readonly forget: string;
  readonly status: string;
  readonly ioRunning: string;
  readonly sqlRunning: string;
  readonly lag: string;
  readonly position: string;
  readonly stopReceiving: string;
  /** Column of the status with what was received but perhaps not applied. */
  readonly received: string;
  readonly semiSync: string;
  follow(host: string, port: number, account: Account): string;
  /** Waits on a reader; the second value is the result when the position was reached. */
  awaitPosition(position: string, seconds: number): [sql: string, reached: number];
}

/** Seconds between a reader's attempts to reach its source, and between the source's signs of life. */
const RETRY_SECONDS = 1;

const DIALECTS: Record<Engine, Dialect> = {
  mysql: {
    start: "START REPLICA",
    stop: "STOP REPLICA",
    forget: "RESET REPLICA ALL",
    status: "SHOW REPLICA STATUS",
    ioRunning: "Replica_IO_Running",
    sqlRunning: "Replica_SQL_Running",
    lag: "Seconds_Behind_Source",
    position: "SELECT @@GLOBAL.gtid_executed AS position",
    stopReceiving: "STOP REPLICA IO_THREAD",
    received: "Retrieved_Gtid_Set",
    semiSync: "rpl_semi_sync_source_enabled",
    follow: (host, port, account) =>
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST=${quoteText(host)}, SOURCE_PORT=${port}, SOURCE_USER=${quoteText(account.user)},
       SOURCE_PASSWORD=${quoteText(account.password)}, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1,
       SOURCE_CONNECT_RETRY=${RETRY_SECONDS}, SOURCE_HEARTBEAT_PERIOD=${RETRY_SECONDS}, SOURCE_RETRY_COUNT=86400`,
    awaitPosition: (position, seconds) => [
      `SELECT WAIT_FOR_EXECUTED_GTID_SET(${quoteText(position.replaceAll("\n", ""))}, ${seconds}) AS reached`,
      0,
    ],
  },
  mariadb: {
    start: "START SLAVE",
    stop: "STOP SLAVE",
    forget: "RESET SLAVE ALL",
    status: "SHOW SLAVE STATUS",
    ioRunning: "Slave_IO_Running",
    sqlRunning: "Slave_SQL_Running",
    lag: "Seconds_Behind_Master",
    position: "SELECT @@GLOBAL.gtid_current_pos AS position",
    stopReceiving: "STOP SLAVE IO_THREAD",
    received: "Gtid_IO_Pos",
    semiSync: "rpl_semi_sync_master_enabled",
    follow: (host, port, account) =>
      `CHANGE MASTER TO MASTER_HOST=${quoteText(host)}, MASTER_PORT=${port}, MASTER_USER=${quoteText(account.user)},
       MASTER_PASSWORD=${quoteText(account.password)}, MASTER_USE_GTID=slave_pos,
       MASTER_CONNECT_RETRY=${RETRY_SECONDS}, MASTER_HEARTBEAT_PERIOD=${RETRY_SECONDS}`,
    awaitPosition: (position, seconds) => [
      `SELECT MASTER_GTID_WAIT(${quoteText(position)}, ${seconds}) AS reached`,
      0,
    ],
  },
};

export interface ReplicationStatus {
  /** Both threads run: the reader is connected to its source and applies what it gets. */
  readonly running: boolean;
  /** Null while unknown. */
  readonly lagSeconds: number | null;
  /** The last errors, empty when there are none. */
  readonly error: string;
}

const FOLLOW_MS = 60_000;
const POLL_MS = 50;

/** One server's part in replication. Each step is a statement or two; who calls them in which order is the cluster's. */
export class Replication {
  readonly #server: ServerProcess;
  readonly #engine: Engine;
  readonly #dialect: Dialect;

  constructor(engine: Engine, server: ServerProcess) {
    this.#server = server;
    this.#engine = engine;
    this.#dialect = DIALECTS[engine];
  }

  /** Makes the server a reader of `source` and waits until it is connected. */
  async follow(source: ServerProcess, account: Account): Promise<void> {
    await this.#run(async (connection) => {
      const status = await rows(connection, this.#dialect.status);
      if (status.length > 0) await connection.query(this.#dialect.stop);
      // A former writer's own history counts as applied; MySQL's one set of transactions says so by itself.
      if (this.#engine === "mariadb")
        await connection.query("SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_current_pos");
      await connection.query(this.#dialect.follow(source.host, source.port, account));
      await connection.query(this.#dialect.start);
    });
    await this.#untilRunning(source.id);
  }

  /** Makes the server nobody's reader. */
  async stopFollowing(): Promise<void> {
    await this.#run(async (connection) => {
      if ((await rows(connection, this.#dialect.status)).length === 0) return;
      await connection.query(this.#dialect.stop);
      await connection.query(this.#dialect.forget);
    });
  }

  /** Receives nothing more, applies what it has received, and says where it stands then. */
  async drain(timeoutMs: number): Promise<string> {
    const received = await this.#run(async (connection) => {
      if ((await rows(connection, this.#dialect.status)).length === 0) return "";
      await connection.query(this.#dialect.stopReceiving);
      const [status] = await rows(connection, this.#dialect.status);
      return String(status?.[this.#dialect.received] ?? "");
    });
    if (!(await this.awaitPosition(received, timeoutMs))) {
      throw new Error(`${this.#server.id} did not apply what it had within ${timeoutMs / 1000} s`);
    }
    return this.position();
  }

  /** Whether everything up to this position is in what the server has executed. */
  async has(position: string): Promise<boolean> {
    if (position === "") return true;
    if (this.#engine === "mariadb") {
      return sequenceOf(await this.position()) >= sequenceOf(position);
    }
    const set = quoteText(position.replaceAll("\n", ""));
    const [row] = await this.#run((connection) =>
      rows(connection, `SELECT GTID_SUBSET(${set}, @@GLOBAL.gtid_executed) AS has`),
    );
    return Number(row?.["has"]) === 1;
  }

  /** As a writer: whether commits wait for a reader that has them. */
  async setSemiSync(on: boolean): Promise<void> {
    await this.#run((connection) =>
      connection.query(`SET GLOBAL ${this.#dialect.semiSync} = ${on ? "ON" : "OFF"}`),
    );
  }

  /** Refuses or allows writes of everybody but replication (MariaDB's root also stays able to write). */
  async setReadOnly(on: boolean): Promise<void> {
    const value = on ? "ON" : "OFF";
    await this.#run(async (connection) => {
      if (this.#engine === "mysql") await connection.query(`SET GLOBAL super_read_only = ${value}`);
      await connection.query(`SET GLOBAL read_only = ${value}`);
    });
  }

  /** What the server has executed, as a set or position of global transaction ids. */
  async position(): Promise<string> {
    const [row] = await this.#run((connection) => rows(connection, this.#dialect.position));
    return String(row?.["position"] ?? "");
  }

  /** Waits until the server has applied this position; false when it has not in time. */
  async awaitPosition(position: string, timeoutMs: number): Promise<boolean> {
    if (position === "") return true;
    const [sql, reached] = this.#dialect.awaitPosition(position, Math.ceil(timeoutMs / 1000));
    const [row] = await this.#run((connection) => rows(connection, sql));
    return Number(row?.["reached"]) === reached;
  }

  /** Null on a server that follows nobody. */
  status(): Promise<ReplicationStatus | null> {
    return this.#run((connection) => statusFrom(connection, this.#engine));
  }

  async #untilRunning(source: string): Promise<void> {
    const deadline = Date.now() + FOLLOW_MS;
    for (;;) {
      const status = await this.status();
      if (status?.running) return;
      if (Date.now() > deadline) {
        throw new Error(
          `${this.#server.id} does not follow ${source}: ${status?.error || "no error given"}`,
        );
      }
      await pause(POLL_MS);
    }
  }

  #run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return withLogin(this.#server.login, work);
  }
}

/** The number of the last transaction of MariaDB's only domain here: `0-1-123` is 123. */
export function sequenceOf(position: string): number {
  return Number(/^0-\d+-(\d+)$/.exec(position.trim())?.[1] ?? 0);
}

/** The state of replication as the server at this connection reports it; null where it follows nobody. */
export async function statusFrom(
  connection: Connection,
  engine: Engine,
): Promise<ReplicationStatus | null> {
  const { status, ioRunning, sqlRunning, lag } = DIALECTS[engine];
  const [row] = await rows(connection, status);
  if (row === undefined) return null;
  const errors = [row["Last_IO_Error"], row["Last_SQL_Error"]]
    .map(String)
    .filter((text) => text !== "");
  return {
    running: row[ioRunning] === "Yes" && row[sqlRunning] === "Yes",
    lagSeconds: row[lag] === null || row[lag] === undefined ? null : Number(row[lag]),
    error: errors.join("; "),
  };
}
