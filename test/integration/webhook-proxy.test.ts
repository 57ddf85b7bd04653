import { createConnection } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { server, type TestServer } from "../support/servers.ts";
import { ServingProxy } from "../support/serving-proxy.ts";
import { counts, killConnections, WebhookBench } from "../support/webhook-bench.ts";

let databases = 0;
const proxies: ServingProxy[] = [];
const open: WebhookBench[] = [];

afterEach(async () => {
  for (const webhook of open.splice(0)) webhook.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

interface Bench {
  readonly user: string;
  readonly password: string;
  readonly proxy: ServingProxy;
  /** Another execution environment of the same function. */
  environment(): WebhookBench;
  /** The same proxy again, on the same port. */
  restart(): Promise<void>;
}

async function bench(here: TestServer, pool: Record<string, unknown> = {}): Promise<Bench> {
  const database = `proxied_${process.pid}_${++databases}`;
  const { user, password } = await here.user({ database });
  const start = async (port: number): Promise<ServingProxy> => {
    const proxy = await ServingProxy.start({
      endpoints: [{ name: "default", port }],
      auth: [{ username: user, password: { value: password } }],
      target: {
        hosts: [`${here.host}:${here.port}`],
        monitor: { username: "monitor", password: { value: here.password } },
      },
      pool,
      admin: { port: 0 },
    });
    proxies.push(proxy);
    return proxy;
  };
  const proxy = await start(0);
  const { host, port } = proxy;
  return {
    user,
    password,
    proxy,
    environment: () => {
      const settings = {
        secretId: "test",
        host,
        port,
        tls: "require",
        caFile: null,
        database,
      } as const;
      const webhook = new WebhookBench(settings, [{ username: user, password }]);
      open.push(webhook);
      return webhook;
    },
    restart: async () => {
      await start(port);
    },
  };
}

async function backends(here: TestServer, user: string): Promise<number> {
  const found = await here.sql(
    `SELECT id FROM information_schema.processlist WHERE user = '${user}'`,
  );
  return found.length;
}

describe.each(ENGINES)("the webhook through the proxy to %s", (engine) => {
  test("counts every path and pins nothing", async () => {
    const { environment, proxy } = await bench(await server(engine));
    const webhook = environment();
    await webhook.hit("/a");
    await webhook.hit("/b");
    expect(counts(await webhook.hit("/a"))).toEqual({ "/a": 2, "/b": 1 });
    expect(await proxy.view("pins")).toEqual({ pins: [] });
  });

  test("shares two database connections between twelve environments", async () => {
    const here = await server(engine);
    const { environment, user } = await bench(here, { maxConnections: 2 });
    const environments = Array.from({ length: 12 }, environment);
    await environments[0]!.hit("/first");
    for (const round of ["/one", "/two", "/three"]) {
      const answers = await Promise.all(environments.map((each) => each.hit(round)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(environments.map(() => 200));
      expect(await backends(here, user)).toBeLessThanOrEqual(2);
    }
    expect(counts(await environments[0]!.hit("/last"))).toEqual({
      "/first": 1,
      "/one": 12,
      "/two": 12,
      "/three": 12,
      "/last": 1,
    });
  });

  test("goes on when the database connections are cut", async () => {
    const here = await server(engine);
    const { environment, user } = await bench(here);
    const webhook = environment();
    await webhook.hit("/");
    expect(await killConnections(here, user)).toBeGreaterThan(0);
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 2 });
  });

  test("says to come back while the proxy is away, and finds it again", async () => {
    const { environment, proxy, restart } = await bench(await server(engine));
    const webhook = environment();
    expect((await webhook.hit("/")).statusCode).toBe(200);
    await proxy.stop();
    const away = await webhook.hit("/");
    expect([away.statusCode, away.headers["retry-after"]]).toEqual([503, "5"]);
    await restart();
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 2 });
  });

  test("says to come back when no database connection is to be had in time", async () => {
    const limits = { maxConnections: 1, connectionBorrowTimeout: 1 };
    const { environment, proxy, user, password } = await bench(await server(engine), limits);
    const webhook = environment();
    const { host, port } = proxy;
    const holder = await createConnection({ host, port, user, password });
    await holder.query("BEGIN");
    await holder.query("SELECT 1");
    const full = await webhook.hit("/");
    expect([full.statusCode, full.headers["retry-after"]]).toEqual([503, "5"]);
    expect(webhook.log).toMatchObject([{ level: "warn", kind: "busy", errno: 9501 }]);
    await holder.query("ROLLBACK");
    holder.destroy();
    expect(counts(await webhook.hit("/"))).toEqual({ "/": 1 });
  });
});
