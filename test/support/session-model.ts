import type { Connection, ResultSetHeader } from "mysql2/promise";
import { rows } from "../../local/database-login.ts";
import type { Engine } from "../../local/engine.ts";
import type { Random } from "./random.ts";
import { errnoOf, one } from "./session-probe.ts";

/** What all sessions of one check have in common. */
export interface ModelWorld {
  readonly engine: Engine;
  readonly schemas: readonly string[];
  /** What a fresh session reads of the variables below. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Sessions that may still pin: each one keeps a backend. */
  permits: number;
  /** Who has the lock of the common name. */
  lockHolder: SessionModel | null;
}

/** Variables that a session may set, with values; the names of the isolation level are made to fit the engine. */
const VARIABLES: readonly (readonly [string, readonly string[]])[] = [
  ["time_zone", ["'+01:00'", "'-07:30'", "'SYSTEM'", "DEFAULT"]],
  ["sql_mode", ["''", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'", "DEFAULT"]],
  ["wait_timeout", ["777", "888", "DEFAULT"]],
  ["auto_increment_increment", ["3", "5", "1"]],
  ["collation_connection", ["latin1_bin", "utf8mb4_bin", "'utf8mb4_unicode_ci'"]],
  ["character_set_results", ["utf8mb4", "latin1"]],
  ["ISOLATION", ["'READ-COMMITTED'", "'SERIALIZABLE'", "'REPEATABLE-READ'"]],
];
/** Set with LOCAL, which never pins, though it is not tracked. */
const LOCALS: readonly (readonly [string, readonly string[]])[] = [
  ["lock_wait_timeout", ["11", "12"]],
  ["net_read_timeout", ["13", "14"]],
];

export function variableNames(engine: Engine): string[] {
  return [...VARIABLES, ...LOCALS].map(([name]) => nameOf(name, engine));
}

function nameOf(name: string, engine: Engine): string {
  if (name !== "ISOLATION") return name;
  return engine === "mysql" ? "transaction_isolation" : "tx_isolation";
}

/** Reads these variables of a session. */
export async function readVariables(
  client: Connection,
  names: readonly string[],
): Promise<Map<string, string>> {
  const columns = names.map((name) => `@@session.${name} AS ${name}`);
  const [row] = await rows(client, `SELECT ${columns.join(", ")}`);
  return new Map(names.map((name) => [name, String(row?.[name])]));
}

/** One session that does stateful things at random, and knows what it must find of them. */
export class SessionModel {
  /** Nobody else's values hold it. */
  readonly token: string;
  /** What it did, the latest last. */
  readonly story: string[] = [];
  readonly #world: ModelWorld;
  readonly #client: Connection;
  readonly #random: Random;
  #schema: string;
  #variables: Map<string, string>;
  #insertId = "0";
  #pinned = false;
  #userVariable = false;
  #temporaryTable = false;
  #prepared = false;

  constructor(
    client: Connection,
    token: string,
    schema: string,
    world: ModelWorld,
    random: Random,
  ) {
    this.#client = client;
    this.token = token;
    this.#schema = schema;
    this.#world = world;
    this.#random = random;
    this.#variables = new Map(world.defaults);
  }

  /** Does one thing and looks whether it is alone with it. */
  async step(): Promise<void> {
    const [name, action] = this.#random.pick(ACTIONS);
    this.story.push(name);
    await action(this);
  }

  /** Everything that it can see must be its own. */
  async look(): Promise<void> {
    await this.lookAtVariables();
    await this.lookAtSchema();
    await this.lookAtInsertId();
    await this.lookAtHidden();
  }

  /** The connection is to be ended by the caller: what it held is free for others afterwards. */
  leave(): void {
    if (this.#pinned) this.#world.permits += 1;
    if (this.#world.lockHolder === this) this.#world.lockHolder = null;
  }

  async setVariable(): Promise<void> {
    const { engine } = this.#world;
    const [plain, values] = this.#random.pick(VARIABLES);
    const name = nameOf(plain, engine);
    await this.#run(`SET SESSION ${name} = ${this.#random.pick(values)}`);
    await this.#noteVariables([name]);
  }

  async setLocal(): Promise<void> {
    const [name, values] = this.#random.pick(LOCALS);
    await this.#run(`SET LOCAL ${name} = ${this.#random.pick(values)}`);
    await this.#noteVariables([name]);
  }

  /** What it has just set, as the server shows it: from here on it must stay so. */
  async #noteVariables(names: readonly string[]): Promise<void> {
    for (const [name, value] of await readVariables(this.#client, names)) {
      this.#variables.set(name, value);
    }
  }

  async lookAtVariables(): Promise<void> {
    const found = await readVariables(this.#client, [...this.#variables.keys()]);
    this.#expectSame(Object.fromEntries(found), Object.fromEntries(this.#variables));
  }

  /** From no schema, in which it began, to its own. */
  async enter(): Promise<void> {
    for (let looks = this.#random.int(4); looks > 0; looks--) {
      this.#expectSame(await one(this.#client, "SELECT DATABASE()"), null);
      await this.lookAtVariables();
      await this.lookAtInsertId();
      await this.#pause();
    }
    await this.#run(`USE ${this.#schema}`);
  }

  async use(): Promise<void> {
    this.#schema = this.#random.pick(this.#world.schemas);
    await this.#run(`USE ${this.#schema}`);
  }

  async lookAtSchema(): Promise<void> {
    this.#expectSame(await one(this.#client, "SELECT DATABASE()"), this.#schema);
    this.#expectSame(await one(this.#client, "SELECT place FROM whereabouts"), this.#schema);
  }

  async insert(): Promise<void> {
    const sql = `INSERT INTO numbered (who) VALUES ('${this.token}')`;
    const [result] = await this.#client.query<ResultSetHeader>(sql);
    this.#insertId = String(result.insertId);
  }

  /** Inserts that draw no number: with one of their own, in vain, without a column for it. */
  async insertUnnumbered(): Promise<void> {
    const id = 1_000_000 + this.#random.int(2 ** 30);
    await errnoOf(this.#run(`INSERT INTO numbered (id, who) VALUES (${id}, '${this.token}')`));
    await errnoOf(this.#run("INSERT INTO taken VALUES (1)"));
    // Within transactions these may meet in a deadlock, which ends one of them.
    await errnoOf(this.#run("INSERT IGNORE INTO taken VALUES (1)"));
    await errnoOf(this.#run("INSERT INTO taken VALUES (1) ON DUPLICATE KEY UPDATE id = 1"));
  }

  async setInsertId(): Promise<void> {
    this.#insertId = String(1 + this.#random.int(2 ** 31));
    await this.#run(`SELECT LAST_INSERT_ID(${this.#insertId})`);
  }

  async lookAtInsertId(): Promise<void> {
    const found = await one(this.#client, "SELECT CAST(LAST_INSERT_ID() AS CHAR)");
    this.#expectSame(String(found), this.#insertId);
  }

  async warn(): Promise<void> {
    const missing = this.#random.chance(0.5);
    if (missing) await errnoOf(this.#run(`SELECT 1 FROM ${this.token}`));
    else await this.#run(`SELECT CAST('${this.token}' AS SIGNED)`);
    if (this.#random.chance(0.5)) return;
    if (this.#random.chance(0.5)) await this.#pause();
    const [warning] = await this.#warnings();
    if (!String(warning?.["Message"]).includes(this.token)) {
      throw new Error(`lost its warning, found ${JSON.stringify(warning)}`);
    }
  }

  async lookAtWarnings(): Promise<void> {
    if (this.#random.chance(0.5)) await this.#run("SELECT 1");
    for (const warning of await this.#warnings()) this.#expectOwn(warning["Message"]);
  }

  #warnings(): Promise<Record<string, unknown>[]> {
    return rows(this.#client, "SHOW WARNINGS");
  }

  async transact(): Promise<void> {
    const byVariable = this.#random.chance(0.3);
    await this.#run(byVariable ? "SET autocommit = 0" : "BEGIN");
    if (this.#random.chance(0.5)) await this.insert();
    else await this.insertUnnumbered();
    if (this.#random.chance(0.5)) await this.look();
    if (this.#random.chance(0.3)) await this.setVariable();
    await this.#run(this.#random.pick(["COMMIT", "ROLLBACK"]));
    if (byVariable) await this.#run("SET autocommit = 1");
  }

  /** A procedure changes things unseen: they hold until another session needs the backend, or until a reset. */
  async call(): Promise<void> {
    await this.#run(`CALL ${this.#world.schemas[0]}.hides('${this.token}')`);
    if (this.#random.chance(0.5)) await this.#pause();
    this.#expectOwn(await one(this.#client, "SELECT @hidden"));
    await this.reset();
  }

  async lookAtHidden(): Promise<void> {
    const found = await one(this.#client, "SELECT @seen");
    this.#expectSame(found, this.#userVariable ? this.token : null);
    this.#expectOwn(await one(this.#client, "SELECT @hidden"));
    const [table] = await this.#rowsIfAny("temporary_one");
    this.#expectSame(table?.["who"] ?? null, this.#temporaryTable ? this.token : null);
    for (const { who } of await this.#rowsIfAny("temporary_hidden")) this.#expectOwn(who);
  }

  /** None where there is no such table. */
  #rowsIfAny(table: string): Promise<Record<string, unknown>[]> {
    return rows(this.#client, `SELECT who FROM ${table}`).catch(onlyFor(1146, []));
  }

  async pin(): Promise<void> {
    if (!this.#takePermit()) return;
    switch (this.#random.int(5)) {
      case 0:
        await this.#run(`SET @seen = '${this.token}'`);
        this.#userVariable = true;
        return;
      case 1:
        if (this.#temporaryTable) return;
        // In no schema of its own, so that it is found from everywhere.
        for (const schema of this.#world.schemas) {
          await this.#run(
            `CREATE TEMPORARY TABLE ${schema}.temporary_one AS SELECT '${this.token}' AS who`,
          );
        }
        this.#temporaryTable = true;
        return;
      case 2:
        await this.#run(`PREPARE prepared FROM 'SELECT ''${this.token}'''`);
        this.#prepared = true;
        return;
      case 3:
        return this.#lock();
      default: {
        const [answer] = await this.#client.execute("SELECT ? AS who", [this.token]);
        this.#expectSame((answer as { who: string }[])[0]?.who, this.token);
      }
    }
  }

  #takePermit(): boolean {
    if (this.#pinned) return true;
    if (this.#world.permits === 0) return false;
    this.#world.permits -= 1;
    this.#pinned = true;
    return true;
  }

  async #lock(): Promise<void> {
    const before = this.#world.lockHolder;
    const got = await one(this.#client, `SELECT GET_LOCK('${this.#world.schemas[0]}', 0)`);
    if (got !== 1) return;
    if (before !== null && before !== this && before === this.#world.lockHolder) {
      throw new Error(`got the lock that ${before.token} has`);
    }
    this.#world.lockHolder = this;
  }

  async execute(): Promise<void> {
    if (!this.#pinned) return;
    const found = await one(this.#client, "EXECUTE prepared").catch(onlyFor(1243, null));
    this.#expectSame(found, this.#prepared ? this.token : null);
  }

  /** COM_RESET_CONNECTION. A pin stays, what it was for goes. */
  async reset(): Promise<void> {
    await this.#client.reset();
    this.#insertId = "0";
    this.#userVariable = false;
    this.#temporaryTable = false;
    this.#prepared = false;
    if (this.#world.lockHolder === this) this.#world.lockHolder = null;
    // Character sets are the server's from here on, not those of the login.
    this.#variables = new Map(this.#world.defaults);
    await this.#noteVariables(["collation_connection", "character_set_results", "sql_mode"]);
  }

  #run(sql: string): Promise<unknown> {
    return this.#client.query(sql);
  }

  /** Lets others have the backend. */
  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#random.int(5)));
  }

  /** Tokens start with `tok`: one that is not its own is somebody else's. */
  #expectOwn(found: unknown): void {
    const text = String(found);
    if (/tok\d+/.test(text) && !text.includes(this.token)) {
      throw new Error(`sees ${JSON.stringify(found)} of another session`);
    }
  }

  #expectSame(found: unknown, expected: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
    if (a !== b) throw new Error(`found ${a} in place of ${b}`);
  }
}

/** What an error of this number stands for; others are errors. */
function onlyFor<T>(errno: number, value: T): (error: { errno?: number }) => T {
  return (error) => {
    if (error.errno !== errno) throw error;
    return value;
  };
}

type Action = readonly [string, (session: SessionModel) => Promise<void>];

const ACTIONS: readonly Action[] = [
  ["set a variable", (s) => s.setVariable()],
  ["set a variable", (s) => s.setVariable()],
  ["set a local", (s) => s.setLocal()],
  ["look at variables", (s) => s.lookAtVariables()],
  ["use a schema", (s) => s.use()],
  ["look at the schema", (s) => s.lookAtSchema()],
  ["insert", (s) => s.insert()],
  ["insert", (s) => s.insert()],
  ["insert without a number", (s) => s.insertUnnumbered()],
  ["set the insert id", (s) => s.setInsertId()],
  ["look at the insert id", (s) => s.lookAtInsertId()],
  ["warn", (s) => s.warn()],
  ["look at warnings", (s) => s.lookAtWarnings()],
  ["look at warnings", (s) => s.lookAtWarnings()],
  ["transact", (s) => s.transact()],
  ["call", (s) => s.call()],
  ["look at what is hidden", (s) => s.lookAtHidden()],
  ["pin", (s) => s.pin()],
  ["execute", (s) => s.execute()],
  ["reset", (s) => s.reset()],
];
