import { DATA, lookBack } from "./phrases-data.ts";
import { readSettings } from "./phrases-session.ts";
import type { Phrases, Scene } from "./scene.ts";
import { literal, numberLiteral } from "./texts.ts";

/** Transactions, warnings and errors, several statements in one text, procedures, XA. */

function warn(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      "SELECT 1/0",
      "SELECT CAST('12abc' AS SIGNED)",
      "SELECT 'x' + 1, 'y' + 2",
      "DROP TABLE IF EXISTS nothing_at_all",
      "INSERT IGNORE INTO c (k, n) VALUES ('much too long for this little column', 1000)",
      "INSERT IGNORE INTO a (id) VALUES (1), (1)",
      `UPDATE a SET v = ${literal(scene)} WHERE id = 1`,
      `INSERT INTO c (k, n) VALUES (${literal(scene)}, 300), ('dup', 1), ('dup', 2)`,
      "SELECT * FROM none_such",
      "SELEKT 1",
      "SELECT no_column FROM a",
      "SELECT no_function(1)",
      "SELECT STR_TO_DATE('nonsense', '%Y-%m-%d'), CAST('2024-13-45' AS DATE)",
      "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'a warning of our own', MYSQL_ERRNO = 1642",
      "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'an error of our own'",
      "CREATE TABLE IF NOT EXISTS a (id INT)",
      "INSERT INTO a (id) VALUES (NULL, 1)",
      "INSERT INTO e (v) VALUES (1), ('zzz'), (3)",
      "SELECT (SELECT 1 UNION SELECT 2)",
      "SELECT 'x' + 0 FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS three",
      "ROLLBACK TO SAVEPOINT never",
      "SELECT JSON_EXTRACT('{', '$')",
      "UPDATE c SET n = 1000",
      "DROP DATABASE IF EXISTS no_such_schema_here",
      "SELECT CONVERT(_utf8mb4 X'F09F9880' USING latin1), INET_ATON('x')",
    ]),
  );
  for (let i = random.between(1, 3); i > 0; i--) diagnose(scene);
}

function diagnose(scene: Scene): void {
  scene.query(
    scene.random.weighted<string>([
      [6, "SHOW WARNINGS"],
      [2, "SHOW ERRORS"],
      [2, "SELECT @@warning_count"],
      [1, "SELECT @@error_count, @@warning_count"],
      [1, "SHOW COUNT(*) WARNINGS"],
      [1, "SHOW COUNT(*) ERRORS"],
      [1, "SHOW WARNINGS LIMIT 1"],
      [1, "show warnings limit 1, 2;"],
      [1, "/* look */ SHOW WARNINGS"],
      [1, "SELECT @@session.warning_count + 1 AS w"],
      [1, "SELECT 1"],
    ]),
  );
}

function transaction(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.weighted([
      [5, "BEGIN"],
      [3, "START TRANSACTION"],
      [1, "START TRANSACTION READ ONLY"],
      [1, "START TRANSACTION WITH CONSISTENT SNAPSHOT"],
      [1, "start transaction read write"],
      [1, "BEGIN WORK"],
    ]),
  );
  const point = scene.name("s");
  for (let i = random.between(0, 6); i > 0; i--) {
    random.weighted<(scene: Scene) => void>([
      ...DATA,
      [5, () => scene.query(`SAVEPOINT ${point}`)],
      [3, () => scene.query(`ROLLBACK TO ${random.pick(["", "SAVEPOINT "])}${point}`)],
      [1, () => scene.query(`RELEASE SAVEPOINT ${point}`)],
      [3, warn],
      [3, readSettings],
      [1, () => scene.add({ do: "ping" })],
      [1, () => scene.query("SET time_zone = '+01:00'")],
      [1, () => scene.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")],
      [1, () => scene.query(`USE ${scene.other}`, `USE ${scene.schema}`)],
    ])(scene);
  }
  scene.query(
    random.weighted([
      [6, "COMMIT"],
      [5, "ROLLBACK"],
      [1, "COMMIT AND CHAIN"],
      [1, "ROLLBACK AND CHAIN"],
      [1, "COMMIT WORK AND NO CHAIN NO RELEASE"],
      [1, "BEGIN"],
      [1, `CREATE TABLE ${scene.name("t")} (id INT)`],
      [1, "SET autocommit = 1"],
    ]),
  );
  if (random.chance(0.4)) lookBack(scene);
  if (random.chance(0.7)) scene.query(random.pick(["COMMIT", "ROLLBACK", "commit work"]));
}

function withoutAutocommit(scene: Scene): void {
  const { random } = scene;
  scene.query("SET autocommit = 0");
  for (let i = random.between(1, 6); i > 0; i--) {
    random.weighted<(scene: Scene) => void>([
      ...DATA,
      [8, () => scene.query(random.pick(["COMMIT", "ROLLBACK"]))],
      [4, readSettings],
      [3, warn],
      [2, () => scene.query("SET autocommit = 1", "SET autocommit = 0")],
      [1, () => scene.query("COMMIT AND CHAIN")],
    ])(scene);
  }
  scene.query(random.pick(["SET autocommit = 1", "COMMIT", "ROLLBACK"]));
  if (random.chance(0.8)) scene.query("SET autocommit = ON");
}

function multi(scene: Scene): void {
  const { random } = scene;
  const { schema, other } = scene;
  scene.query(
    random.pick([
      "SELECT 1; SELECT 2",
      `INSERT INTO a (v) VALUES (${numberLiteral(scene)}); SELECT LAST_INSERT_ID(); UPDATE a SET v = 3 WHERE id = 2`,
      "INSERT INTO a (v) VALUES (1); INSERT INTO e (v) VALUES (2); DELETE FROM e WHERE v = 2",
      `SELECT LAST_INSERT_ID(${scene.own(500)}); SELECT LAST_INSERT_ID()`,
      `SET NAMES latin1; SELECT ${literal(scene)}; SET NAMES utf8mb4`,
      "SET time_zone = '+07:00'; SELECT nothing_like_it; SET time_zone = '+08:00'",
      "SET sql_mode = 'ANSI_QUOTES'; SELECT \"id\" FROM a LIMIT 1; SET sql_mode = ''",
      "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; SET sql_mode = DEFAULT",
      `USE ${other}; SELECT DATABASE(); USE ${schema}`,
      `USE ${other}; SELECT no_column; USE ${schema}`,
      `USE ${schema}; SELECT 1/0; SELECT DATABASE()`,
      "BEGIN; INSERT INTO a (v) VALUES (9); COMMIT",
      "BEGIN; UPDATE a SET v = 10 WHERE id = 1",
      "SET autocommit = 0; INSERT INTO a (v) VALUES (11)",
      "COMMIT; SET autocommit = 1",
      "SELECT 1/0; SELECT 1",
      "SELECT 1; SELECT 1/0",
      "INSERT INTO a (u) VALUES (1); INSERT INTO a (u) VALUES (1); SELECT 5",
      "SELECT * FROM a ORDER BY id; SELECT * FROM c ORDER BY k;",
      "DROP TABLE IF EXISTS nothing; SHOW WARNINGS",
      "SELECT 'x' + 1; SELECT @@warning_count; SHOW WARNINGS",
      "CALL diff_shared.p_rs(2); SELECT 3",
      `CREATE DATABASE ${schema}_v; USE ${schema}_v; DROP DATABASE ${schema}_v; SELECT DATABASE(); USE ${schema}`,
      "SET LOCAL group_concat_max_len = 12; SELECT GROUP_CONCAT(id ORDER BY id) FROM a",
    ]),
  );
  random.pick([lookBack, readSettings, diagnose])(scene);
}

/** What procedures do to a session unseen is used up within the transaction. */
function call(scene: Scene): void {
  const { random } = scene;
  const shared = "diff_shared";
  random.pick<() => void>([
    () => scene.query(`CALL ${shared}.p_rs(${random.between(0, 3)})`),
    () => scene.query(`CALL ${shared}.p_warn()`, "SHOW WARNINGS"),
    // From its own schema: what is told of the schema's coming and going cannot travel with an error.
    () => scene.query(`USE ${shared}`, "CALL p_err()", "SHOW ERRORS", `USE ${scene.schema}`),
    () => scene.query(`CALL ${shared}.nothing(1)`),
    () =>
      scene.query(
        "BEGIN",
        `CALL ${shared}.p_out(4, @o, @p)`,
        "SELECT @o, @p",
        random.pick(["COMMIT", "ROLLBACK"]),
      ),
    () =>
      scene.query(
        "BEGIN",
        `CALL ${shared}.p_var(${scene.number()})`,
        "SELECT @pv, @pv + 1",
        "COMMIT",
      ),
    () =>
      scene.query(
        "BEGIN",
        `CALL ${shared}.p_temp()`,
        "SELECT * FROM diff_shared.ptmp ORDER BY id",
        "INSERT INTO a (v) SELECT id FROM diff_shared.ptmp",
        "DROP TEMPORARY TABLE diff_shared.ptmp",
        "COMMIT",
      ),
    () =>
      scene.query(`CALL ${shared}.p_id(${scene.own(scene.number())})`, "SELECT LAST_INSERT_ID()"),
    () => {
      const name = scene.name("q");
      scene.query(
        `CREATE PROCEDURE ${name}() BEGIN INSERT INTO a (v) VALUES (1), (2); SELECT MAX(id) FROM a; END`,
        `CALL ${name}()`,
        "SELECT LAST_INSERT_ID()",
        `DROP PROCEDURE ${name}`,
      );
    },
  ])();
}

function xa(scene: Scene): void {
  const { random } = scene;
  const xid = `'${scene.schema}${scene.name("x")}'`;
  scene.query(random.pick([`XA START ${xid}`, `XA BEGIN ${xid}`]));
  for (let i = random.between(0, 2); i > 0; i--)
    scene.query(
      random.pick([
        "INSERT INTO a (v) VALUES (61)",
        "SELECT COUNT(*) FROM a",
        "UPDATE a SET v = 62 WHERE id = 2",
        "COMMIT",
        "SELECT no_such",
      ]),
    );
  scene.query(`XA END ${xid}`);
  if (random.chance(0.3)) scene.query("SELECT 1");
  scene.query(
    ...random.pick([
      [`XA PREPARE ${xid}`, `XA COMMIT ${xid}`],
      [`XA PREPARE ${xid}`, `XA ROLLBACK ${xid}`],
      [`XA COMMIT ${xid} ONE PHASE`],
      [`XA ROLLBACK ${xid}`],
    ]),
  );
  scene.query(random.pick(["SELECT COUNT(*) FROM a", `XA COMMIT ${xid}`]));
}

function loseDeadlock(scene: Scene): void {
  const { random } = scene;
  scene.query("COMMIT");
  scene.add({ do: "deadlock" });
  if (random.chance(0.5)) diagnose(scene);
  if (random.chance(0.5)) scene.add({ do: "ping" });
  scene.query(
    random.pick([
      "SELECT v FROM dl WHERE id = 30",
      "INSERT INTO a (v) VALUES (70)",
      "BEGIN",
      "SET time_zone = '+03:00'",
    ]),
  );
  scene.query("ROLLBACK");
}

export const STATEMENTS: Phrases = [
  [9, warn],
  [7, transaction],
  [2.5, withoutAutocommit],
  [4, multi],
  [3, call],
  [1, xa],
  [0.15, loseDeadlock],
];
