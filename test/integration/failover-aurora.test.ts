import { mkdtemp, rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createInstanceFinder } from "../../bin/instance-addresses.ts";
import { type AuroraCluster, startAuroraCluster } from "../../local/aurora-cluster.ts";
import { ENGINES, makeTlsFiles } from "../../local/index.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { RdsApi } from "../support/rds-api.ts";
import type { TestServer } from "../support/servers.ts";
import { until } from "../support/until.ts";

describe.each(ENGINES)("a proxy before an Aurora cluster on %s", (engine) => {
  let aurora: AuroraCluster;
  let proxy: TestProxy;

  beforeAll(async () => {
    aurora = await startAuroraCluster({ engine, instances: 3 });
    const { application, monitor } = aurora.cluster.accounts;
    const { user, password, database } = application;
    const { host, port } = aurora.endpoint;
    proxy = await startProxy({ engine, host, port, password: monitor.password } as TestServer, {
      users: [{ user, password }],
      database,
      spec: {
        endpoints: [
          { name: "default", host: "127.0.0.1", port: 0 },
          { name: "reader", host: "127.0.0.1", port: 0, targetRole: "READ_ONLY" },
        ],
        target: {
          topology: "aurora",
          instances: Object.fromEntries(
            aurora.instances.map((instance) => [instance.id, `127.0.0.1:${instance.port}`]),
          ),
        },
      },
    });
    await knows("local-1");
  });

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await aurora?.stop();
  });

  function roles(): Record<string, string> {
    const { targets } = proxy.view.state(0);
    return Object.fromEntries(
      targets.map(({ id, role, state }) => [id, state === "AVAILABLE" ? role : state]),
    );
  }

  async function knows(writer: string): Promise<void> {
    const ids = ["local-1", "local-2", "local-3"];
    const expected = ids.map((id) => [id, id === writer ? "READ_WRITE" : "READ_ONLY"]);
    await until(() => JSON.stringify(Object.entries(roles()).sort()) === JSON.stringify(expected), {
      what: `${writer} as the writer`,
    });
  }

  async function promote(id: string): Promise<void> {
    await aurora.cluster.promote(id);
    aurora.rolesChanged();
    aurora.repoint();
  }

  test("finds all instances from the cluster's endpoint", async () => {
    expect(Object.keys(roles()).sort()).toEqual(["local-1", "local-2", "local-3"]);
    expect(proxy.events.filter(({ kind }) => kind === "writer-changed")).toMatchObject([
      { from: null, to: "local-1" },
    ]);
  });

  test("writes go on at the new writer, without an error", async () => {
    const client = await proxy.connect();
    await client.query("CREATE TABLE moves (n INT)");
    await client.query("INSERT INTO moves VALUES (1)");
    const moved = promote("local-2");
    for (let n = 2; n < 50; n += 1) await client.query(`INSERT INTO moves VALUES (${n})`);
    await moved;
    await knows("local-2");
    await client.query("INSERT INTO moves VALUES (50)");
    const [rows] = await client.query("SELECT COUNT(DISTINCT n) AS n, COUNT(*) AS m FROM moves");
    expect(rows).toEqual([{ n: 50, m: 50 }]);
  });

  test("a second master that does not prove itself changes nothing", async () => {
    const { lies } = aurora.topology;
    const { writer } = aurora;
    const seen = proxy.events.length;
    lies.secondWriter = aurora.readers[0]!.id;
    const client = await proxy.connect();
    for (let n = 0; n < 20; n += 1) await client.query("SELECT 1");
    lies.secondWriter = null;
    await knows(writer.id);
    const moves = proxy.events.slice(seen).filter(({ kind }) => kind === "writer-changed");
    expect(
      moves.filter((event) => "to" in event && event.to !== null && event.to !== writer.id),
    ).toEqual([]);
  });

  test("a reader that lags gets no sessions until it has caught up", async () => {
    const { lies } = aurora.topology;
    const { id } = aurora.readers[0]!;
    lies.lagMs.set(id, 20_000);
    await until(() => roles()[id] === "UNAVAILABLE", { what: "the lag" });
    lies.lagMs.clear();
    await knows(aurora.writer.id);
  });

  test("finds instances by the RDS API where their names do not lead to them, and follows who comes and goes", async () => {
    await using api = await RdsApi.start();
    const list = () => {
      api.instances = aurora.instances.map(({ id, host, port }) => ({
        id,
        address: { host, port },
      }));
    };
    const known = (of: TestProxy) =>
      of.view
        .state(0)
        .targets.filter(({ state }) => state === "AVAILABLE")
        .map(({ id }) => id)
        .sort();
    const { application, monitor } = aurora.cluster.accounts;
    const { user, password, database } = application;
    const { host, port } = aurora.endpoint;
    vi.stubEnv("AWS_ENDPOINT_URL", api.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    api.fault = { code: "Throttling", message: "Rate exceeded" };
    await using found = await startProxy(
      { engine, host, port, password: monitor.password } as TestServer,
      {
        users: [{ user, password }],
        database,
        available: false,
        ports: { findInstances: createInstanceFinder({ AWS_REGION: "us-east-1" }) },
        spec: { target: { topology: "aurora", clusterIdentifier: "shop" } },
      },
    );
    await until(() => found.events.some(({ kind }) => kind === "instances-not-found"), {
      what: "the refusal",
    });
    expect(found.lines.join()).toContain("instances of the cluster shop couldn't be located");
    list();
    api.fault = null;
    const ids = () => aurora.instances.map(({ id }) => id).sort();
    await until(() => known(found).join() === ids().join(), { what: "all instances" });
    expect(new Set(api.asked)).toEqual(new Set(["db-cluster-id=shop"]));

    const { id } = await aurora.addInstance();
    list();
    await until(() => known(found).includes(id), { what: "the new reader", deadlineMs: 60_000 });
    await aurora.removeInstance(id);
    list();
    await until(() => !found.view.state(0).targets.some((target) => target.id === id), {
      what: "the end of it",
      deadlineMs: 60_000,
    });
    expect(known(found)).toEqual(ids());
    const client = await found.connect();
    await client.query("SELECT 1");
    expect(found.bugs).toEqual([]);
    vi.unstubAllEnvs();
  });

  describe("watching", () => {
    async function watcher(target: Record<string, unknown>): Promise<TestProxy> {
      const { application, monitor } = aurora.cluster.accounts;
      const { user, password, database } = application;
      const { host, port } = aurora.endpoint;
      const server = { engine, host, port, password: monitor.password } as TestServer;
      const instances = Object.fromEntries(
        aurora.instances.map((each) => [each.id, `${each.host}:${each.port}`]),
      );
      return startProxy(server, {
        users: [{ user, password }],
        database,
        available: false,
        spec: { target: { topology: "aurora", instances, ...target } },
      });
    }

    function told(of: TestProxy): unknown[] {
      return of.events.filter(({ kind }) => kind === "target-changed");
    }

    test("goes over TLS where that is asked for, with the server's name and authority checked", async () => {
      const { caFile } = aurora.cluster;
      await using secure = await watcher({ tls: "VERIFY_IDENTITY", caFile });
      await until(() => secure.view.state(0).targets.length === 3);
      await until(() => secure.view.state(0).targets.every(({ state }) => state === "AVAILABLE"));
      const client = await secure.connect();
      await client.query("SELECT 1");
      expect(await secure.metric("sluice_database_connections_with_tls")).toBeGreaterThan(0);
    });

    test("trusts no server of another authority, and says so once", async () => {
      const folder = await mkdtemp("/tmp/fo-tls-");
      try {
        const { caFile } = await makeTlsFiles(folder);
        await using wary = await watcher({ tls: "VERIFY_CA", caFile });
        await until(() => told(wary).length > 0, { what: "the complaint" });
        expect(told(wary)).toMatchObject([
          { after: { state: "UNAVAILABLE", role: "UNKNOWN" }, reason: "CONNECTION_FAILED" },
        ]);
        expect(wary.view.state(0).targets).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    test("with a password that is refused says so, and finds everybody once it is right", async () => {
      const { username, password } = { username: "monitor", password: { value: "wrong" } };
      await using denied = await watcher({ monitor: { username, password } });
      await until(() => told(denied).length > 0, { what: "the refusal" });
      expect(told(denied)).toMatchObject([{ reason: "AUTH_FAILURE" }]);
      const right = { value: aurora.cluster.accounts.monitor.password };
      await denied.apply({ target: { monitor: { username, password: right } } });
      await until(
        () =>
          denied.view.state(0).targets.filter(({ state }) => state === "AVAILABLE").length === 3,
        { what: "the targets" },
      );
    });
  });
});
