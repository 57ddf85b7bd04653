/** mysql2, with `query` or, as `execute`, with prepared statements. */

import { createReadStream } from "node:fs";
import mysql, { type Connection, type ConnectionOptions } from "mysql2/promise";
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

function optionsFor({ user, password, database, options }: Login): ConnectionOptions {
  return {
    host: place.host,
    port: place.port,
    user,
    password,
    ...(database === "" ? {} : { database }),
    ...(place.ca === null ? {} : { ssl: { ca: place.ca } }),
    ...(options.includes("multi") ? { multipleStatements: true } : {}),
    ...(options.includes("local")
      ? { infileStreamFactory: (path: string) => createReadStream(path) }
      : {}),
    ...(options.includes("attributes") ? { connectAttributes: { program_name: "drivers" } } : {}),
    ...(options.includes("latin1") ? { charset: "latin1_swedish_ci" } : {}),
    flags: options.includes("found") ? ["FOUND_ROWS"] : ["-FOUND_ROWS"],
    supportBigNumbers: true,
  };
}

class Mysql2Talker implements Talker {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.on("error", () => {});
  }

  get threadId(): number {
    return this.#connection.threadId;
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
      await statement.close();
    }
    return all;
  }
}

function answer([rows, fields]: readonly [unknown, unknown]): unknown {
  const columns = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((each) => (Array.isArray(each) ? columns(each) : columnOf(each)))
      : null;
  return { rows, columns: columns(fields) };
}

function columnOf(field: { name: string; columnType: number; flags: number } | undefined): unknown {
  return field === undefined ? null : `${field.name} ${field.columnType} ${field.flags}`;
}

const driver: Driver = {
  open: async (login) => new Mysql2Talker(await mysql.createConnection(optionsFor(login))),
  pool: async (login, workers, work) => {
    const pool = mysql.createPool({ ...optionsFor(login), connectionLimit: workers });
    await Promise.all(Array.from({ length: workers }, () => work((sql) => pool.query(sql))));
    await pool.end();
  },
};

await runSteps(driver);
