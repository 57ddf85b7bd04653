import { readFileSync } from "node:fs";
import { createConnection } from "mysql2/promise";
import { describe, expect, test } from "vitest";
import { withLogin } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { runProgram } from "../../local/program.ts";
import { type LoginScheme, server } from "../support/servers.ts";

describe.each(ENGINES)("the shared %s server", (engine) => {
  test("answers as the engine it was asked for", async () => {
    const { sql, version } = await server(engine);
    const [row] = await sql("SELECT VERSION() AS version, @@port AS port");
    expect(row?.["version"]).toContain(version);
    expect(String(row?.["version"]).includes("MariaDB")).toBe(engine === "mariadb");
  });

  test("gives every caller a database of its own", async () => {
    const { database, sql } = await server(engine);
    const [one, other] = [await database(), await database()];
    expect(one).not.toBe(other);
    await sql(`CREATE TABLE ${one}.t (a INT)`);
    expect(await sql(`SHOW TABLES FROM ${other}`)).toEqual([]);
  });

  test("makes users that log in and may use their database only", async () => {
    const here = await server(engine);
    const { host, port } = here;
    const database = await here.database();
    const user = await here.user({ database });
    await withLogin({ host, port, ...user, database }, (connection) =>
      connection.query("CREATE TABLE t (a INT)"),
    );
    const other = await here.database();
    await expect(
      withLogin({ host, port, ...user, database: other }, async () => {}),
    ).rejects.toThrow(/denied/);
  });

  test("keeps binary logs with global transaction ids", async () => {
    const { sql } = await server(engine);
    const variable = engine === "mysql" ? "@@gtid_mode" : "@@gtid_strict_mode";
    const [row] = await sql(`SELECT @@log_bin AS log, ${variable} AS gtid`);
    expect(row).toEqual({ log: 1, gtid: engine === "mysql" ? "ON" : 1 });
  });

  test("shows a certificate that its authority vouches for", async () => {
    const here = await server(engine);
    const { host, port } = here;
    const ca = readFileSync(here.caFile);
    const user = await here.user({ clause: "REQUIRE SSL" });
    await expect(withLogin({ host, port, ...user }, async () => {})).rejects.toThrow(/denied/);
    const connection = await createConnection({
      host,
      port,
      ...user,
      ssl: { ca, rejectUnauthorized: true },
    });
    const [rows] = await connection.query("SHOW STATUS LIKE 'Ssl_version'");
    expect(JSON.stringify(rows)).toContain("TLSv1.");
    await connection.end();
  });

  test.each<LoginScheme>(["caching_sha2_password", "mysql_native_password", "ed25519"])(
    "says honestly whether it can make accounts with %s",
    async (scheme) => {
      const here = await server(engine);
      if (await here.has(scheme)) {
        const { user } = await here.user({ scheme });
        const [row] = await here.sql(`SELECT plugin FROM mysql.user WHERE user = '${user}'`);
        expect(row).toEqual({ plugin: scheme });
      } else {
        await expect(here.user({ scheme })).rejects.toThrow(scheme);
      }
    },
  );

  test("brings its own command-line client", async () => {
    const here = await server(engine);
    if (here.client === null) return;
    const login = [
      "--no-defaults",
      `--host=${here.host}`,
      `--port=${here.port}`,
      "--user=root",
      `--password=${here.password}`,
    ];
    const result = await runProgram([
      ...here.client,
      ...login,
      "--batch",
      "--execute=SELECT 40 + 2 AS answer",
    ]);
    expect(result).toMatchObject({ code: 0, stdout: "answer\n42\n" });
  });
});
