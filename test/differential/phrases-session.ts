import { lookBack } from "./phrases-data.ts";
import { LOGIN_CHARSETS, type Phrases, type Scene } from "./scene.ts";
import { literal } from "./texts.ts";

/** Settings, schemas, resets and new beginnings. */

const CHARSETS = ["utf8mb4", "utf8mb3", "latin1", "gbk", "sjis", "binary"] as const;
const MODES = [
  "''",
  "'ANSI_QUOTES'",
  "'NO_BACKSLASH_ESCAPES'",
  "'STRICT_TRANS_TABLES'",
  "'ANSI'",
  "'TRADITIONAL'",
  "'PIPES_AS_CONCAT,IGNORE_SPACE'",
  "'NO_AUTO_VALUE_ON_ZERO'",
  "'ONLY_FULL_GROUP_BY,NO_ZERO_DATE'",
  "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
];
const ISOLATIONS = ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

function setNames(scene: Scene): void {
  const { random } = scene;
  const charset = random.pick(CHARSETS);
  scene.charset = charset;
  scene.query(
    random.pick([
      `SET NAMES ${charset}`,
      `SET NAMES '${charset}'`,
      `set names ${charset} COLLATE ${charset === "binary" ? "binary" : `${charset}_bin`}`,
      `SET CHARACTER SET ${charset}`,
      `SET CHARSET ${charset}`,
      `SET character_set_client = ${charset}, character_set_connection = ${charset}, character_set_results = ${charset}`,
      `SET character_set_client = ${charset}`,
    ]),
  );
}

/** Settings that RDS Proxy tracks, in every spelling. */
function setTracked(scene: Scene): void {
  const { random } = scene;
  const scope = random.pick([
    "",
    "SESSION ",
    "@@",
    "@@session.",
    "@@SESSION . ",
    "LOCAL ",
    "@@local.",
  ]);
  const isolation = random.pick(ISOLATIONS);
  const dashed = isolation.replace(" ", "-");
  const variable = scene.isMysql ? "transaction_isolation" : "tx_isolation";
  const readOnly = scene.isMysql ? "transaction_read_only" : "tx_read_only";
  // Without a scope word, @@ means the next transaction only, which pins.
  const forIsolation = scope === "@@" ? "@@session." : scope;
  scene.query(
    random.weighted<() => string>([
      [6, () => `SET ${scope}sql_mode = ${random.pick(MODES)}`],
      [1, () => `SET ${scope}sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')`],
      [1, () => `SET ${scope}sql_mode = REPLACE(@@sql_mode, 'ANSI_QUOTES', '')`],
      [1, () => "SET sql_mode = DEFAULT"],
      [
        4,
        () =>
          `SET ${scope}time_zone = ${random.pick(["'+00:00'", "'-05:30'", "'+13:45'", "'SYSTEM'", "DEFAULT", "@@global.time_zone"])}`,
      ],
      [
        3,
        () =>
          `SET ${scope}autocommit = ${random.pick(["0", "1", "OFF", "ON", "'ON'", "FALSE", "TRUE", "DEFAULT"])}`,
      ],
      [2, () => `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`],
      [1, () => `SET LOCAL TRANSACTION ISOLATION LEVEL ${isolation}`],
      [
        1,
        () =>
          `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}, READ ${random.pick(["ONLY", "WRITE"])}`,
      ],
      [1, () => `SET SESSION TRANSACTION READ ${random.pick(["ONLY", "WRITE"])}`],
      [2, () => `SET ${forIsolation}${variable} = '${dashed}'`],
      [1, () => `SET ${forIsolation}${readOnly} = ${random.pick(["0", "1"])}`],
      [2, () => `SET ${scope}auto_increment_increment = ${random.between(1, 4)}`],
      [1, () => `SET ${scope}wait_timeout = ${random.between(600, 900)}`],
      [1, () => `SET ${scope}net_write_timeout = ${random.between(60, 90)}`],
      [1, () => `SET ${scope}interactive_timeout = 1000, ${scope}wait_timeout = 1000`],
      [1, () => `SET ${scope}character_set_filesystem = ${random.pick(["latin1", "binary"])}`],
      [
        1,
        () =>
          `SET ${scope}character_set_results = ${random.pick(["NULL", "latin1", "utf8mb4", "binary", "DEFAULT"])}`,
      ],
      [
        1,
        () =>
          `SET ${scope}collation_connection = ${random.pick(["latin1_bin", "utf8mb4_general_ci", "utf8mb4_bin", "gbk_chinese_ci"])}`,
      ],
      [
        1,
        () =>
          `SET ${scope}character_set_connection = ${random.pick(["latin1", "utf8mb4", "DEFAULT"])}`,
      ],
      [
        1,
        () =>
          `SET ${scope}collation_server = ${random.pick(["latin1_swedish_ci", "utf8mb4_bin", "DEFAULT"])}`,
      ],
      [1, () => `SET ${scope}character_set_server = latin1`],
      [1, () => `SET ${scope}character_set_database = ${random.pick(["latin1", "DEFAULT"])}`],
      [
        1,
        () =>
          `SET ${scope}collation_database = ${random.pick(["latin1_bin", "utf8mb4_bin", "DEFAULT"])}`,
      ],
      [1, () => `SET ${scope}session_track_schema = ${random.pick(["0", "1", "OFF"])}`],
      [1, () => `SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+02:00', autocommit = 1`],
      [1, () => `SET time_zone = '+05:00', sql_mode = 'NO_SUCH_MODE'`],
      [1, () => `SET time_zone = 'No/Such'`],
      [1, () => "SET NAMES nothing"],
      [1, () => `SET wait_timeout = ${random.pick(["-1", "'x'", "1000000000", "1.5"])}`],
      [1, () => "/* set by a driver */ SET @@SESSION.sql_mode=''; "],
    ])(),
  );
}

/** Settings that are not tracked: as LOCAL they do not pin. */
function setLocal(scene: Scene): void {
  const { random } = scene;
  scene.query(
    random.pick([
      "SET LOCAL group_concat_max_len = 10",
      "SET LOCAL sql_select_limit = 3",
      "SET LOCAL sql_select_limit = DEFAULT",
      "SET @@local.div_precision_increment = 8",
      "SET LOCAL foreign_key_checks = 0, unique_checks = 0",
      "SET LOCAL sql_safe_updates = 1",
      "SET LOCAL sql_safe_updates = 0",
      "SET LOCAL max_error_count = 5",
      "SET LOCAL lc_time_names = 'de_DE'",
      "SET LOCAL sql_auto_is_null = 1",
      "SET LOCAL auto_increment_offset = 2",
      "SET LOCAL default_week_format = 3",
      "SET LOCAL sql_notes = 0",
      "SET LOCAL sql_notes = 1",
      "SET LOCAL no_such_variable = 1",
      "SET LOCAL innodb_lock_wait_timeout = 40",
      "SET LOCAL completion_type = 1",
      "SET LOCAL completion_type = 0",
    ]),
  );
}

const SHOWN =
  `'sql_mode', 'time_zone', 'autocommit', 'transaction_isolation', 'tx_isolation', 'transaction_read_only', 'tx_read_only',
 'auto_increment_increment', 'auto_increment_offset', 'wait_timeout', 'net_write_timeout', 'interactive_timeout', 'character_set_client',
 'character_set_connection', 'character_set_results', 'character_set_database', 'character_set_server', 'character_set_filesystem',
 'collation_connection', 'collation_database', 'collation_server', 'session_track_schema', 'group_concat_max_len', 'sql_select_limit',
 'div_precision_increment', 'foreign_key_checks', 'unique_checks', 'sql_safe_updates', 'max_error_count', 'lc_time_names',
 'sql_auto_is_null', 'default_week_format', 'sql_notes', 'innodb_lock_wait_timeout', 'completion_type'`.replaceAll(
    "\n",
    "",
  );

/** Reads settings back, or sees what they do. */
export function readSettings(scene: Scene): void {
  const { random } = scene;
  const isolation = scene.isMysql ? "transaction_isolation" : "tx_isolation";
  scene.query(
    random.pick([
      `SHOW SESSION VARIABLES WHERE Variable_name IN (${SHOWN})`,
      `SELECT @@sql_mode, @@time_zone, @@autocommit, @@${isolation}`,
      "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection",
      "SELECT @@character_set_database, @@collation_database, @@character_set_server, @@collation_server",
      "SELECT @@auto_increment_increment, @@wait_timeout, @@net_write_timeout, @@group_concat_max_len, @@sql_select_limit",
      "SELECT CHARSET('x'), COLLATION('x'), CHARSET(USER()), HEX('\xe9\xa9')",
      "SELECT DATABASE(), SCHEMA(), USER(), CURRENT_USER()",
      "SELECT \"t\", 'a\\nb', 1 || 2",
      'SELECT "id" FROM a ORDER BY 1 LIMIT 3',
      `SELECT ${literal(scene)} AS said, CONVERT(${literal(scene)} USING utf8mb4) AS converted`,
      "SELECT FROM_UNIXTIME(86400), 1/3, GROUP_CONCAT(id ORDER BY id) FROM a WHERE id < 20",
      "SELECT id FROM a ORDER BY id",
      "SELECT COUNT (*) FROM a",
      "SHOW VARIABLES LIKE 'character_set_c%'",
      "SELECT @@global.sql_mode = @@session.sql_mode",
      "SHOW VARIABLES LIKE 'sql_mode'",
    ]),
  );
}

function set(scene: Scene): void {
  const { random } = scene;
  random.weighted([
    [3, setNames],
    [6, setTracked],
    [2, setLocal],
  ])(scene);
  for (let i = random.between(0, 2); i > 0; i--) readSettings(scene);
}

function use(scene: Scene): void {
  const { random } = scene;
  const { schema, other } = scene;
  const where = random.weighted([
    [4, schema],
    [3, other],
    [1, "information_schema"],
    [1, `${schema}_none`],
    [1, scene.made.at(-1) ?? other],
  ]);
  if (random.chance(0.3)) scene.add({ do: "init-db", schema: where });
  else scene.query(random.pick([`USE ${where}`, `use \`${where}\``, `USE ${where};`]));
  scene.query(random.pick(["SELECT DATABASE()", "SELECT * FROM t ORDER BY id", "SHOW TABLES"]));
  if (random.chance(0.3)) readSettings(scene);
  if (where !== schema && random.chance(0.8)) scene.query(`USE ${schema}`);
}

/** A schema that comes and goes, sometimes from under the session. */
function makeSchema(scene: Scene): void {
  const { random } = scene;
  const name = `${scene.schema}_${scene.name("m")}`;
  scene.made.push(name);
  scene.query(
    `CREATE DATABASE ${name} ${random.pick(["", "CHARACTER SET latin1", "COLLATE utf8mb4_bin"])}`,
  );
  if (random.chance(0.7)) scene.query(`USE ${name}`, "SELECT DATABASE(), @@collation_database");
  if (random.chance(0.5)) scene.query("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(9))");
  if (random.chance(0.3))
    scene.query(`ALTER DATABASE ${name} CHARACTER SET gbk`, "SELECT @@character_set_database");
  scene.query(
    random.pick([
      `DROP DATABASE ${name}`,
      `drop schema if exists ${name}`,
      `DROP SCHEMA \`${name}\``,
    ]),
  );
  scene.query(
    ...random.pick([
      ["SELECT DATABASE()"],
      ["SELECT * FROM a ORDER BY id LIMIT 1"],
      ["SELECT @@collation_database, @@character_set_database", "SHOW TABLES"],
      [`DROP DATABASE ${name}`],
    ]),
  );
  if (random.chance(0.8)) scene.query(`USE ${scene.schema}`);
}

const HIDDEN =
  "'pseudo_thread_id', 'timestamp', 'rand_seed1', 'rand_seed2', 'gtid_executed', 'gtid_purged', 'gtid_binlog_pos', 'gtid_current_pos', 'gtid_binlog_state', 'last_gtid', 'gtid_slave_pos', 'error_count', 'warning_count', 'in_transaction', 'hostname', 'innodb_buffer_pool_load_now', 'gtid_domain_id', 'last_insert_id', 'identity', 'proxy_user', 'external_user', 'gtid_next', 'statement_id'";

/** What a new session must be: as if nobody had used the connection before. */
export function pristine(scene: Scene): void {
  scene.query(
    "SELECT @u1, @u2, @u3, @pv, @o, @p, @row",
    `SHOW SESSION VARIABLES WHERE Variable_name NOT IN (${HIDDEN})`,
    "SELECT LAST_INSERT_ID(), @@identity",
    "SHOW WARNINGS",
    "SELECT * FROM diff_shared.tmp1",
    "SELECT * FROM diff_shared.ptmp",
    "SELECT DATABASE()",
  );
  if (scene.mayPin)
    scene.query(
      "SELECT FOUND_ROWS()",
      "SELECT ROW_COUNT()",
      `EXECUTE st1`,
      "SELECT IS_USED_LOCK('diff none')",
    );
}

/** The client starts over, in one of the ways there are. */
export function startOver(scene: Scene): void {
  const { random } = scene;
  const schema = random.pick([scene.schema, scene.schema, scene.other, ""]);
  const charset = random.pick(LOGIN_CHARSETS[scene.engine]);
  scene.slots.length = 0;
  const before = scene.mayPin;
  // A pin outlives a reset, but ends with the others.
  random.weighted<() => void>([
    // A reset forgets the character set of a schema, but not the schema; the proxy does not.
    [4, () => scene.add({ do: "reset" }, { do: "init-db", schema: scene.schema })],
    [2, () => scene.add({ do: "reconnect", schema, charset })],
    [1, () => scene.add({ do: "change-user", user: random.between(0, 1), schema, charset })],
  ])();
  scene.mayPin = false;
  pristine(scene);
  scene.mayPin = before;
  if (random.chance(0.9)) scene.query(`USE ${scene.schema}`);
  if (random.chance(0.5)) {
    scene.charset = "utf8mb4";
    scene.query("SET NAMES utf8mb4");
  }
}

function oddities(scene: Scene): void {
  const { random } = scene;
  random.weighted<() => void>([
    [6, () => scene.add({ do: "ping" })],
    [1, () => scene.add({ do: "set-option", multiStatements: random.chance(0.6) })],
    [1, () => scene.add({ do: "field-list", table: random.pick(["a", "none", "vw"]) })],
    [
      2,
      () =>
        scene.query(
          random.pick(["", ";", "-- nothing", "/* nothing */", "# nothing\n", " ; SELECT 1"]),
        ),
    ],
    [2, () => scene.query("SELECT 1;", "/* why */ SELECT 2 -- because")],
    [1, () => scene.query("FLUSH STATUS", "ANALYZE TABLE nothing_here", "SHOW GRANTS FOR nobody")],
  ])();
  if (random.chance(0.3)) lookBack(scene);
}

export const SESSION: Phrases = [
  [9, set],
  [4, readSettings],
  [3, use],
  [0.5, makeSchema],
  [0.6, startOver],
  [3, oddities],
];
