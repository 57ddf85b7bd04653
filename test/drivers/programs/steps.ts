/** What the programs in TypeScript share: reads the steps, runs them on a driver, prints what came back. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly options: readonly string[];
}

export type Parameter = number | string | Buffer | null;

/** One connection, as a driver offers it. Methods that a driver lacks are absent. */
export interface Talker {
  readonly threadId: number;
  query(sql: string): Promise<unknown>;
  run(sql: string, parameters: readonly Parameter[]): Promise<unknown>;
  begin(): Promise<unknown>;
  commit(): Promise<unknown>;
  rollback(): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
  reset?(): Promise<unknown>;
  changeUser?(login: Login): Promise<unknown>;
  many?(count: number): Promise<unknown>;
  batch?(sql: string, rows: readonly (readonly Parameter[])[]): Promise<unknown>;
}

export interface Driver {
  open(login: Login): Promise<Talker>;
  /** Runs `work` for each worker, all at once, on a pool of that many connections. */
  pool(
    login: Login,
    workers: number,
    work: (query: (sql: string) => Promise<unknown>) => Promise<void>,
  ): Promise<void>;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly ca: Buffer | null;
}

const LONG = 256;
const UNSUPPORTED = Symbol("unsupported");

export function placeFromEnvironment(): Place {
  const { DRIVER_HOST, DRIVER_PORT, DRIVER_CA } = process.env;
  const ca = DRIVER_CA ? readFileSync(DRIVER_CA) : null;
  return { host: DRIVER_HOST!, port: Number(DRIVER_PORT), ca };
}

/** Values with their types, long ones as a digest. */
export function shown(value: unknown): unknown {
  if (typeof value === "bigint") return `bigint ${value}`;
  if (value instanceof Date)
    return `date ${Number.isNaN(+value) ? "invalid" : value.toISOString()}`;
  if (Buffer.isBuffer(value)) {
    return value.length > LONG ? digest("bytes", value) : `bytes ${value.toString("hex")}`;
  }
  if (typeof value === "string") return value.length > LONG ? digest("text", value) : value;
  if (Array.isArray(value)) {
    const each = value.map(shown);
    return each.length > 50
      ? { count: each.length, all: digest("list", JSON.stringify(each)) }
      : each;
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each)]));
  }
  return value;
}

function digest(kind: string, value: string | Buffer): string {
  return `${kind} ${value.length} ${createHash("sha1").update(value).digest("hex")}`;
}

function parameterOf(text: string): Parameter {
  const value = text.slice(2);
  switch (text[0]) {
    case "i":
    case "d":
      return Number(value);
    case "x":
      return Buffer.from(value, "hex");
    case "S":
      return "x".repeat(Number(value));
    case "n":
      return null;
    default:
      return value;
  }
}

export async function runSteps(driver: Driver): Promise<void> {
  const talkers = new Map<string, Talker>();
  const lines = readFileSync(process.argv[2]!, "utf8").replace(/\n$/, "").split("\n");
  for (const line of lines) {
    const [op, ...args] = line.split("\t").map(decodeURIComponent) as [string, ...string[]];
    if (op === "case") {
      await closeAll(talkers);
      print({ case: args[0] });
      continue;
    }
    try {
      const result = await step(driver, talkers, op, args);
      print(result === UNSUPPORTED ? { unsupported: op } : { result: shown(result) ?? null });
    } catch (error) {
      const { errno, sqlState, message } = error as { errno?: number; sqlState?: string } & Error;
      print({ error: { errno: errno ?? null, sqlState: sqlState ?? null, message } });
    }
  }
  await closeAll(talkers);
}

async function closeAll(talkers: Map<string, Talker>): Promise<void> {
  for (const talker of talkers.values()) await talker.close().catch(() => {});
  talkers.clear();
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function step(
  driver: Driver,
  talkers: Map<string, Talker>,
  op: string,
  args: readonly string[],
): Promise<unknown> {
  if (op === "open") return open(driver, talkers, args);
  if (op === "pool") return pool(driver, args);
  const [name, ...rest] = args as [string, ...string[]];
  const talker = talkers.get(name);
  if (talker === undefined) throw new Error("not connected");
  if (op === "close") talkers.delete(name);
  return say(talker, op, rest);
}

async function open(
  driver: Driver,
  talkers: Map<string, Talker>,
  args: readonly string[],
): Promise<string> {
  const [name, user, password, database, options] = args as [
    string,
    string,
    string,
    string,
    string,
  ];
  await talkers.get(name)?.close();
  talkers.delete(name);
  talkers.set(name, await driver.open({ user, password, database, options: options.split(",") }));
  return "open";
}

async function pool(driver: Driver, args: readonly string[]): Promise<number> {
  const [workers, rounds, user, password, database] = args as [
    string,
    string,
    string,
    string,
    string,
  ];
  let done = 0;
  await driver.pool({ user, password, database, options: [] }, Number(workers), async (query) => {
    for (let round = 0; round < Number(rounds); round++) {
      await query("UPDATE tally SET n = n + 1 WHERE id = 1");
      await query("SELECT SLEEP(0.001)");
      done += 1;
    }
  });
  return done;
}

async function say(talker: Talker, op: string, args: readonly string[]): Promise<unknown> {
  const [first = "", ...rest] = args;
  switch (op) {
    case "query":
    case "load":
      return talker.query(first);
    case "run":
      return talker.run(first, rest.map(parameterOf));
    case "begin":
    case "commit":
    case "rollback":
    case "ping":
    case "close":
      await talker[op]();
      return op;
    case "reset":
      if (talker.reset === undefined) return UNSUPPORTED;
      await talker.reset();
      return op;
    case "sleep":
      print({ sleeping: talker.threadId });
      return talker.query(first);
    case "repeat":
      return repeat(talker, Number(first), rest[0]!);
    default:
      return sayRare(talker, op, args);
  }
}

async function sayRare(talker: Talker, op: string, args: readonly string[]): Promise<unknown> {
  const [first = "", second = "", third = ""] = args;
  if (op === "user" && talker.changeUser) {
    await talker.changeUser({ user: first, password: second, database: third, options: [] });
    return op;
  }
  if (op === "many" && talker.many) return talker.many(Number(first));
  if (op === "batch" && talker.batch) {
    const rows = Array.from({ length: Number(second) }, (_, i) => [i]);
    return talker.batch(first, rows);
  }
  return UNSUPPORTED;
}

async function repeat(talker: Talker, times: number, sql: string): Promise<unknown> {
  const all: unknown[] = [];
  for (let i = 0; i < times; i++) all.push(await talker.run(sql, [i]));
  return all;
}
