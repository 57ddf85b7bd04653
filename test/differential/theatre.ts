import type { Connection } from "mysql2/promise";
import { logIn } from "../../local/database-login.ts";
import type { Engine } from "../../local/engine.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import type { TestServer } from "../support/servers.ts";
import type { Account, Stage } from "./performer.ts";
import { baseOf } from "./scene.ts";
import type { Script } from "./script.ts";

/** Where scripts are played: a real server, and a proxy with few connections to it. */
export class Theatre {
  readonly engine: Engine;
  readonly version: string;
  readonly direct: Stage;
  readonly proxied: Stage;
  readonly proxy: TestProxy;
  readonly #root: Connection;

  private constructor(server: TestServer, proxy: TestProxy, root: Connection) {
    this.engine = server.engine;
    this.version = server.version;
    this.proxy = proxy;
    this.#root = root;
    const address = { host: server.host, port: server.port };
    const accounts = ACCOUNTS;
    this.direct = { address, server: address, accounts };
    this.proxied = { address: { host: proxy.host, port: proxy.port }, server: address, accounts };
  }

  static async open(server: TestServer, backends: number): Promise<Theatre> {
    const { host, port, password } = server;
    const root = await logIn({ host, port, user: "root", password });
    for (const statement of [...accountStatements(), ...SHARED]) await root.query(statement);
    const proxy = await startProxy(server, {
      users: ACCOUNTS,
      database: "diff_shared",
      spec: { pool: { maxConnections: backends, connectionBorrowTimeout: 300 } },
    });
    return new Theatre(server, proxy, root);
  }

  /** The schemas of a script, as every performance of it begins. */
  async setUp({ schema }: Script): Promise<void> {
    await this.tearDown(schema);
    for (const statement of scenery(schema)) await this.#root.query(statement);
  }

  /** Whatever a script may have left. */
  async tearDown(schema: string): Promise<void> {
    const root = this.#root;
    const [prepared] = await root.query("XA RECOVER");
    for (const { data } of prepared as { data: string | Buffer }[])
      if (String(data).startsWith(`${schema}x`)) await root.query(`XA ROLLBACK '${String(data)}'`);
    const [left] = await root.query(
      `SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA
       WHERE SCHEMA_NAME = '${schema}' OR SCHEMA_NAME LIKE '${schema.replaceAll("_", "\\_")}\\_%'`,
    );
    for (const { name } of left as { name: string }[]) await root.query(`DROP DATABASE ${name}`);
  }

  async close(): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.#root.query("DROP DATABASE diff_shared");
    for (const { user } of ACCOUNTS) await this.#root.query(`DROP USER '${user}'@'%'`);
    await this.#root.end();
  }
}

const ACCOUNTS: readonly [Account, Account] = [
  { user: "diff_one", password: "one secret" },
  { user: "diff_two", password: "another secret" },
];

function accountStatements(): string[] {
  return ACCOUNTS.flatMap(({ user, password }) => [
    `DROP USER IF EXISTS '${user}'@'%'`,
    `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%'`,
  ]);
}

/** Procedures that touch nothing that scripts share. */
const SHARED = [
  "DROP DATABASE IF EXISTS diff_shared",
  "CREATE DATABASE diff_shared CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
  "USE diff_shared",
  "CREATE TABLE t (id INT PRIMARY KEY)",
  "CREATE FUNCTION f_add(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN n + 1",
  "CREATE PROCEDURE p_rs(n INT) BEGIN SELECT n; SELECT n + 1, 'two' UNION ALL SELECT n + 2, 'three'; END",
  "CREATE PROCEDURE p_out(n INT, OUT o INT, OUT p VARCHAR(9)) BEGIN SET o = n * 2; SET p = 'out'; END",
  "CREATE PROCEDURE p_var(n INT) SET @pv = n",
  "CREATE PROCEDURE p_id(n INT) SELECT LAST_INSERT_ID(n)",
  "CREATE PROCEDURE p_temp() BEGIN CREATE TEMPORARY TABLE ptmp (id INT); INSERT INTO ptmp VALUES (1), (2); END",
  "CREATE PROCEDURE p_warn() BEGIN SELECT 'x' + 1; SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'mind', MYSQL_ERRNO = 1642; END",
  "CREATE PROCEDURE p_err() BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
];

function scenery(schema: string): string[] {
  // No two scripts draw the same numbers: which of them a session has seen last must show.
  const base = baseOf(schema);
  return [
    `CREATE DATABASE ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
    `CREATE DATABASE ${schema}_l CHARACTER SET latin1`,
    `CREATE TABLE ${schema}.a (id INT AUTO_INCREMENT PRIMARY KEY, v INT, t VARCHAR(40), u INT UNIQUE) AUTO_INCREMENT = ${base}`,
    `CREATE TABLE ${schema}.b (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), d DECIMAL(12,4),
       dt DATETIME(3), j JSON, x BLOB, e ENUM('x', 'y', 'z'), ts TIMESTAMP NULL) AUTO_INCREMENT = ${base + 100}`,
    `CREATE TABLE ${schema}.c (k VARCHAR(20) PRIMARY KEY, n TINYINT NOT NULL)`,
    `CREATE TABLE ${schema}.e (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = ${base + 200}`,
    `CREATE TABLE ${schema}.dl (id INT PRIMARY KEY, v INT)`,
    `CREATE TABLE ${schema}_l.t (id INT PRIMARY KEY, s VARCHAR(40))`,
    `INSERT INTO ${schema}.a (id, v, t, u) VALUES (1, 1, 'one', 1), (2, 2, 'two', NULL), (3, 3, NULL, 3)`,
    `INSERT INTO ${schema}_l.t VALUES (1, 'first'), (2, 'second')`,
    `INSERT INTO ${schema}.dl SELECT a.n * 6 + b.n + 1, 0 FROM
       (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) a,
       (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5) b`,
    `CREATE TRIGGER ${schema}.tr AFTER INSERT ON ${schema}.c FOR EACH ROW INSERT INTO ${schema}.e (v) VALUES (NEW.n)`,
  ];
}
