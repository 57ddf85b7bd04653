import { lookBack } from "./phrases-data.ts";
import { readSettings } from "./phrases-session.ts";
import type { Phrases, Scene } from "./scene.ts";
import type { Parameter, Step } from "./script.ts";
import { literal, word } from "./texts.ts";

/** What pins a session to its connection. */

function userVariables(scene: Scene): void {
  const { random } = scene;
  scene.query(
    ...random.pick([
      ["SET @u1 = 5, @u2 := 'text'"],
      [`SET @u3 = ${literal(scene)}`],
      ["SELECT @u1 := COUNT(*) FROM a"],
      ["SELECT MAX(id), MIN(id) INTO @u1, @u2 FROM a"],
      ["SET @row = 0", "SELECT id, @row := @row + 1 AS n FROM a ORDER BY id"],
      ["SET @u1 = 1.50, @u2 = 1e3, @u3 = NULL"],
      ["SET @u1 = LAST_INSERT_ID()"],
      ["CALL diff_shared.p_out(3, @o, @p)", "SELECT @o, @p"],
    ]),
  );
  scene.query(
    random.pick([
      "SELECT @u1, @u2, @u3",
      "SELECT CHARSET(@u3), COLLATION(@u2), @u1 + 1",
      "SELECT @pv, @o, @p",
    ]),
  );
}

function temporaryTables(scene: Scene): void {
  const { random } = scene;
  scene.query(
    ...random.pick([
      ["CREATE TEMPORARY TABLE diff_shared.tmp1 (id INT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(9))"],
      ["CREATE TEMPORARY TABLE a LIKE c", "SELECT * FROM a", "DROP TEMPORARY TABLE a"],
      ["INSERT INTO diff_shared.tmp1 (s) VALUES ('one'), ('two')", "SELECT LAST_INSERT_ID()"],
      ["SELECT * FROM diff_shared.tmp1 ORDER BY id"],
      ["DROP TEMPORARY TABLE IF EXISTS diff_shared.tmp1"],
      [
        "CREATE TEMPORARY TABLE IF NOT EXISTS diff_shared.tmp1 AS SELECT id, 'x' AS s FROM a ORDER BY id LIMIT 3",
      ],
      [
        "CALL diff_shared.p_temp()",
        "SELECT * FROM diff_shared.ptmp ORDER BY id",
        "DROP TEMPORARY TABLE diff_shared.ptmp",
      ],
    ]),
  );
}

function locks(scene: Scene): void {
  const { random } = scene;
  const name = `${scene.schema}:${random.between(1, 2)}`;
  scene.query(
    ...random.pick([
      [
        `SELECT GET_LOCK('${name}', 1)`,
        `SELECT IS_FREE_LOCK('${name}'), IS_USED_LOCK('${name}') = CONNECTION_ID()`,
      ],
      [`SELECT RELEASE_LOCK('${name}')`, `SELECT IS_FREE_LOCK('${name}')`],
      ["DO RELEASE_ALL_LOCKS()"],
      [
        "LOCK TABLES a WRITE, e READ",
        "INSERT INTO a (v) VALUES (90)",
        "SELECT COUNT(*) FROM c",
        "INSERT INTO e (v) VALUES (1)",
        "UNLOCK TABLES",
      ],
      ["LOCK TABLES a READ LOCAL", "UPDATE a SET v = 1", "UNLOCK TABLES"],
      [
        "HANDLER a OPEN AS h",
        "HANDLER h READ FIRST",
        "HANDLER h READ NEXT LIMIT 2",
        "HANDLER h CLOSE",
      ],
    ]),
  );
}

function counts(scene: Scene): void {
  const { random } = scene;
  const reads = [
    "SELECT SQL_CALC_FOUND_ROWS id FROM a ORDER BY id LIMIT 2",
    "SELECT id FROM a ORDER BY id LIMIT 3",
    "SELECT id FROM a WHERE id < 0",
    "SHOW TABLES",
    "SELECT 1; SELECT 2 UNION SELECT 3",
    "SELECT n FROM (SELECT 1 AS n UNION ALL SELECT 2) AS two",
  ];
  const others = [
    "UPDATE a SET v = v + 1 WHERE id < 4",
    "UPDATE a SET v = v",
    "DELETE FROM e WHERE v = 1",
    "INSERT INTO a (v) VALUES (1), (2), (3)",
    "SELECT no_column FROM a",
    "SET time_zone = '+00:00'",
    "COMMIT",
    "CREATE TABLE IF NOT EXISTS a (id INT)",
    `REPLACE INTO a (id, v) VALUES (${scene.own(1)}, 2)`,
    "USE information_schema",
    "DO 1",
    "CALL diff_shared.p_rs(2)",
  ];
  const rowCounts = [
    "SELECT ROW_COUNT()",
    "INSERT INTO a (v) VALUES (ROW_COUNT())",
    "SELECT ROW_COUNT ( )",
    "SELECT row_count();",
    "SELECT ROW_COUNT() + 0 AS n, 'ROW_COUNT()'",
  ];
  const foundRows = [
    "SELECT FOUND_ROWS()",
    "SELECT ROW_COUNT(), FOUND_ROWS()",
    "SELECT found_rows() AS f, 'ROW_COUNT()' AS t",
    "SELECT FOUND_ROWS() + 0, FOUND_ROWS()",
    "INSERT INTO e (v) SELECT FOUND_ROWS()",
  ];
  // What FOUND_ROWS() says after other statements than reads, each server has rules of its own for.
  if (random.chance(0.5))
    scene.query(random.pick(reads), random.pick([...foundRows, ...rowCounts]));
  else scene.query(random.pick(others), random.pick(rowCounts));
}

function preparedTexts(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      "PREPARE st1 FROM 'SELECT ? + 1, @u1'",
      "PREPARE st1 FROM 'INSERT INTO a (v) VALUES (?)'",
      "PREPARE st1 FROM 'SELECT nothing FROM nowhere'",
      "PREPARE st2 FROM 'SELECT id, v FROM a ORDER BY id LIMIT ?'",
    ]),
    "SET @u1 = 2",
    random.pick(["EXECUTE st1 USING @u1", "EXECUTE st2 USING @u1", "EXECUTE st1"]),
  );
  if (random.chance(0.5)) lookBack(scene);
  scene.query(random.pick(["DEALLOCATE PREPARE st1", "DROP PREPARE st2", "EXECUTE st2 USING @u1"]));
}

/** None looks back at what came before the pin: that stays on another connection (CHANGELOG.md, "Known"). */
const PREPARED: readonly (readonly [sql: string, parameters: number])[] = [
  ["SELECT ?, ? + 1", 2],
  ["INSERT INTO a (v, t) VALUES (?, ?)", 2],
  ["SELECT id, v, t FROM a WHERE id > ? ORDER BY id", 1],
  ["UPDATE a SET v = ? WHERE id = ?", 2],
  ["SELECT * FROM b ORDER BY id", 0],
  ["SELECT LAST_INSERT_ID(), ?", 1],
  ["INSERT INTO b (name, j, d) VALUES (?, ?, ?)", 3],
  ["CALL diff_shared.p_rs(?)", 1],
  ["SELECT nothing FROM a", 0],
  ["SET @u1 = ?", 1],
  ["SELECT dt, ts, e, x FROM b WHERE id >= ? ORDER BY id", 1],
  ["SELECT CAST(? AS SIGNED)", 1],
  ["BEGIN", 0],
  ["COMMIT", 0],
];

function parameter(scene: Scene): Parameter {
  const { random } = scene;
  return random.pick<Parameter>([
    null,
    random.between(-3, 90),
    2.5,
    "12abc",
    word(scene),
    '{"a": 1}',
  ]);
}

function prepared(scene: Scene): void {
  const { random, slots } = scene;
  const slot = random.between(1, 4);
  if (slots.length === 0 || random.chance(0.4)) {
    const [sql] = random.pick(PREPARED);
    scene.add({ do: "prepare", slot, sql });
    if (!slots.includes(slot)) slots.push(slot);
    if (random.chance(0.1)) return;
  }
  const used = random.chance(0.05) ? 9 : random.pick(slots);
  if (random.chance(0.1))
    scene.add({
      do: "long-data",
      slot: used,
      parameter: 0,
      data: "long ".repeat(random.between(1, 2_000)),
    });
  const last = scene.steps.findLast((step: Step) => step.do === "prepare" && step.slot === used);
  const sql = last?.do === "prepare" ? last.sql : "";
  const count = PREPARED.find(([text]) => text === sql)?.[1] ?? 0;
  const parameters = Array.from({ length: count }, () => parameter(scene));
  // A statement has a cursor always or never: MySQL 9.7 breaks the protocol where one that had a cursor is executed without.
  const cursor = used === 4;
  scene.add({ do: "execute", slot: used, parameters, cursor });
  if (cursor) {
    for (let i = random.between(0, 3); i > 0; i--)
      scene.add({ do: "fetch", slot: used, rows: random.between(1, 4) });
    // MySQL 9.7 gives no answer to an execution without a cursor while one is open.
    scene.add({ do: "reset-statement", slot: used });
  }
  if (random.chance(0.2)) lookBack(scene);
  if (random.chance(0.1)) scene.add({ do: "reset-statement", slot: used });
  if (random.chance(0.2)) {
    scene.add({ do: "close-statement", slot: used });
    slots.splice(slots.indexOf(used) < 0 ? slots.length : slots.indexOf(used), 1);
  }
}

function untracked(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      "SET foreign_key_checks = 0",
      "SET SESSION group_concat_max_len = 20",
      "SET sql_select_limit = 4",
      "SET @@session.sql_select_limit = DEFAULT",
      `SET last_insert_id = ${scene.own(333)}`,
      `SET insert_id = ${scene.own(800)}`,
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "SET TRANSACTION READ ONLY",
      "SET sql_safe_updates = 0, time_zone = '+09:00'",
      "SET sql_auto_is_null = 1",
      "SET sql_quote_show_create = 0",
      "SET lc_time_names = 'fr_FR'",
      "SET timestamp = 1700000000",
      "SET no_such_variable = 3",
      "/*!50000 SET div_precision_increment = 6 */",
      "SELECT /*! 1, */ 2",
      "/*M! SELECT 'MariaDB' */",
      "SET sql_warnings = 1",
    ]),
  );
  readSettings(scene);
}

function long(scene: Scene): void {
  const { random } = scene;
  const text = random
    .pick(["a", word(scene), "''"])
    .repeat(random.between(9_000, 30_000))
    .slice(0, 60_000);
  scene.query(
    random.pick([
      `SELECT LENGTH('${text}')`,
      `INSERT INTO b (name, x) VALUES ('big', '${text}')`,
      `SELECT 1 /* ${"comment ".repeat(2_500)} */`,
      `INSERT INTO a (v) VALUES ${Array.from({ length: 2_500 }, (_, i) => `(${i % 50})`).join(", ")}`,
    ]),
  );
  lookBack(scene);
}

function diagnostics(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      "SELECT no_column FROM a",
      "SELECT 1/0, CAST('q' AS SIGNED)",
      "DROP TABLE IF EXISTS nothing",
    ]),
    "GET DIAGNOSTICS @u1 = NUMBER",
    "SELECT @u1",
  );
  if (random.chance(0.5))
    scene.query(
      "SELECT * FROM none_such",
      "GET DIAGNOSTICS CONDITION 1 @u2 = MESSAGE_TEXT, @u3 = RETURNED_SQLSTATE",
      "SELECT @u2, @u3",
    );
}

function blocks(scene: Scene): void {
  if (scene.isMysql) return;
  scene.query(
    scene.random.pick([
      "BEGIN NOT ATOMIC SET @u1 = 4; SELECT @u1; END",
      "EXECUTE IMMEDIATE 'SELECT 1 + ?' USING 3",
      "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT \"id\" FROM a LIMIT 1",
      "IF 1 THEN SELECT 'yes'; END IF",
      "EXECUTE IMMEDIATE 'INSERT INTO a (v) VALUES (5)'",
    ]),
  );
}

export const PINNING: Phrases = [
  [5, userVariables],
  [3, temporaryTables],
  [3, locks],
  [6, counts],
  [3, preparedTexts],
  [8, prepared],
  [4, untracked],
  [0.6, long],
  [1.5, diagnostics],
  [1, blocks],
];
