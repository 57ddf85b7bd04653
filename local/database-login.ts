import mysql, { type Connection } from "mysql2/promise";

export interface DatabaseLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database?: string | undefined;
}

/** Milliseconds for one attempt to log in to a local server. */
const CONNECT_MS = 10_000;

/** A connection of our own to a local server. */
export function logIn(login: DatabaseLogin): Promise<Connection> {
  const { host, port, user, password, database } = login;
  const options = { host, port, user, password, connectTimeout: CONNECT_MS };
  return mysql.createConnection(database === undefined ? options : { ...options, database });
}

/** Runs `work` with a connection and closes it, however that ends. */
export async function withLogin<T>(
  login: DatabaseLogin,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await logIn(login);
  // A server that goes away between two statements reports itself here too; the next statement fails with it.
  connection.on("error", () => {});
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

/** The rows of a query as records. */
export async function rows(
  connection: Connection,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const [found] = await connection.query(sql);
  return found as Record<string, unknown>[];
}
