/** MariaDB's connector for Node.js, with `query` or, as `execute`, with prepared statements and bulk. */
import mariadb, { type Connection, type ConnectionConfig } from "mariadb";
import {
  type Driver,
  type Login,
  type Parameter,
  placeFromEnvironment,
  runSteps,
  type Talker,
} from "./steps.ts";

const place = placeFromEnvironment();
const prepares = process.env["DRIVER_VARIANT"] === "execute";

function optionsFor({ user, password, database, options }: Login): ConnectionConfig {
  return {
    host: place.host,
    port: place.port,
    user,
    password,
    allowPublicKeyRetrieval: true,
    ...(database === "" ? {} : { database }),
    ...(place.ca === null ? {} : { ssl: { ca: place.ca } }),
    ...(options.includes("multi") ? { multipleStatements: true } : {}),
    ...(options.includes("local") ? { permitLocalInfile: true } : {}),
    ...(options.includes("attributes") ? { connectAttributes: { program_name: "drivers" } } : {}),
    ...(options.includes("latin1") ? { charset: "latin1" } : {}),
    foundRows: options.includes("found"),
    bulk: prepares,
  };
}

class MariadbTalker implements Talker {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.on("error", () => {});
  }

  get threadId(): number {
    return this.#connection.threadId!;
  }

  async query(sql: string): Promise<unknown> {
    return answer(await this.#connection.query(sql));
  }

  async run(sql: string, parameters: readonly Parameter[]): Promise<unknown> {
    const values = [...parameters];
    return answer(
      prepares
        ? await this.#connection.execute(sql, values)
        : await this.#connection.query(sql, values),
    );
  }

  begin = () => this.#connection.beginTransaction();
  commit = () => this.#connection.commit();
  rollback = () => this.#connection.rollback();
  ping = () => this.#connection.ping();
  close = () => this.#connection.end();
  reset = () => this.#connection.reset();

  changeUser({ user, password, database }: Login): Promise<void> {
    return this.#connection.changeUser({ user, password, database });
  }

  async many(count: number): Promise<unknown> {
    const statements = [];
    for (let i = 0; i < count; i++) {
      statements.push(await this.#connection.prepare(`SELECT ? + ${i} AS v`));
    }
    const all = [];
    for (const statement of statements) {
      all.push(answer(await statement.execute([1])));
      statement.close();
    }
    return all;
  }

  async batch(sql: string, rows: readonly (readonly Parameter[])[]): Promise<unknown> {
    return answer(await this.#connection.batch(sql, rows as Parameter[][]));
  }
}

interface Column {
  name(): string;
  readonly type: string;
  readonly flags: number;
}

function answer(result: unknown): unknown {
  const meta = (result as { meta?: readonly Column[] } | null)?.meta;
  if (!Array.isArray(meta)) return result;
  const columns = meta.map((column: Column) =>
    typeof column?.name === "function" ? `${column.name()} ${column.type} ${column.flags}` : null,
  );
  return { rows: [...(result as unknown[])], columns };
}

const driver: Driver = {
  open: async (login) => new MariadbTalker(await mariadb.createConnection(optionsFor(login))),
  pool: async (login, workers, work) => {
    const pool = mariadb.createPool({
      ...optionsFor(login),
      connectionLimit: workers,
      acquireTimeout: 60_000,
    });
    await Promise.all(Array.from({ length: workers }, () => work((sql) => pool.query(sql))));
    await pool.end();
  },
};

await runSteps(driver);
