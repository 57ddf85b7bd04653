import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { counts, killConnections, WebhookBench } from "../support/webhook-bench.ts";

const open: WebhookBench[] = [];

afterEach(() => {
  for (const webhook of open.splice(0)) webhook.close();
});

/** An execution environment of the function, whose tables are in the proxy's database. */
function environmentOf(proxy: TestProxy): WebhookBench {
  const { host, port, user, password, database } = proxy.login;
  const settings = {
    secretId: "test",
    host,
    port,
    tls: "require",
    caFile: null,
    keyId: null,
    database,
  } as const;
  const webhook = new WebhookBench(settings, [{ username: user, password }]);
  open.push(webhook);
  return webhook;
}

async function backendsOf(here: TestServer, user: string): Promise<number> {
  const query = `SELECT id FROM information_schema.processlist WHERE user = '${user}'`;
  return (await here.sql(query)).length;
}

describe.each(ENGINES)("the webhook through the proxy to %s", (engine) => {
  test("counts every path and pins nothing", async () => {
    await using proxy = await startProxy(await server(engine));
    const webhook = environmentOf(proxy);
    await webhook.hit("/a");
    await webhook.hit("/b");
    expect(counts(await webhook.hit("/a"))).toEqual({ "/a": 2, "/b": 1 });
    expect(proxy.view.pins()).toEqual([]);
    expect(proxy.bugs).toEqual([]);
  });

  test("shares two database connections between twelve environments", async () => {
    const here = await server(engine);
    await using proxy = await startProxy(here, { spec: { pool: { maxConnections: 2 } } });
    const environments = Array.from({ length: 12 }, () => environmentOf(proxy));
    await environments[0]!.hit("/first");
    for (const round of ["/one", "/two", "/three"]) {
      const answers = await Promise.all(environments.map((each) => each.hit(round)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(environments.map(() => 200));
      expect(await backendsOf(here, proxy.login.user)).toBeLessThanOrEqual(2);
    }
    const last = counts(await environments[0]!.hit("/last"));
    expect(last).toEqual({ "/first": 1, "/one": 12, "/two": 12, "/three": 12, "/last": 1 });
  });

  test("goes on when the database connections are cut", async () => {
    const here = await server(engine);
    await using proxy = await startProxy(here);
    const webhook = environmentOf(proxy);
    await webhook.hit("/");
    expect(await killConnections(here, proxy.login.user)).toBeGreaterThan(0);
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 2 });
  });

  test("says to come back while the proxy is away, and finds it again", async () => {
    const here = await server(engine);
    const first = await startProxy(here);
    const webhook = environmentOf(first);
    expect((await webhook.hit("/")).statusCode).toBe(200);
    await first[Symbol.asyncDispose]();
    const away = await webhook.hit("/");
    expect([away.statusCode, away.headers["retry-after"]]).toEqual([503, "5"]);
    const { host, port } = webhook.settings;
    const spec = { endpoints: [{ name: "default", host, port }] };
    await using second = await startProxy(here, {
      database: first.database,
      users: first.users,
      spec,
    });
    expect(second.port).toBe(port);
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 2 });
  });

  test("says to come back when no database connection is to be had in time", async () => {
    const pool = { maxConnections: 1, connectionBorrowTimeout: 1 };
    await using proxy = await startProxy(await server(engine), { spec: { pool } });
    const webhook = environmentOf(proxy);
    const holder = await proxy.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT 1");
    const full = await webhook.hit("/");
    expect([full.statusCode, full.headers["retry-after"]]).toEqual([503, "5"]);
    expect(webhook.log).toMatchObject([{ level: "warn", kind: "busy", errno: 9501 }]);
    await holder.query("ROLLBACK");
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 1 });
  });
});
