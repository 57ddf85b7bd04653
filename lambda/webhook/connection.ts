import { readFile } from "node:fs/promises";
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  type SslOptions,
} from "mysql2/promise";
import { classifyFailure } from "./failures.ts";
import type { CredentialsCache } from "./secret.ts";
import type { Settings } from "./settings.ts";

/** Runs one statement; placeholders are filled in by the driver. */
export type Query = (sql: string, values?: readonly unknown[]) => Promise<unknown>;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The one connection of this execution environment, kept between invocations: Lambda gives an environment one request
 * at a time, so there is never a second user. It speaks to the proxy, which decides what database connection it gets.
 */
export class ProxyConnection {
  readonly #settings: Settings;
  readonly #credentials: CredentialsCache;
  #connection: Connection | null = null;
  #opened = 0;

  constructor(settings: Settings, credentials: CredentialsCache) {
    this.#settings = settings;
    this.#credentials = credentials;
  }

  /** Connections opened since this environment began. */
  get opened(): number {
    return this.#opened;
  }

  /**
   * Does `work`, and once more on a fresh connection where the first broke under it. The second run happens without
   * knowing what the first achieved, so `work` must be one whose repetition changes nothing.
   */
  async use<T>(work: (query: Query) => Promise<T>, budgetMs: number): Promise<T> {
    const deadline = Date.now() + budgetMs;
    try {
      return await this.#attempt(work, deadline);
    } catch (error) {
      if (classifyFailure(error) !== "stale") throw error;
      return await this.#attempt(work, deadline);
    }
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #attempt<T>(work: (query: Query) => Promise<T>, deadline: number): Promise<T> {
    const connection = this.#connection ?? (await this.#open(deadline));
    // `query` sends text (COM_QUERY), `execute` a prepared statement (COM_STMT_PREPARE). RDS Proxy pins a session to
    // its database connection at the first prepared statement and until the client leaves, which for a function is
    // never: every environment would hold a database connection of its own, and the proxy would share nothing.
    const query: Query = async (sql, values) => {
      const timeout = Math.max(1, deadline - Date.now());
      const [result] = await connection.query({ sql, timeout, values: values as unknown[] });
      return result;
    };
    try {
      return await work(query);
    } catch (error) {
      // After a time-out the answer may still be on its way, and would be taken for the next statement's.
      const kind = classifyFailure(error);
      if (kind === "stale" || kind === "busy") this.close();
      throw error;
    }
  }

  async #open(deadline: number): Promise<Connection> {
    try {
      return await this.#dial(deadline);
    } catch (error) {
      if (classifyFailure(error) !== "denied") throw error;
      this.#credentials.forget();
      return await this.#dial(deadline);
    }
  }

  async #dial(deadline: number): Promise<Connection> {
    const { username, password } = await this.#credentials.get();
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, Math.max(1, deadline - Date.now()));
    const ssl = await tlsOptions(this.#settings);
    const options: ConnectionOptions = {
      host: this.#settings.host,
      port: this.#settings.port,
      user: username,
      password,
      connectTimeout: timeoutMs,
      // Times go and come as UTC by the driver's conversion: no SET time_zone, no state for a proxy to carry.
      timezone: "Z",
      ...(ssl === null ? {} : { ssl }),
    };
    const connection = await createConnection(options);
    this.#opened += 1;
    this.#connection = connection;
    connection.on("error", () => this.#discard(connection));
    return connection;
  }

  /** An idle connection broke: the proxy's idle timeout, a restart. The next request opens another. */
  #discard(connection: Connection): void {
    if (this.#connection === connection) this.close();
  }
}

async function tlsOptions(settings: Settings): Promise<SslOptions | null> {
  switch (settings.tls) {
    case "off":
      return null;
    case "require":
      return { rejectUnauthorized: false };
    case "verify": {
      const ca = settings.caFile === null ? {} : { ca: await readFile(settings.caFile, "utf8") };
      return { ...ca, rejectUnauthorized: true, verifyIdentity: true };
    }
  }
}
