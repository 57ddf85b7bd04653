import type { Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENGINES, type Engine } from "../../local/engine.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { backendOf, one, sessionVariables } from "../support/session-probe.ts";

interface Tracked {
  readonly name: string;
  /** Two values as SQL, and how the server shows each. */
  readonly values: readonly [readonly [string, unknown], readonly [string, unknown]];
  readonly only?: Engine;
  /** `@@name` without a scope is something else. */
  readonly nextTransaction?: true;
}

const ISOLATION: Tracked["values"] = [
  ["'READ-COMMITTED'", "READ-COMMITTED"],
  ["'SERIALIZABLE'", "SERIALIZABLE"],
];
const READ_ONLY: Tracked["values"] = [
  ["ON", 1],
  ["OFF", 0],
];

const VARIABLES: readonly Tracked[] = [
  {
    name: "autocommit",
    values: [
      ["0", 0],
      ["ON", 1],
    ],
  },
  {
    name: "auto_increment_increment",
    values: [
      ["5", 5],
      ["7", 7],
    ],
  },
  {
    name: "character_set_client",
    values: [
      ["latin1", "latin1"],
      ["'cp1251'", "cp1251"],
    ],
  },
  {
    name: "character_set_connection",
    values: [
      ["latin1", "latin1"],
      ["'cp1251'", "cp1251"],
    ],
  },
  {
    name: "character_set_database",
    values: [
      ["latin1", "latin1"],
      ["'cp1251'", "cp1251"],
    ],
  },
  {
    name: "character_set_filesystem",
    values: [
      ["latin1", "latin1"],
      ["utf8mb4", "utf8mb4"],
    ],
  },
  {
    name: "character_set_results",
    values: [
      ["latin1", "latin1"],
      ["NULL", null],
    ],
  },
  {
    name: "character_set_server",
    values: [
      ["latin1", "latin1"],
      ["'cp1251'", "cp1251"],
    ],
  },
  {
    name: "collation_connection",
    values: [
      ["latin1_bin", "latin1_bin"],
      ["'utf8mb4_bin'", "utf8mb4_bin"],
    ],
  },
  {
    name: "collation_database",
    values: [
      ["latin1_bin", "latin1_bin"],
      ["'utf8mb4_bin'", "utf8mb4_bin"],
    ],
  },
  {
    name: "collation_server",
    values: [
      ["latin1_bin", "latin1_bin"],
      ["'utf8mb4_bin'", "utf8mb4_bin"],
    ],
  },
  {
    name: "interactive_timeout",
    values: [
      ["101", 101],
      ["202", 202],
    ],
  },
  {
    name: "wait_timeout",
    values: [
      ["303", 303],
      ["404", 404],
    ],
  },
  {
    name: "net_write_timeout",
    values: [
      ["51", 51],
      ["52", 52],
    ],
  },
  {
    name: "query_cache_type",
    values: [
      ["OFF", "OFF"],
      ["0", "OFF"],
    ],
    only: "mariadb",
  },
  {
    name: "session_track_schema",
    values: [
      ["OFF", 0],
      ["1", 1],
    ],
  },
  {
    name: "sql_mode",
    values: [
      ["'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'", "ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH"],
      ["''", ""],
    ],
  },
  {
    name: "time_zone",
    values: [
      ["'+03:00'", "+03:00"],
      ["'-05:30'", "-05:30"],
    ],
  },
  {
    name: "transaction_isolation",
    values: ISOLATION,
    only: "mysql",
    nextTransaction: true,
  },
  {
    name: "transaction_read_only",
    values: READ_ONLY,
    only: "mysql",
    nextTransaction: true,
  },
  { name: "tx_isolation", values: ISOLATION, only: "mariadb", nextTransaction: true },
  { name: "tx_read_only", values: READ_ONLY, only: "mariadb", nextTransaction: true },
];

/** SET in every spelling that means the session; the last three are LOCAL, which never pins. */
const SPELLINGS: readonly ((name: string, value: string) => string)[] = [
  (name, value) => `SET ${name} = ${value}`,
  (name, value) => `SET ${name.toUpperCase()} := ${value}`,
  (name, value) => `set session \`${name}\` = ${value}`,
  (name, value) => `SET @@session.${name} = ${value}`,
  (name, value) => `SET @@${name} = ${value}`,
  (name, value) => `SET LOCAL ${name} = ${value}`,
  (name, value) => `/* why */ SET @@local.${name} = ${value} -- because`,
];
const BARE = 4;

interface Form {
  readonly title: string;
  /** What two clients do, each its own. */
  readonly sets: readonly [readonly string[], readonly string[]];
  readonly reads: string;
  readonly shows: readonly [unknown, unknown];
  readonly only?: Engine;
}

const SPELLED: readonly Form[] = VARIABLES.flatMap(({ name, values, only, nextTransaction }) =>
  SPELLINGS.filter((_, i) => !(nextTransaction && i === BARE)).map((spell) => ({
    title: spell(name, values[0][0]),
    sets: [[spell(name, values[0][0])], [spell(name, values[1][0])]] as const,
    reads: `SELECT @@session.${name}`,
    shows: [values[0][1], values[1][1]] as const,
    ...(only === undefined ? {} : { only }),
  })),
);

const LETTERS =
  "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_connection, @@collation_connection, COALESCE(@@character_set_results, '-'))";
const LEVEL = "SELECT @@session.transaction_isolation";
const ACCESS = "SELECT @@session.transaction_read_only";

const FORMS: readonly Form[] = [
  ...SPELLED,
  {
    title: "SET NAMES",
    sets: [["SET NAMES latin1"], ["SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'"]],
    reads: LETTERS,
    shows: ["latin1 latin1 latin1_swedish_ci latin1", "utf8mb4 utf8mb4 utf8mb4_bin utf8mb4"],
  },
  {
    title: "SET CHARACTER SET, SET CHARSET",
    sets: [["SET CHARACTER SET latin1"], ["SET CHARSET 'cp1251'"]],
    reads: "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_results)",
    shows: ["latin1 latin1", "cp1251 cp1251"],
  },
  {
    title: "SET CHAR SET",
    sets: [["SET CHAR SET latin1"], ["SET CHAR SET cp1251"]],
    reads: "SELECT @@character_set_client",
    shows: ["latin1", "cp1251"],
  },
  {
    title: "SET SESSION TRANSACTION ISOLATION LEVEL",
    sets: [
      ["SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"],
      ["SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE"],
    ],
    reads: LEVEL,
    shows: ["READ-UNCOMMITTED", "SERIALIZABLE"],
  },
  {
    title: "SET SESSION TRANSACTION READ ONLY",
    sets: [
      ["SET SESSION TRANSACTION READ ONLY"],
      ["SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED"],
    ],
    reads: ACCESS,
    shows: [1, 0],
  },
  {
    title: "several assignments in one SET",
    sets: [
      ["SET time_zone = '+01:00', SESSION wait_timeout = 77, @@session.sql_mode = 'ANSI'"],
      ["SET NAMES latin1, time_zone = '+02:00', autocommit = 0"],
    ],
    reads:
      "SELECT CONCAT_WS(' ', @@time_zone, @@wait_timeout, @@character_set_client, IF(@@autocommit, 1, 0))",
    shows: ["+01:00 77 utf8mb4 1", "+02:00 28800 latin1 0"],
  },
  {
    title: "values that are computed",
    sets: [
      ["SET wait_timeout = 100 + 1", "SET wait_timeout = @@wait_timeout * 2"],
      ["SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", "SET wait_timeout = 10 * 10"],
    ],
    reads: "SELECT CONCAT_WS(' ', @@wait_timeout, FIND_IN_SET('ANSI_QUOTES', @@sql_mode) > 0)",
    shows: ["202 0", "100 1"],
  },
  {
    title: "DEFAULT",
    sets: [
      ["SET time_zone = '+07:00'", "SET time_zone = DEFAULT"],
      ["SET time_zone = '+07:00'", "SET wait_timeout = 5", "SET wait_timeout = DEFAULT"],
    ],
    reads: "SELECT CONCAT_WS(' ', @@time_zone, @@wait_timeout)",
    shows: ["SYSTEM 28800", "+07:00 28800"],
  },
  {
    title: "a SET that fails leaves what was there",
    sets: [
      ["SET time_zone = '+07:00'", "SET time_zone = 'nowhere'"],
      ["SET wait_timeout = 66, time_zone = '+25:00'"],
    ],
    reads: "SELECT CONCAT_WS(' ', @@time_zone, @@wait_timeout)",
    shows: ["+07:00 28800", expect.stringMatching(/^SYSTEM (?:28800|66)$/)],
  },
  {
    title: "a SET within a transaction",
    sets: [
      ["BEGIN", "SET time_zone = '+07:00'", "COMMIT"],
      ["BEGIN", "SET time_zone = '+08:00'", "ROLLBACK"],
    ],
    reads: "SELECT @@time_zone",
    shows: ["+07:00", "+08:00"],
  },
  {
    title: "a SET among several statements",
    sets: [
      ["SET time_zone = '+07:00'; SELECT 1; SET wait_timeout = 9"],
      ["SELECT 1; SET wait_timeout = 8"],
    ],
    reads: "SELECT CONCAT_WS(' ', @@time_zone, @@wait_timeout)",
    shows: ["+07:00 9", "SYSTEM 8"],
  },
  {
    title: "values that need care in quoting",
    sets: [
      ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET time_zone = '+01:00'"],
      ["SET NAMES gbk"],
    ],
    reads: "SELECT CONCAT_WS(' ', '\\\\', @@time_zone, @@character_set_client)",
    shows: ["\\\\ +01:00 utf8mb4", "\\ SYSTEM gbk"],
  },
];

describe.each(ENGINES)("tracked state before %s", (engine) => {
  let target: TestServer;
  let proxy: TestProxy;
  let defaults: Record<string, string>;

  beforeAll(async () => {
    target = await server(engine);
    const users = [await target.user({ database: "*" })]; // Some need privileges.
    proxy = await startProxy(target, { users, spec: { pool: { maxConnections: 1 } } });
    const straight = await proxy.connect({ host: target.host, port: target.port });
    defaults = await sessionVariables(straight);
    await straight.end();
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });

  /** Errors are part of some forms. */
  async function run(client: Connection, statements: readonly string[]): Promise<void> {
    for (const statement of statements) await client.query(statement).catch(() => {});
  }

  const forms = FORMS.filter(({ only }) => only === undefined || only === engine);
  it.each(forms.map((form) => [form.title, form] as const))(
    "%s",
    async (_title, { sets, reads, shows }) => {
      const spelled = respell(engine, reads);
      const clients = [
        await proxy.connect({ multipleStatements: true }),
        await proxy.connect({ multipleStatements: true }),
      ] as const;
      await run(clients[0], sets[0]);
      await run(clients[1], sets[1]);
      for (let round = 0; round < 3; round++) {
        expect(await one(clients[0], spelled)).toEqual(shows[0]);
        expect(await one(clients[1], spelled)).toEqual(shows[1]);
      }
      expect(await backendOf(clients[0])).toBe(await backendOf(clients[1]));
      const third = await proxy.connect();
      expect(await sessionVariables(third)).toEqual(defaults);
      expect(await one(clients[0], spelled)).toEqual(shows[0]);
      expect(proxy.view.pins()).toEqual([]);
      expect(proxy.backends).toBe(1);
      expect(proxy.bugs).toEqual([]);
      for (const client of [...clients, third]) await client.end();
    },
  );
});

/** MariaDB's older names. */
function respell(engine: Engine, sql: string): string {
  return engine === "mysql" ? sql : sql.replace("@@session.transaction_", "@@session.tx_");
}
