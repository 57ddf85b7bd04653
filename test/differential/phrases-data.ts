import type { Phrases, Scene } from "./scene.ts";
import { literal, numberLiteral, word } from "./texts.ts";

/** Reading and writing rows, and what a session remembers of it. */

/** Looks at what the last insert left behind; some of it after something else. */
export function lookBack(scene: Scene): void {
  const { random } = scene;
  if (random.chance(0.2)) scene.query(scene.pick("SELECT 1", "SELECT id FROM a WHERE id = 1"));
  scene.query(
    random.pick([
      "SELECT LAST_INSERT_ID()",
      "SELECT LAST_INSERT_ID()",
      "SELECT @@identity",
      "SELECT @@last_insert_id",
      "SELECT last_insert_id ( ) + 1 AS next",
      "SELECT id, v, t FROM a WHERE id = LAST_INSERT_ID()",
      "INSERT INTO a (v) VALUES (LAST_INSERT_ID())",
      "SELECT @@session.identity, LAST_INSERT_ID()",
      "UPDATE a SET v = LAST_INSERT_ID() WHERE id = 1",
      "select /* how */ LAST_INSERT_ID() from a limit 1",
    ]),
  );
}

function insert(scene: Scene): void {
  const { random } = scene;
  const value = (): string => numberLiteral(scene);
  const text = (): string => literal(scene);
  const id = (): string =>
    random.pick([
      "NULL",
      "0",
      "DEFAULT",
      String(scene.own(random.between(1, 200))),
      "-3",
      `'${scene.own(7)}'`,
    ]);
  const inserts: (() => string)[] = [
    () => `INSERT INTO a (v, t) VALUES (${value()}, ${text()})`,
    () => `INSERT INTO a (v, t) VALUES (${value()}, ${text()}), (${value()}, ${text()})`,
    () => `INSERT INTO a VALUES (${id()}, ${value()}, ${text()}, NULL)`,
    () => `INSERT INTO a (id, v) VALUES (${id()}, ${value()}), (${id()}, ${value()})`,
    () => `INSERT INTO a SET v = ${value()}, t = ${text()}`,
    () => `INSERT INTO a (id) VALUES (${id()})`,
    () => `INSERT INTO a (u) VALUES (${random.between(1, 6)})`,
    () => `INSERT INTO a (v, u) VALUES (1, ${random.between(1, 6)}), (2, ${random.between(1, 6)})`,
    () => `INSERT IGNORE INTO a (u, v) VALUES (${random.between(1, 6)}, ${value()})`,
    () => `INSERT IGNORE INTO a (id, u) VALUES (${id()}, 1), (${id()}, 2)`,
    () =>
      `INSERT INTO a (u, v) VALUES (${random.between(1, 6)}, 1) ON DUPLICATE KEY UPDATE v = v + 1`,
    () =>
      `INSERT INTO a (u) VALUES (${random.between(1, 6)}) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), v = 7`,
    () => `INSERT INTO a (v, t) SELECT v, t FROM a WHERE id <= ${random.between(1, 4)} ORDER BY id`,
    () => "INSERT INTO a (v) SELECT v FROM a WHERE id < 0",
    () => `REPLACE INTO a (id, v) VALUES (${id()}, ${value()})`,
    () => `REPLACE INTO a (u, v) VALUES (${random.between(1, 6)}, ${value()})`,
    () => `INSERT INTO a (v) VALUES (${value()}), (NULL), (NULL)`,
    () => `INSERT INTO a () VALUES ()`,
    () => `INSERT INTO a (v) VALUES (${scene.own(random.between(0, 20))})`,
    () => `INSERT INTO ${scene.schema}.a (v) VALUES (${value()})`,
    () => `INSERT INTO c (k, n) VALUES (${text()}, ${value()})`,
    () => `INSERT IGNORE INTO c (k, n) VALUES (${text()}, ${value()}), ('x', 300)`,
    () => `INSERT INTO b (name, d) VALUES (${text()}, ${random.between(0, 99)}.25)`,
    () => `INSERT INTO b (name, dt, e) VALUES (${text()}, '2024-02-30 10:00:00.1234', 'q')`,
    () =>
      `INSERT INTO b (id, j) VALUES (${scene.own(random.between(90, 130))}, '{"k": [1, 2, "${word(scene)}"]}')`,
    () => `INSERT INTO b (x, ts) VALUES (X'00FF5C27', '2024-06-01 12:00:00')`,
    () => "INSERT INTO b (name) VALUES (_latin1'caf\\xe9'), (_utf8mb4 X'F09F9880')",
    () => "INSERT INTO b (id) VALUES (18446744073709551614)",
    () => `INSERT INTO e (v) VALUES (${value()})`,
    () => `INSERT INTO a (t) VALUES ('${"long".repeat(30)}')`,
  ];
  if (!scene.isMysql) {
    inserts.push(
      () => `INSERT INTO a (v) VALUES (${value()}) RETURNING id, v`,
      () => `INSERT INTO a (u) VALUES (${random.between(1, 6)}) RETURNING id + 1`,
      () => `REPLACE INTO a (id, v) VALUES (${id()}, 5) RETURNING *`,
    );
  } else {
    inserts.push(
      () => `INSERT INTO a (v) VALUES ROW(${random.between(1, 5)}), ROW(2)`,
      () =>
        `INSERT INTO a (u, v) VALUES (${random.between(1, 6)}, 4) AS n ON DUPLICATE KEY UPDATE v = n.v`,
    );
  }
  scene.query(random.pick(inserts)());
  if (random.chance(0.5)) lookBack(scene);
}

function change(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      `UPDATE a SET v = v + 1 WHERE id <= ${random.between(0, 8)}`,
      `UPDATE a SET t = ${literal(scene)} WHERE id = ${random.between(0, 8)}`,
      `UPDATE a SET v = v WHERE id <= 3`,
      `UPDATE a SET v = LAST_INSERT_ID(v + ${scene.own(100)}) WHERE id = ${random.between(0, 5)}`,
      `UPDATE a SET v = LAST_INSERT_ID(id + ${scene.own(400)}) WHERE id <= 2`,
      `UPDATE a SET v = ${numberLiteral(scene)} WHERE id = 1`,
      "UPDATE a SET u = 1",
      `DELETE FROM a WHERE id = ${random.between(2, 30)}`,
      "DELETE FROM a WHERE id > 60",
      `UPDATE a JOIN c ON c.n = a.v SET a.t = c.k WHERE a.id < 5`,
      `UPDATE b SET e = 'y', x = NULL WHERE id % 3 = 0`,
      `UPDATE c SET n = n + 1`,
      "DELETE FROM c WHERE n > 100 LIMIT 1",
      `UPDATE ${scene.other}.t SET s = ${literal(scene)} ORDER BY id LIMIT 1`,
      "DELETE a, e FROM a LEFT JOIN e ON e.id = a.id WHERE a.id = 9",
    ]),
  );
  if (random.chance(0.25)) lookBack(scene);
}

function read(scene: Scene): void {
  const { random } = scene;
  const reads = [
    "SELECT * FROM a ORDER BY id",
    "SELECT * FROM b ORDER BY id",
    "SELECT * FROM c ORDER BY k",
    "SELECT * FROM e ORDER BY id",
    "SELECT COUNT(*), MAX(id), SUM(v) FROM a",
    "SELECT * FROM a WHERE id < 0",
    `SELECT id, t FROM a WHERE v = ${scene.number()} ORDER BY id LIMIT 5`,
    "SELECT a.id, c.n FROM a LEFT JOIN c ON c.n = a.v ORDER BY a.id, c.n LIMIT 10",
    `SELECT ${literal(scene)} AS t, LENGTH(${literal(scene)}), HEX(${literal(scene)})`,
    `SELECT k, n FROM c WHERE k = ${literal(scene)}`,
    "SELECT id, name, HEX(name), x FROM b ORDER BY id LIMIT 8",
    "SELECT id, j->'$.k' FROM b ORDER BY id LIMIT 3",
    "SELECT CAST(1.5 AS DECIMAL(10,4)), DATE '2024-02-29', TIME '10:11:12.5', TIMESTAMP '2024-01-01 00:00:00'",
    "SELECT 1/3, 7 DIV 2, -7 % 3, 1e10, 0x4142, b'101', NULL, TRUE",
    "SELECT REPEAT('abc', 10000), REPEAT('z', 70000) AS z",
    "SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR '/') FROM a",
    "SELECT t, COUNT(*) FROM a GROUP BY t WITH ROLLUP",
    "SELECT id FROM a UNION SELECT id FROM e ORDER BY id DESC LIMIT 4",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 300) SELECT n, REPEAT('y', n) FROM r",
    "SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM a ORDER BY id LIMIT 6",
    "SELECT * FROM a WHERE id < 9 ORDER BY id FOR UPDATE",
    "SELECT id FROM a WHERE id = 1 LOCK IN SHARE MODE",
    "SELECT EXISTS (SELECT 1 FROM c), (SELECT MAX(v) FROM a) AS m",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT ALL v FROM a WHERE v IS NOT NULL ORDER BY v, id",
    `SELECT * FROM ${scene.other}.t ORDER BY id`,
    "SHOW TABLES",
    "SHOW CREATE TABLE a",
    "DESCRIBE c",
    "SHOW FULL COLUMNS FROM b LIKE 'n%'",
    "SHOW INDEX FROM nothing",
    "CHECKSUM TABLE c",
    "DO 1 + 1",
    "SELECT 1 FROM DUAL WHERE FALSE",
    "SELECT ts, UNIX_TIMESTAMP(ts) FROM b WHERE ts IS NOT NULL ORDER BY id",
    "SELECT diff_shared.f_add(20)",
    "SELECT CONNECTION_ID()",
    "SELECT 'a' 'b', \"c\", N'd'",
    "HELP 'nothing at all like this'",
    "SELECT @u9, @never",
  ];
  if (scene.isMysql)
    reads.push(
      "TABLE c ORDER BY k",
      "VALUES ROW(1, 'a'), ROW(2, 'b')",
      "SELECT jt.* FROM JSON_TABLE('[1,2]', '$[*]' COLUMNS (n INT PATH '$')) AS jt",
      "EXPLAIN FORMAT=TREE SELECT 1",
    );
  else reads.push("SELECT VALUE(v) FROM a LIMIT 1", "VALUES (1, 'a'), (2, 'b')");
  scene.query(random.pick(reads));
}

function define(scene: Scene): void {
  const { random, tables } = scene;
  const table = tables.length > 0 ? random.pick(tables) : "nothing";
  const pick = random.between(0, 8);
  if (pick <= 2 || tables.length === 0) {
    const name = scene.name("d");
    tables.push(name);
    scene.query(
      random.pick([
        `CREATE TABLE ${name} (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) AUTO_INCREMENT = 40`,
        `CREATE TABLE ${name} AS SELECT id, t FROM a WHERE id < 4`,
        `CREATE TABLE ${name} (id INT AUTO_INCREMENT PRIMARY KEY) SELECT v FROM a WHERE id < 3`,
        `CREATE TABLE IF NOT EXISTS ${name} LIKE a`,
        `CREATE TABLE ${name} (s TEXT)`,
      ]),
    );
    if (random.chance(0.5)) lookBack(scene);
    return;
  }
  scene.query(
    random.pick([
      `INSERT INTO ${table} (s) VALUES (${literal(scene)})`,
      `ALTER TABLE ${table} ADD COLUMN extra INT DEFAULT 5`,
      `TRUNCATE TABLE ${table}`,
      `DROP TABLE ${table}`,
      `DROP TABLE IF EXISTS ${table}, nothing_such`,
      `RENAME TABLE ${table} TO ${table}_r`,
      `CREATE INDEX i ON ${table} (id)`,
      `SELECT * FROM ${table}`,
      "CREATE OR REPLACE VIEW vw AS SELECT id, v FROM a WHERE v > 2",
      "SELECT * FROM vw ORDER BY id",
      "DROP VIEW IF EXISTS vw",
      `SHOW CREATE TABLE ${table}`,
      "CREATE TABLE a (x INT)",
      "CREATE TABLE IF NOT EXISTS a (x INT)",
    ]),
  );
}

/** A session's memory of an earlier value, with other things between. */
function remember(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      `SELECT LAST_INSERT_ID(${scene.own(random.between(0, 900))})`,
      `DO LAST_INSERT_ID(${scene.own(77)})`,
      `SELECT LAST_INSERT_ID(id + ${scene.own(300)}) FROM a ORDER BY id LIMIT 2`,
      `SELECT LAST_INSERT_ID(18446744073709551615 - ${scene.own(1)}), 1`,
      `SELECT LAST_INSERT_ID(-${scene.own(9)})`,
      "SELECT LAST_INSERT_ID(NULL)",
      `INSERT INTO a (id, v) VALUES (LAST_INSERT_ID(${scene.own(150)}), 1)`,
    ]),
  );
  for (let i = random.between(0, 3); i > 0; i--) read(scene);
  lookBack(scene);
}

export const DATA: Phrases = [
  [14, insert],
  [7, change],
  [14, read],
  [1.2, define],
  [3, remember],
  [4, lookBack],
];
