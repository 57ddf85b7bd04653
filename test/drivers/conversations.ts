/**
 * What every driver says, in the same words: directly to a server, and through the proxy. A program for each language
 * (`programs/`) reads the steps and prints what its driver made of the answers.
 */
import { join } from "node:path";

export interface Step {
  readonly op: string;
  readonly args: readonly string[];
  /** The answer is an error, as it should be. */
  readonly fails: boolean;
}

export interface Conversation {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Cast {
  readonly user: string;
  readonly password: string;
  readonly other: string;
  readonly database: string;
  readonly otherDatabase: string;
  /** For files that LOAD DATA LOCAL sends. */
  readonly folder: string;
  /** Lines of that file. */
  readonly loadedLines: number;
}

const POOL_WORKERS = 20;
const POOL_ROUNDS = 5;
const MIB = 1 << 20;
/** Both servers end it with an error when it is killed. Long enough to notice that nobody killed it. */
export const SLEEP = "SELECT COUNT(*) FROM (SELECT 1 AS a UNION SELECT 2) t WHERE SLEEP(60) = 0";

/** The steps as the programs read them: fields between tabs, percent-encoded. */
export function encodeSteps(conversations: readonly Conversation[]): string {
  const lines = conversations.flatMap(({ name, steps }) => [
    ["case", name],
    ...steps.map(({ op, args }) => [op, ...args]),
  ]);
  return lines.map((fields) => `${fields.map(encodeURIComponent).join("\t")}\n`).join("");
}

export function loadFile(folder: string): string {
  return join(folder, "lines.csv");
}

/** What LOAD DATA LOCAL sends. */
export function loadedText(lines: number): string {
  return Array.from({ length: lines }, (_, i) => `${i},line ${i},"quoted, ${i}"\n`).join("");
}

/** A conversation under construction. `a`, `b` … are connections. */
class Talk {
  readonly steps: Step[] = [];
  readonly #cast: Cast;

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  step(op: string, ...args: readonly string[]): this {
    this.steps.push({ op, args, fails: false });
    return this;
  }

  /** The step before this one fails. */
  failing(): this {
    const last = this.steps.pop()!;
    this.steps.push({ ...last, fails: true });
    return this;
  }

  open(options = "", over: { readonly [K in "user" | "password" | "database"]?: string } = {}) {
    const { user, password, database } = { ...this.#cast, ...over };
    return this.step("open", "a", user, password, database, options);
  }

  query(...texts: readonly string[]): this {
    for (const text of texts) this.step("query", "a", text);
    return this;
  }

  run(sql: string, ...parameters: readonly string[]): this {
    return this.step("run", "a", sql, ...parameters);
  }
}

const TYPES = [
  "ti TINYINT",
  "su SMALLINT UNSIGNED",
  "me MEDIUMINT",
  "i INT",
  "bi BIGINT",
  "bu BIGINT UNSIGNED",
  "de DECIMAL(30,10)",
  "fl FLOAT",
  "du DOUBLE",
  "bt BIT(10)",
  "d DATE",
  "t TIME(3)",
  "dt DATETIME(6)",
  "ts TIMESTAMP NULL",
  "y YEAR",
  "c CHAR(10)",
  "v VARCHAR(200)",
  "x TEXT",
  "b BLOB",
  "vb VARBINARY(20)",
  "e ENUM('red','green')",
  "s SET('a','b','c')",
  "j JSON",
] as const;

const FULL_ROW = [
  "1, -128, 65535, -8388608, 2147483647, -9223372036854775808, 18446744073709551615",
  "12345678901234567890.0123456789, 1.5, 2.25e100, b'1010101010'",
  "'2024-02-29', '-12:34:56.789', '1999-12-31 23:59:59.123456', '2020-06-15 12:00:00', 2026",
  "'char', 'Grüße 😀 𝒳', 'text with \\'quotes\\' and \\n lines', x'00ff10e28098', x'00010203'",
  `'green', 'a,c', '{"a": [1, 2.5, null, "ü"], "b": {"c": true}}'`,
].join(", ");

function types(talk: Talk): Talk {
  return talk
    .open()
    .query(
      "DROP TABLE IF EXISTS types",
      `CREATE TABLE types (id INT PRIMARY KEY, ${TYPES.join(", ")})`,
      `INSERT INTO types VALUES (${FULL_ROW})`,
      "INSERT INTO types (id) VALUES (2)",
      "SELECT * FROM types ORDER BY id",
      "SELECT 1 AS a, 'x' AS b, NULL AS c, 1.5 AS d, 1e0 AS e, CURDATE() > '2000-01-01' AS f",
    )
    .run("SELECT * FROM types WHERE id >= ? ORDER BY id", "i:1")
    .run(
      "SELECT ? AS i, ? AS s, ? AS n, ? AS d, HEX(?) AS h",
      "i:-5",
      "s:ä😀",
      "n:",
      "d:2.5",
      "x:00ff",
    )
    .run("INSERT INTO types (id, v, b, i) VALUES (?, ?, ?, ?)", "i:3", "s:Ünï 😀", "x:00ff27", "n:")
    .run("SELECT id, v, b, i FROM types WHERE v = ?", "s:Ünï 😀");
}

function results(talk: Talk): Talk {
  const digits = "SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4";
  const ten = `(${digits} UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)`;
  const numbers = `SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n FROM ${ten} a, ${ten} b, ${ten} c, ${ten} d`;
  return talk
    .open()
    .query(
      "SELECT 1 AS a FROM DUAL WHERE 1 = 0",
      "SELECT '' AS blank, NULL AS nothing",
      `SELECT n, CONCAT('row ', n) AS s, IF(n % 3 = 0, NULL, n / 2) AS h FROM (${numbers}) x ORDER BY n`,
      "DROP TABLE IF EXISTS nothing",
      "CREATE TABLE nothing (a INT, b VARCHAR(10))",
      "SELECT * FROM nothing",
    )
    .run("SELECT * FROM nothing WHERE a = ?", "i:1")
    .run(`SELECT n, CONCAT('row ', n) AS s FROM (${numbers}) x WHERE n < ? ORDER BY n`, "i:10000");
}

function large(talk: Talk): Talk {
  return talk
    .open()
    .query(
      `SELECT REPEAT('x', ${MIB}) AS v`,
      `SELECT REPEAT('0123456789abcdef', ${(20 * MIB) / 16}) AS v`,
    )
    .run("SELECT LENGTH(?) AS l, CRC32(?) AS c", `S:${MIB}`, `S:${MIB}`)
    .run("SELECT LENGTH(?) AS l", `S:${20 * MIB}`)
    .query("SELECT 'still here' AS v");
}

function several(talk: Talk): Talk {
  return talk
    .open("multi")
    .query(
      "SELECT 1 AS a; SELECT 2 AS b, 3 AS c",
      "DROP TABLE IF EXISTS several; CREATE TABLE several (a INT); INSERT INTO several VALUES (1), (2); SELECT * FROM several",
      "DROP PROCEDURE IF EXISTS answers",
      "CREATE PROCEDURE answers(IN n INT) BEGIN SELECT n AS first; SELECT n + 1 AS second, 'x' AS s; INSERT INTO several VALUES (n); END",
      "CALL answers(5)",
      "SELECT COUNT(*) AS n FROM several",
    )
    .run("CALL answers(?)", "i:7")
    .query(
      "DROP PROCEDURE IF EXISTS nosuch",
      "SELECT 1 AS a; SELECT * FROM no_such_table; SELECT 2 AS b",
    )
    .failing()
    .query("SELECT 'after' AS v");
}

function transactions(talk: Talk): Talk {
  return talk
    .open()
    .query("DROP TABLE IF EXISTS account", "CREATE TABLE account (id INT PRIMARY KEY, n INT)")
    .step("begin", "a")
    .query("INSERT INTO account VALUES (1, 10)", "UPDATE account SET n = n + 1")
    .step("commit", "a")
    .step("begin", "a")
    .query("DELETE FROM account", "SELECT COUNT(*) AS n FROM account")
    .step("rollback", "a")
    .query("SELECT * FROM account", "START TRANSACTION", "INSERT INTO account VALUES (2, 20)")
    .query("SAVEPOINT s", "INSERT INTO account VALUES (3, 30)", "ROLLBACK TO SAVEPOINT s", "COMMIT")
    .query("SELECT * FROM account ORDER BY id")
    .query("START TRANSACTION READ ONLY", "DELETE FROM account")
    .failing()
    .query("COMMIT", "SET autocommit = 0", "INSERT INTO account VALUES (4, 40)", "ROLLBACK")
    .query("SET autocommit = 1", "SELECT COUNT(*) AS n FROM account");
}

function errors(talk: Talk): Talk {
  talk.open().query("DROP TABLE IF EXISTS once", "CREATE TABLE once (id INT PRIMARY KEY)");
  talk.query("INSERT INTO once VALUES (1)");
  const wrong = [
    "SELEC 1",
    "SELECT * FROM no_such_table",
    "SELECT no_such_column FROM once",
    "INSERT INTO once VALUES (1)",
    "SELECT * FROM no_such_database.t",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own words', MYSQL_ERRNO = 5000",
    "CREATE TABLE once (id INT)",
    "USE no_such_database",
  ];
  for (const sql of wrong) talk.query(sql).failing();
  talk.run("SELECT * FROM no_such_table WHERE a = ?", "i:1").failing();
  talk.run("INSERT INTO once VALUES (?)", "i:1").failing();
  return talk.query("SELECT DATABASE() IS NOT NULL AS still");
}

function warnings(talk: Talk): Talk {
  return talk
    .open()
    .query(
      "SET sql_mode = ''",
      "DROP TABLE IF EXISTS tight",
      "CREATE TABLE tight (a TINYINT, s VARCHAR(3))",
      "INSERT INTO tight VALUES (1000, 'too long'), (-1000, 'abc')",
      "SHOW WARNINGS",
      "SELECT CAST('12x' AS SIGNED) AS n",
      "SHOW WARNINGS",
      "SHOW COUNT(*) WARNINGS",
      "INSERT INTO tight VALUES ('x', 'abcd')",
      "SELECT @@warning_count AS n",
      "DROP TABLE IF EXISTS no_such_table",
      "SHOW WARNINGS",
      "SELECT 1 AS a",
      "SHOW WARNINGS",
    )
    .query("SELECT * FROM no_such_table")
    .failing()
    .query("SHOW ERRORS");
}

function counts(found: string): (talk: Talk) => Talk {
  return (talk) =>
    talk
      .open(found)
      .query(
        "DROP TABLE IF EXISTS counted",
        "CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, n INT) AUTO_INCREMENT = 100",
        "INSERT INTO counted (n) VALUES (1)",
        "SELECT LAST_INSERT_ID() AS id",
        "INSERT INTO counted (n) VALUES (2), (3), (4)",
        "SELECT LAST_INSERT_ID() AS id, @@identity AS i",
        "UPDATE counted SET n = n",
        "UPDATE counted SET n = 9 WHERE n >= 3",
        "DELETE FROM counted WHERE n = 9",
        "INSERT INTO counted (id, n) VALUES (100, 7) ON DUPLICATE KEY UPDATE n = 8",
        "REPLACE INTO counted (id, n) VALUES (100, 8)",
        "SELECT LAST_INSERT_ID() AS id",
        "UPDATE counted SET n = LAST_INSERT_ID(n + 40) WHERE id = 100",
        "SELECT LAST_INSERT_ID() AS id",
      )
      .run("INSERT INTO counted (n) VALUES (?)", "i:5")
      .query("SELECT LAST_INSERT_ID() AS id", "SELECT ROW_COUNT() AS n")
      .query("SELECT SQL_CALC_FOUND_ROWS id FROM counted LIMIT 1", "SELECT FOUND_ROWS() AS n");
}

function charsets(talk: Talk): Talk {
  const session =
    "SELECT @@character_set_client AS a, @@character_set_connection AS b, @@character_set_results AS c, @@collation_connection AS d";
  return talk
    .open()
    .query(
      session,
      "SELECT HEX('ä😀') AS h",
      "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
      session,
    )
    .query("SET NAMES latin1", session, "SELECT HEX('abc') AS h", "SET NAMES utf8mb4", session)
    .query("SET character_set_results = NULL", "SELECT @@character_set_results AS c")
    .query("SET NAMES no_such_charset")
    .failing()
    .step("close", "a")
    .open("latin1")
    .query(session)
    .step("close", "a")
    .open()
    .query(session);
}

function timeZones(talk: Talk): Talk {
  return talk
    .open()
    .query("SET time_zone = '+00:00'", "SELECT UNIX_TIMESTAMP('2024-06-15 12:00:00') AS u")
    .query(
      "SET time_zone = '-05:30'",
      "SELECT UNIX_TIMESTAMP('2024-06-15 12:00:00') AS u, @@time_zone AS z",
    )
    .query("SELECT FROM_UNIXTIME(1718452800) AS t", "SET time_zone = 'nowhere'")
    .failing()
    .query(
      "SET SESSION sql_mode = 'ANSI_QUOTES'",
      'SELECT @@sql_mode AS m, "time_zone" AS "quoted"',
    )
    .failing()
    .query("SELECT @@sql_mode AS m");
}

function session(talk: Talk, { user, other, password, otherDatabase }: Cast): Talk {
  const state = "SELECT DATABASE() AS d, @@time_zone AS z, USER() IS NOT NULL AS u";
  return talk
    .open()
    .step("ping", "a")
    .query("SET time_zone = '+03:00'", `USE ${otherDatabase}`, state)
    .step("ping", "a")
    .step("reset", "a")
    .query(state)
    .step("user", "a", other, password, otherDatabase)
    .query(state, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AS u")
    .step("user", "a", user, "not the password", otherDatabase)
    .failing()
    .step("close", "a")
    .open()
    .query(state);
}

function prepared(talk: Talk): Talk {
  return talk
    .open()
    .query(
      "DROP TABLE IF EXISTS often",
      "CREATE TABLE often (id INT AUTO_INCREMENT PRIMARY KEY, n INT)",
    )
    .step("repeat", "a", "200", "INSERT INTO often (n) VALUES (? * 2)")
    .query("SELECT COUNT(*) AS c, SUM(n) AS s FROM often")
    .step("repeat", "a", "200", "SELECT id, n FROM often WHERE n < ? ORDER BY id")
    .step("many", "a", "150")
    .step("batch", "a", "INSERT INTO often (n) VALUES (?)", "300")
    .query("SELECT COUNT(*) AS c, SUM(n) AS s FROM often")
    .query(
      "PREPARE p FROM 'SELECT ? + 1 AS v'",
      "SET @v = 41",
      "EXECUTE p USING @v",
      "DEALLOCATE PREPARE p",
    );
}

function loading(talk: Talk, { folder, loadedLines }: Cast): Talk {
  const file = loadFile(folder);
  const into = `INTO TABLE loaded FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'`;
  return talk
    .open("local")
    .query(
      "DROP TABLE IF EXISTS loaded",
      "CREATE TABLE loaded (a INT, b VARCHAR(40), c VARCHAR(40))",
    )
    .step("load", "a", `LOAD DATA LOCAL INFILE '${file}' ${into}`, file)
    .query("SELECT COUNT(*) AS n, SUM(a) AS s, MAX(c) AS c FROM loaded")
    .query(`SELECT ${loadedLines} AS expected`);
}

function pooled(talk: Talk, { user, password, database }: Cast): Talk {
  return talk
    .open()
    .query("DROP TABLE IF EXISTS tally", "CREATE TABLE tally (id INT PRIMARY KEY, n INT)")
    .query("INSERT INTO tally VALUES (1, 0)")
    .step("pool", String(POOL_WORKERS), String(POOL_ROUNDS), user, password, database)
    .query("SELECT n FROM tally");
}

/** For command-line clients: what a dump program writes, read in elsewhere, is the same again. */
function dumping(talk: Talk, { otherDatabase }: Cast): Talk {
  return talk
    .open()
    .query(
      "DROP TABLE IF EXISTS kept",
      "CREATE TABLE kept (id INT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(50), b BLOB, at TIMESTAMP NULL)",
      "INSERT INTO kept VALUES (1, 'Grüße 😀', x'00ff27', '2024-01-01 00:00:00'), (2, NULL, NULL, NULL)",
      "DROP PROCEDURE IF EXISTS keep",
      "CREATE PROCEDURE keep() BEGIN SELECT 1; SELECT 2; END",
    )
    .step("dump", "a", "kept")
    .step("source", "a", "kept", otherDatabase)
    .query(`SELECT id, s, HEX(b) AS b, at FROM ${otherDatabase}.kept ORDER BY id`);
}

function refusals(talk: Talk, { user, database }: Cast): Talk {
  return talk
    .open("", { password: "wrong" })
    .failing()
    .open("", { password: "" })
    .failing()
    .open("", { user: "nobody_known" })
    .failing()
    .open("", { database: "no_such_database" })
    .failing()
    .open("", { user, database })
    .query("SELECT 1 AS a");
}

function connecting(talk: Talk, { database }: Cast): Talk {
  return talk
    .open()
    .query("SELECT DATABASE() AS d")
    .step("close", "a")
    .open("", { database: "" })
    .query("SELECT DATABASE() AS d", `USE ${database}`, "SELECT DATABASE() AS d")
    .step("close", "a")
    .open("attributes")
    .query("SELECT 1 AS a, SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AS u");
}

/** What a driver's own connection sends, and what its way of passing parameters pins. */
export function firstWords(cast: Cast): readonly Conversation[] {
  const connect = new Talk(cast).open().steps;
  const statement = new Talk(cast).open().query("SELECT 1 AS a").steps;
  const parameters = new Talk(cast).open().run("SELECT ? AS a", "i:1").steps;
  return [
    { name: "connect", steps: connect },
    { name: "statement", steps: statement },
    { name: "parameters", steps: parameters },
  ];
}

type Build = (talk: Talk, cast: Cast) => Talk;

/** `isClient`: for command-line clients, which come with a program that dumps. */
export function conversations(cast: Cast, isClient: boolean): readonly Conversation[] {
  const all: Readonly<Record<string, Build>> = {
    connect: connecting,
    types,
    results,
    large,
    several,
    transactions,
    errors,
    warnings,
    "affected rows": counts(""),
    "found rows": counts("found"),
    charsets,
    "time zones": timeZones,
    session,
    prepared,
    "load data local": loading,
    kill: (talk) => talk.open().step("sleep", "a", SLEEP).failing().query("SELECT 'awake' AS v"),
    pool: pooled,
    refused: refusals,
    ...(isClient ? { dump: dumping } : {}),
  };
  return Object.entries(all).map(([name, build]) => ({
    name,
    steps: build(new Talk(cast), cast).steps,
  }));
}
