import { escapeId } from "mysql2";
import type { Query } from "./connection.ts";
import { classifyFailure, ERRNO, errorFields } from "./failures.ts";
import type { Hit } from "./receive.ts";

export interface PathCount {
  readonly path: string;
  readonly hits: number;
  readonly first: Date;
  readonly last: Date;
}

/** Rows of the longest table shown: those hit last. */
export const PATHS_SHOWN = 500;

/**
 * Counts the hit and reads back all paths. Running it twice counts once, because the request id is the key, so a
 * caller who lost the connection in the middle may simply run it again.
 */
export async function countHit(query: Query, database: string, hit: Hit): Promise<PathCount[]> {
  const table = tableName(database);
  try {
    await insertHit(query, table, hit);
  } catch (error) {
    // The first hit ever finds nothing there. Looking first would cost every other hit a round trip.
    if (classifyFailure(error) !== "missing") throw error;
    await createSchema(query, database);
    await insertHit(query, table, hit);
  }
  return await readPaths(query, table);
}

async function insertHit(query: Query, table: string, hit: Hit): Promise<void> {
  // A buffer becomes a hexadecimal literal, which needs no escaping and so holds under every sql_mode; the driver's
  // backslash escapes would not under NO_BACKSLASH_ESCAPES, and the path is the stranger's to choose.
  await query(
    `INSERT INTO ${table} (request_id, path, hit_at) VALUES (?, ?, ?)
     ON DUPLICATE KEY UPDATE request_id = request_id`,
    [hit.requestId, Buffer.from(hit.path, "utf8"), hit.at],
  );
}

async function readPaths(query: Query, table: string): Promise<PathCount[]> {
  const rows = await query(
    `SELECT path, COUNT(*) AS hits, MIN(hit_at) AS first, MAX(hit_at) AS last
     FROM ${table} GROUP BY path ORDER BY last DESC, path LIMIT ?`,
    [PATHS_SHOWN],
  );
  return rows as PathCount[];
}

/** Creates what is missing and nothing else: a user who may not create databases can still use one that exists. */
async function createSchema(query: Query, database: string): Promise<void> {
  try {
    await createTable(query, database);
  } catch (error) {
    if (errorFields(error).errno !== ERRNO.unknownDatabase) throw error;
    await query(`CREATE DATABASE IF NOT EXISTS ${escapeId(database, true)} CHARACTER SET utf8mb4`);
    await createTable(query, database);
  }
}

async function createTable(query: Query, database: string): Promise<void> {
  await query(
    `CREATE TABLE IF NOT EXISTS ${tableName(database)} (
       request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
       path VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       hit_at DATETIME(3) NOT NULL COMMENT 'UTC',
       KEY path_and_time (path, hit_at)
     ) ENGINE = InnoDB`,
  );
}

/** With its database, so that the session needs no default one. */
function tableName(database: string): string {
  return `${escapeId(database, true)}.hits`;
}
