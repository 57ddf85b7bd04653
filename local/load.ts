import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { type DatabaseLogin, logIn, rows, withLogin } from "./database-login.ts";
import { sharedNow } from "./failover.ts";
import { seededRandom } from "./seeded-random.ts";

export type LoadKind = "read" | "write" | "transaction";

/** One request of the load: from the wish to the answer, with whatever login it needed. */
export interface LoadRequest {
  readonly kind: LoadKind;
  /** Over a connection of its own. */
  readonly fresh: boolean;
  readonly at: number;
  readonly ms: number;
  /** What the application would have seen; null where all went well. */
  readonly error: string | null;
}

export interface LoadOptions {
  readonly login: DatabaseLogin;
  readonly seed?: number;
  /** Single statements only when false. */
  readonly transactions?: boolean;
}

/** Long connections, and how often each of them asks, in milliseconds. */
const LONG = { workers: 20, everyMs: 60 } as const;
const FRESH = { workers: 4, everyMs: 200 } as const;
const READ_SHARE = 0.5;
const TRANSACTION_SHARE = 0.15;
const STATEMENTS: Record<LoadKind, number> = { read: 1, write: 1, transaction: 4 };
/** Milliseconds that requests may need to end when the load ends. */
const END_MS = 30_000;
const TABLE = "sluice_rehearsal";
/** Larger than any row's id: a proxy that sees an insert's id in its text has to ask whether that is what was generated. */
const FIRST_NUMBER = 1_000_000_001;

/**
 * An application under way: reads, single writes and transactions, over long connections and fresh ones. It repeats nothing that
 * failed. Every row that it writes has a number of its own.
 */
export class Load {
  readonly requests: LoadRequest[] = [];
  /** Numbers whose write was answered. */
  readonly answered = new Set<number>();
  /** Numbers whose write failed or was never answered: they may be there or not. */
  readonly doubtful = new Set<number>();
  readonly #login: DatabaseLogin;
  readonly #random: () => number;
  readonly #transactionShare: number;
  readonly #open = new Set<Connection>();
  #next = FIRST_NUMBER;
  #running = true;
  #workers: Promise<unknown> = Promise.resolve();

  private constructor(options: LoadOptions) {
    this.#login = options.login;
    this.#random = seededRandom(options.seed ?? 1);
    this.#transactionShare = options.transactions === false ? 0 : TRANSACTION_SHARE;
  }

  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    await withLogin(options.login, async (connection) => {
      await connection.query(`DROP TABLE IF EXISTS ${TABLE}`);
      // No unique key on the number: a write that is done twice is to be seen, not refused.
      await connection.query(
        `CREATE TABLE ${TABLE} (id BIGINT AUTO_INCREMENT PRIMARY KEY, number BIGINT NOT NULL, KEY (number))`,
      );
    });
    load.#workers = Promise.all([
      ...Array.from({ length: LONG.workers }, () => load.#work(false, LONG.everyMs)),
      ...Array.from({ length: FRESH.workers }, () => load.#work(true, FRESH.everyMs)),
    ]);
    return load;
  }

  get statements(): number {
    return this.requests.reduce((sum, { kind }) => sum + STATEMENTS[kind], 0);
  }

  /** Resolves when the last request has ended; what hangs is cut off. */
  async stop(): Promise<void> {
    this.#running = false;
    const end = new AbortController();
    const late = pause(END_MS, undefined, { signal: end.signal }).then(
      () => {
        for (const connection of this.#open) connection.destroy();
      },
      () => {},
    );
    await this.#workers;
    end.abort();
    await late;
  }

  /** Every worker keeps its own time; one that has to wait skips its turns. */
  async #work(fresh: boolean, everyMs: number): Promise<void> {
    let connection: Connection | null = null;
    await pause(this.#random() * everyMs);
    while (this.#running) {
      const began = performance.now();
      const kind = this.#kind();
      const at = sharedNow();
      let error: string | null = null;
      const numbers = kind === "read" ? [] : this.#numbers(kind === "write" ? 1 : 2);
      try {
        connection ??= await this.#connect();
        await perform(connection, kind, numbers);
        for (const number of numbers) this.answered.add(number);
      } catch (fault) {
        error = wordsOf(fault);
        for (const number of numbers) this.doubtful.add(number);
      }
      const ms = performance.now() - began;
      this.requests.push({ kind, fresh, at, ms, error });
      if (connection !== null && (fresh || error !== null)) {
        this.#open.delete(connection);
        connection.destroy();
        connection = null;
      }
      await pause(Math.max(1, everyMs - (performance.now() - began)));
    }
    connection?.destroy();
  }

  async #connect(): Promise<Connection> {
    const connection = await logIn(this.#login);
    connection.on("error", () => {});
    this.#open.add(connection);
    return connection;
  }

  #kind(): LoadKind {
    const drawn = this.#random();
    if (drawn < READ_SHARE) return "read";
    return drawn < READ_SHARE + this.#transactionShare ? "transaction" : "write";
  }

  #numbers(count: number): number[] {
    return Array.from({ length: count }, () => this.#next++);
  }
}

async function perform(
  connection: Connection,
  kind: LoadKind,
  numbers: readonly number[],
): Promise<void> {
  const insert = `INSERT INTO ${TABLE} (number) VALUES `;
  if (kind === "read") {
    await connection.query(`SELECT number FROM ${TABLE} ORDER BY id DESC LIMIT 1`);
  } else if (kind === "write") {
    await connection.query(`${insert}(${numbers[0]})`);
  } else {
    await connection.query("BEGIN");
    await connection.query(`${insert}(${numbers[0]})`);
    await connection.query(`${insert}(${numbers[1]})`);
    await connection.query("COMMIT");
  }
}

function wordsOf(fault: unknown): string {
  const { errno, code, message } = fault as { errno?: number; code?: string; message: string };
  const number = typeof errno === "number" && errno > 0 ? `${errno} ` : code ? `${code} ` : "";
  return `${number}${message}`;
}

export interface LoadCheck {
  /** Answered, but not there. */
  readonly missing: readonly number[];
  /** There more than once. */
  readonly doubled: readonly number[];
  /** Not answered, but there: the application has to find out. */
  readonly unanswered: number;
  readonly answered: number;
}

/** Compares what was answered with what is there. */
export async function checkLoad(load: Load, login: DatabaseLogin): Promise<LoadCheck> {
  const found = await withLogin(login, (connection) =>
    rows(connection, `SELECT number, COUNT(*) AS n FROM ${TABLE} GROUP BY number`),
  );
  const there = new Map(found.map((row) => [Number(row["number"]), Number(row["n"])]));
  return {
    missing: [...load.answered].filter((number) => !there.has(number)),
    doubled: [...there].filter(([, count]) => count > 1).map(([number]) => number),
    unanswered: [...load.doubtful].filter((number) => there.has(number)).length,
    answered: load.answered.size,
  };
}
