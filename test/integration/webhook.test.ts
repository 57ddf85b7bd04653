import { afterEach, describe, expect, test } from "vitest";
import type { Settings } from "../../lambda/webhook/settings.ts";
import { ENGINES } from "../../local/engine.ts";
import { server, type TestServer } from "../support/servers.ts";
import {
  counts,
  killConnections,
  type Secret,
  shown,
  WebhookBench,
} from "../support/webhook-bench.ts";

let databases = 0;
const open: WebhookBench[] = [];

afterEach(() => {
  for (const webhook of open.splice(0)) webhook.close();
});

interface Bench {
  readonly database: string;
  readonly user: string;
  readonly log: WebhookBench["log"];
  readonly hit: WebhookBench["hit"];
}

/** A webhook in front of a database that does not exist yet, in which its user may create what it likes. */
async function bench(
  here: TestServer,
  changes: Partial<Settings> & { readonly secrets?: readonly Secret[] } = {},
): Promise<Bench> {
  const database = changes.database ?? `hits_${process.pid}_${++databases}`;
  const { user, password } = await here.user({ database });
  const { secrets = [{ username: user, password }], ...settings } = changes;
  const webhook = new WebhookBench(
    {
      secretId: "test",
      host: here.host,
      port: here.port,
      tls: "verify",
      keyId: null,
      caFile: here.caFile,
      ...settings,
      database,
    },
    secrets,
  );
  open.push(webhook);
  return { database, user, log: webhook.log, hit: (...request) => webhook.hit(...request) };
}

describe.each(ENGINES)("the webhook on %s", (engine) => {
  test("creates its database and table with the first hit, and counts every path", async () => {
    const { hit, database } = await bench(await server(engine));
    const before = Date.now() - 1;
    expect(counts(await hit("/a"))).toEqual({ "/a": 1 });
    expect(counts(await hit("/b"))).toEqual({ "/a": 1, "/b": 1 });
    const last = await hit("/a");
    expect(counts(last)).toEqual({ "/a": 2, "/b": 1 });
    const { paths } = shown(last);
    expect(paths.map(({ path }) => path)).toEqual(["/a", "/b"]);
    for (const row of paths) {
      expect(Date.parse(row.first)).toBeGreaterThan(before);
      expect(Date.parse(row.last)).toBeGreaterThanOrEqual(Date.parse(row.first));
      expect(Date.parse(row.last)).toBeLessThanOrEqual(Date.now());
    }
    expect(database).toMatch(/^hits_/);
  });

  test("shows the paths as a page", async () => {
    const { hit } = await bench(await server(engine));
    const page = await hit("/<b>page</b>", { accept: "text/html" });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.body).toContain(
      '<tr class="fresh"><th scope="row"><code>/&lt;b&gt;page&lt;/b&gt;</code>',
    );
  });

  test("creates only the table where the database is there and no other may be made", async () => {
    const here = await server(engine);
    const database = await here.database();
    const { hit } = await bench(here, { database });
    expect(counts(await hit("/"))).toEqual({ "/": 1 });
  });

  test("stores any path as it is, whatever the SQL mode", async () => {
    const here = await server(engine);
    const { hit, user } = await bench(here);
    await hit("/first");
    const hostile = [
      "/'; DROP TABLE hits; -- ",
      '/"\\',
      "/\\'",
      "/%_",
      "/ä/日本/😀",
      "/A",
      "/a",
      "/a ",
    ];
    for (const path of hostile) await hit(path);
    const [mode] = await here.sql("SELECT @@GLOBAL.sql_mode AS mode");
    await here.sql("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',NO_BACKSLASH_ESCAPES')");
    try {
      await killConnections(here, user);
      for (const path of hostile) await hit(path);
    } finally {
      await here.sql(`SET GLOBAL sql_mode = '${mode?.["mode"]}'`);
    }
    expect(counts(await hit("/first"))).toEqual({
      "/first": 2,
      "/';%20DROP%20TABLE%20hits;%20--%20": 2,
      '/"\\': 2,
      "/\\'": 2,
      "/%_": 2,
      "/ä/日本/😀": 2,
      "/A": 2,
      "/a": 2,
      "/a%20": 2,
    });
  });

  test("counts a request once, however often it is delivered", async () => {
    const { hit } = await bench(await server(engine));
    await hit("/twice", { requestId: "same" });
    expect(counts(await hit("/twice", { requestId: "same" }))).toEqual({ "/twice": 1 });
  });

  test("tells request ids apart by case", async () => {
    const { hit } = await bench(await server(engine));
    await hit("/", { requestId: "AbC=" });
    expect(counts(await hit("/", { requestId: "aBc=" }))).toEqual({ "/": 2 });
  });

  test("keeps its connection, and replaces it when it was cut", async () => {
    const here = await server(engine);
    const { hit, user } = await bench(here);
    await hit("/");
    await hit("/");
    expect(await killConnections(here, user)).toBe(1);
    expect(counts(await hit("/"))).toEqual({ "/": 3 });
    expect((await hit("/", { accept: "text/html" })).body).toContain(
      "4 requests over 2 connections",
    );
  });

  test("sends text, so that a proxy has nothing to pin, and sets nothing in its session", async () => {
    const here = await server(engine);
    const { hit } = await bench(here);
    const prepared = async () => {
      const [row] = await here.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'");
      return Number(row?.["Value"]);
    };
    const before = await prepared();
    await hit("/");
    await hit("/");
    expect(await prepared()).toBe(before);
  });

  test("reads its secret again when the password was rotated", async () => {
    const here = await server(engine);
    const database = await here.database();
    const account = await here.user({ database });
    const { hit, log } = await bench(here, {
      database,
      secrets: [
        { username: account.user, password: "the old one" },
        { username: account.user, password: account.password },
      ],
    });
    expect(counts(await hit("/"))).toEqual({ "/": 1 });
    expect(log).toEqual([]);
  });

  test("that is not let in says that it failed, and why in the log only", async () => {
    const here = await server(engine);
    const wrong = { username: "nobody-here", password: "not it" };
    const { hit, log } = await bench(here, { secrets: [wrong, wrong] });
    const response = await hit("/", { requestId: "denied-1" });
    expect(response.statusCode).toBe(500);
    expect(JSON.parse(response.body)).toEqual({
      message: "The hit could not be counted.",
      requestId: "denied-1",
    });
    expect(log).toMatchObject([{ level: "error", requestId: "denied-1", errno: 1045 }]);
    expect(JSON.stringify(log)).not.toContain("not it");
  });

  test("tells clients when to come back where the server has no room", async () => {
    const here = await server(engine);
    const database = await here.database();
    const account = await here.user({ database, clause: "WITH MAX_USER_CONNECTIONS 1" });
    const secret = { username: account.user, password: account.password };
    const first = await bench(here, { database, secrets: [secret] });
    expect((await first.hit("/")).statusCode).toBe(200);
    const second = await bench(here, { database, secrets: [secret] });
    const response = await second.hit("/");
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    expect(second.log).toMatchObject([{ level: "warn", kind: "busy" }]);
  });

  test("answers before its own time is over when the database does not, and goes on with a fresh connection", async () => {
    const here = await server(engine);
    const { hit, database } = await bench(here);
    await hit("/");
    const root = await here.root();
    try {
      await root.query(`LOCK TABLES ${database}.hits WRITE`);
      const response = await hit("/", { remainingMs: 1_500 });
      expect(response.statusCode).toBe(503);
    } finally {
      root.destroy();
    }
    expect((await hit("/")).statusCode).toBe(200);
  });

  test("verifies who it talks to where it was given an authority", async () => {
    const here = await server(engine);
    const trusting = await bench(here, { tls: "require", caFile: null });
    expect((await trusting.hit("/")).statusCode).toBe(200);
    const strict = await bench(here, { tls: "verify", caFile: null });
    expect((await strict.hit("/")).statusCode).toBe(500);
  });
});

test("a proxy that cannot be reached is a 503, not a hanging request", async () => {
  const here = await server("mariadb");
  const { hit, log } = await bench(here, { port: 1 });
  const response = await hit("/");
  expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
  expect(log).toMatchObject([{ level: "warn", code: "ECONNREFUSED" }]);
});
