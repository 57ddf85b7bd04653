import type { Connection } from "mysql2/promise";
import { inject } from "vitest";
import { logIn, rows, withLogin } from "../../local/database-login.ts";
import type { Engine } from "../../local/engine.ts";
import { quoteName, quoteText } from "../../local/sql-text.ts";

/** What the set-up of a run hands to the test files. */
export interface ProvidedServer {
  readonly engine: Engine;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
  readonly pid: number;
  /** The authority that signed the server's certificate (localhost, 127.0.0.1, ::1). */
  readonly caFile: string;
  /** Of root, admin, monitor and app alike. */
  readonly password: string;
  /** The engine's own command-line client (`mysql`, `mariadb`), null when it did not come with the server. */
  readonly client: readonly string[] | null;
}

export type ProvidedServers = Readonly<
  Record<Engine, ProvidedServer | { readonly problem: string }>
>;

declare module "vitest" {
  interface ProvidedContext {
    sluiceServers: ProvidedServers;
  }
}

export type LoginScheme = "mysql_native_password" | "caching_sha2_password" | "ed25519";

export interface NewUser {
  readonly user?: string;
  readonly password?: string;
  /** The engine's default when absent: caching_sha2_password on MySQL, mysql_native_password on MariaDB. */
  readonly scheme?: LoginScheme;
  /** A database on which the user gets every right; `*` for all of them. */
  readonly database?: string;
  /** Added to CREATE USER: `REQUIRE SSL`, `WITH MAX_USER_CONNECTIONS 3`. */
  readonly clause?: string;
}

/** A real server shared by all test files of a run. Make what you need in it; drop nothing that is not yours. */
export interface TestServer extends ProvidedServer {
  /** A connection as root. Close it. */
  root(): Promise<Connection>;
  /** Runs one statement as root; its rows. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** A new, empty database with a name of its own. */
  database(): Promise<string>;
  /** A new user; what it logs in with. */
  user(wanted?: NewUser): Promise<{ user: string; password: string }>;
  /** Whether accounts of this scheme can be made here. */
  has(scheme: LoginScheme): Promise<boolean>;
}

let names = 0;

/** The shared server of this engine. */
export async function server(engine: Engine): Promise<TestServer> {
  const provided = inject("sluiceServers")?.[engine];
  if (provided === undefined)
    throw new Error("servers are there for test/integration only (servers-setup.ts)");
  if ("problem" in provided)
    throw new Error(`no ${engine} server for the tests: ${provided.problem}`);
  return testServer(provided);
}

/** A server that somebody has set up, with what tests do to it. */
export function testServer(provided: ProvidedServer): TestServer {
  const { engine, host, port, password } = provided;
  const login = { host, port, user: "root", password };
  const sql = (text: string) => withLogin(login, (connection) => rows(connection, text));
  return {
    ...provided,
    root: () => logIn(login),
    sql,
    database: async () => {
      const name = freshName("db");
      await sql(`CREATE DATABASE ${quoteName(name)}`);
      return name;
    },
    user: (wanted = {}) => createUser(engine, sql, wanted),
    has: (scheme) => hasScheme(engine, sql, scheme),
  };
}

type Sql = TestServer["sql"];

async function createUser(
  engine: Engine,
  sql: Sql,
  wanted: NewUser,
): Promise<{ user: string; password: string }> {
  const {
    user = freshName("u"),
    password = `secret of ${names}`,
    scheme,
    database,
    clause = "",
  } = wanted;
  if (scheme !== undefined && !(await hasScheme(engine, sql, scheme)))
    throw new Error(`${engine} has no ${scheme} here`);
  const name = `${quoteText(user)}@'%'`;
  await sql(`CREATE USER ${name} ${identified(engine, password, scheme)} ${clause}`);
  if (database !== undefined) {
    const scope = database === "*" ? "*.*" : `${quoteName(database)}.*`;
    await sql(`GRANT ALL PRIVILEGES ON ${scope} TO ${name}`);
  }
  return { user, password };
}

function identified(engine: Engine, password: string, scheme: LoginScheme | undefined): string {
  const secret = quoteText(password);
  if (scheme === undefined) return `IDENTIFIED BY ${secret}`;
  return engine === "mysql"
    ? `IDENTIFIED WITH ${scheme} BY ${secret}`
    : `IDENTIFIED VIA ${scheme} USING PASSWORD(${secret})`;
}

async function hasScheme(engine: Engine, sql: Sql, scheme: LoginScheme): Promise<boolean> {
  if (engine === "mariadb" && scheme === "ed25519") {
    await sql("INSTALL SONAME 'auth_ed25519'").catch(() => {}); // Loaded already, or not in the packages.
  }
  const query = "SELECT 1 FROM information_schema.plugins WHERE plugin_type = 'AUTHENTICATION'";
  const found = await sql(
    `${query} AND plugin_status = 'ACTIVE' AND plugin_name = ${quoteText(scheme)}`,
  );
  return found.length > 0;
}

function freshName(prefix: string): string {
  names += 1;
  return `${prefix}_${process.pid}_${Date.now().toString(36)}_${names}`;
}
