import { parseArgs } from "node:util";
import { ENGINES, type Engine } from "../local/engine.ts";
import { CASES } from "./cases.ts";
import type { Address } from "./raw/transport.ts";
import type { GivenServer } from "./server.ts";

const OWN_PEERS = ["direct", "haproxy", "sluice", "sluice-adaptive"] as const;
export type OwnPeer = (typeof OWN_PEERS)[number];

export interface GivenProxy {
  name: string;
  address: Address;
  pid: number | null;
}

export interface BenchOptions {
  cases: string[];
  threads: number[];
  rounds: number;
  seconds: number;
  peers: OwnPeer[];
  given: GivenProxy[];
  engine: Engine;
  server: GivenServer | null;
  pool: number;
  haproxyThreads: number;
  idleClients: number;
  largeBytes: number;
  latencyQueries: number;
  build: boolean;
  quick: boolean;
  writeDocs: boolean;
  /** An earlier report to show instead of measuring. */
  from: string | null;
}

export const HELP = `npm run bench -- [options]

Measures Sluice beside its peers on this machine (Linux). docs/benchmarks.md tells how.

  --cases LIST            of ${CASES.map(({ name }) => name).join(", ")}
                          (a name with * at its end takes all that begin so; default: all)
  --threads LIST          sysbench's threads (default 1,8,64,256)
  --rounds N              rounds of everything (default 5)
  --seconds N             length of each window (default 3)
  --peers LIST            of ${OWN_PEERS.join(", ")} (default direct,haproxy,sluice)
  --proxysql HOST:PORT[:PID]   a running ProxySQL joins; with PID its processor time is measured
  --router HOST:PORT[:PID]     the same for MySQL Router
  --engine mysql|mariadb  the database server (default mysql)
  --server HOST:PORT:PID  a running server instead, with --server-user and --server-password
  --pool N                Sluice's maxConnections (default 200)
  --haproxy-threads N     (default 2)
  --idle N                idle clients of the idle cases (default 2000)
  --large MIB             size of the large result (default 1024)
  --latency-queries N     for each peer and round of the latency case (default 4000)
  --no-build              measure dist/ as it is
  --quick                 one round of a few cases: does everything work? Under two minutes
  --write-docs            also write the tables into docs/benchmarks.md
  --from REPORT.json      measure nothing, show this report
  --help
`;

/** A mistake in the command line. */
export class UsageError extends Error {}

const QUICK = {
  cases: "point_select,storm,idle,latency,large",
  threads: "1,8",
  rounds: "1",
  seconds: "2",
  idle: "200",
  large: "64",
  "latency-queries": "2000",
};

const DEFAULTS = {
  cases: "*",
  threads: "1,8,64,256",
  rounds: "5",
  seconds: "3",
  peers: "direct,haproxy,sluice",
  engine: "mysql",
  "server-user": "root",
  "server-password": "",
  pool: "200",
  "haproxy-threads": "2",
  idle: "2000",
  large: "1024",
  "latency-queries": "4000",
};

export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const { values } = readArguments(args);
  if (values.help) return "help";
  const texts: typeof DEFAULTS = {
    ...DEFAULTS,
    ...(values.quick ? QUICK : {}),
    ...defined(values),
  };
  return {
    cases: casesOf(texts.cases),
    threads: listOf(texts.threads).map((text) => wholeNumber("--threads", text, 1, 4_096)),
    rounds: wholeNumber("--rounds", texts.rounds, 1, 1_000),
    seconds: wholeNumber("--seconds", texts.seconds, 1, 600),
    peers: listOf(texts.peers).map((name) => oneOf("--peers", name, OWN_PEERS)),
    given: givenProxies(values.proxysql, values.router),
    engine: oneOf("--engine", texts.engine, ENGINES),
    server: givenServer(values.server, texts["server-user"], texts["server-password"]),
    pool: wholeNumber("--pool", texts.pool, 1, 100_000),
    haproxyThreads: wholeNumber("--haproxy-threads", texts["haproxy-threads"], 1, 64),
    idleClients: wholeNumber("--idle", texts.idle, 1, 30_000),
    largeBytes: wholeNumber("--large", texts.large, 1, 1_250) * 1_048_576,
    latencyQueries: wholeNumber("--latency-queries", texts["latency-queries"], 200, 1_000_000),
    build: !values["no-build"],
    quick: values.quick ?? false,
    writeDocs: values["write-docs"] ?? false,
    from: values.from ?? null,
  };
}

function readArguments(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const named = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, text])) as Record<
    keyof typeof DEFAULTS,
    typeof text
  >;
  const flags = { "no-build": flag, quick: flag, "write-docs": flag, help: flag };
  try {
    return parseArgs({
      args: [...args],
      options: { ...named, proxysql: text, router: text, server: text, from: text, ...flags },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function defined(values: Partial<typeof DEFAULTS>): Partial<typeof DEFAULTS> {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => name in DEFAULTS && value !== undefined),
  );
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function casesOf(text: string): string[] {
  const wanted = listOf(text);
  for (const pattern of wanted) {
    if (!CASES.some(({ name }) => fits(name, pattern))) {
      throw new UsageError(`--cases: there is no ${pattern}`);
    }
  }
  return CASES.map(({ name }) => name).filter((name) => wanted.some((want) => fits(name, want)));
}

function fits(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`${option}: ${text} is no whole number from ${least} to ${most}`);
  }
  return value;
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (!found) throw new UsageError(`${option}: ${text} is none of ${choices.join(", ")}`);
  return found;
}

function placeOf(option: string, text: string): { address: Address; pid: number | null } {
  const match = /^(\d+\.\d+\.\d+\.\d+|localhost):(\d+)(?::(\d+))?$/.exec(text);
  if (!match)
    throw new UsageError(`${option}: ${text} is not HOST:PORT[:PID] with an IPv4 address`);
  const host = match[1] === "localhost" ? "127.0.0.1" : match[1]!;
  const port = wholeNumber(option, match[2]!, 1, 65_535);
  return { address: { host, port }, pid: match[3] ? Number(match[3]) : null };
}

function givenProxies(proxysql: string | undefined, router: string | undefined): GivenProxy[] {
  const given: GivenProxy[] = [];
  if (proxysql) given.push({ name: "proxysql", ...placeOf("--proxysql", proxysql) });
  if (router) given.push({ name: "router", ...placeOf("--router", router) });
  return given;
}

function givenServer(text: string | undefined, user: string, password: string): GivenServer | null {
  if (!text) return null;
  const { address, pid } = placeOf("--server", text);
  if (pid === null) throw new UsageError("--server: its process id is needed, HOST:PORT:PID");
  return { address, pid, user, password };
}
