import type { Connection } from "mysql2/promise";
import type { FailoverBench } from "./failover-bench.ts";

export interface Failure {
  readonly errno: number | undefined;
  readonly code: string;
  readonly message: string;
}

/** Clients that write numbers, one after the other, each in a statement of its own, and keep account of what they were told. */
export class NumberedWrites {
  readonly acknowledged = new Set<number>();
  readonly failures: Failure[] = [];
  /** The longest that a client waited for one answer. */
  longestMs = 0;
  readonly #bench: FailoverBench;
  readonly #table: string;
  #next = 1;
  #stopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(bench: FailoverBench, table: string) {
    this.#bench = bench;
    this.#table = table;
  }

  static async start(
    bench: FailoverBench,
    table: string,
    clients: number,
  ): Promise<NumberedWrites> {
    const writes = new NumberedWrites(bench, table);
    const first = await bench.connect();
    // Without a unique key: a statement that ran twice would show.
    await first.query(`CREATE TABLE ${table} (n INT NOT NULL, KEY (n))`);
    const running = Array.from({ length: clients }, () => writes.#client());
    writes.#running = Promise.all(running);
    return writes;
  }

  /** Waits until this many more writes have been acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    const deadline = performance.now() + 60_000;
    while (this.acknowledged.size < wanted) {
      if (performance.now() > deadline)
        throw new Error(`only ${this.acknowledged.size} of ${wanted} writes were acknowledged`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** What the writer holds of what was acknowledged. */
  async account(): Promise<{ missing: number[]; twice: number[] }> {
    const rows = await this.#bench.at(
      this.#bench.cluster.writer.id,
      `SELECT n, COUNT(*) AS times FROM ${this.#table} GROUP BY n`,
    );
    const times = new Map(rows.map((row) => [Number(row["n"]), Number(row["times"])]));
    return {
      missing: [...this.acknowledged].filter((n) => !times.has(n)),
      twice: [...times].filter(([, count]) => count > 1).map(([n]) => n),
    };
  }

  async #client(): Promise<void> {
    let connection: Connection | null = null;
    while (!this.#stopping) {
      const n = this.#next++;
      const began = performance.now();
      try {
        connection ??= await this.#bench.connect();
        await connection.query(`INSERT INTO ${this.#table} VALUES (${n})`);
        this.acknowledged.add(n);
      } catch (error) {
        const { errno, code, message } = error as Error & { errno?: number; code: string };
        this.failures.push({ errno, code, message });
        connection?.destroy();
        connection = null;
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - began);
    }
    connection?.destroy();
  }
}
