import type { Connection } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { rows, withLogin } from "../../local/database-login.ts";
import {
  type AuroraCluster,
  ClusterControl,
  checkLoad,
  describeAurora,
  ENGINES,
  failOver,
  findCluster,
  Load,
  startAuroraCluster,
  summarise,
} from "../../local/index.ts";
import { until } from "../support/until.ts";

let aurora: AuroraCluster | null = null;

afterEach(async () => {
  await aurora?.stop();
  aurora = null;
});

describe.each(ENGINES)("a failover of a local %s cluster", (engine) => {
  test.each(["planned", "crash", "cut"] as const)(
    "loses and doubles no answered write when it is %s",
    async (mode) => {
      aurora = await startAuroraCluster({ engine });
      const { login } = describeAurora(aurora);
      const load = await Load.start({ login });
      const written = () => load.answered.size;
      await until(() => written() > 100, { what: "a hundred writes" });
      aurora.setPromotionTier("local-3", 0);
      const steps = await failOver(aurora, { mode, promotionSeconds: 0.5, dnsSeconds: 0.1 });
      const afterwards = written();
      await until(() => written() > afterwards + 100, { what: "a hundred writes more" });
      await load.stop();

      expect(aurora.writer.id).toBe("local-3");
      expect(aurora.instances.every(({ pid }) => pid > 0)).toBe(true);
      const { host, port } = aurora.writer;
      const check = await checkLoad(load, { ...login, host, port });
      expect(check).toMatchObject({ missing: [], doubled: [] });
      expect(check.answered).toBeGreaterThan(200);
      for (const reader of aurora.readers) {
        // Everybody has everything in the end, the former writer too.
        const { port: at } = reader;
        await until(
          async () => (await checkLoad(load, { ...login, port: at })).missing.length === 0,
          { what: `all writes on ${reader.id}` },
        );
      }
      const { timeline, failed } = summarise(load.requests, steps, []);
      expect(failed).toBeGreaterThan(0); // Nobody hides a failover from this load.
      const at = (event: string) => timeline.find((row) => row.event === event)?.seconds ?? -1;
      expect(at("new writer accepts writes")).toBeGreaterThan(0.49); // Timers may be a little early.
      expect(at("first write served again")).toBeGreaterThan(at("new writer accepts writes"));
    },
  );
});

describe.each(ENGINES)("a former %s writer", (engine) => {
  test("that has writes which nobody was ever told of comes back without them", async () => {
    const said: string[] = [];
    aurora = await startAuroraCluster({ engine, say: (line) => said.push(line) });
    const { cluster } = aurora;
    const former = cluster.writer.id;
    const at = <T>(id: string, work: (connection: Connection) => Promise<T>) =>
      withLogin({ ...cluster.server(id).login, database: "app" }, work);
    await at(former, async (connection) => {
      await connection.query("CREATE TABLE told (n INT PRIMARY KEY)");
      await connection.query("INSERT INTO told VALUES (1)");
    });
    const stop = engine === "mysql" ? "STOP REPLICA IO_THREAD" : "STOP SLAVE IO_THREAD";
    for (const { id } of cluster.readers) await at(id, (reader) => reader.query(stop));
    const before = await loggedAt(former);
    const lost = at(former, (connection) => connection.query("INSERT INTO told VALUES (2)")).then(
      () => "answered",
      () => "not answered",
    );
    // It is in the writer's log, and waits for a reader that has it, too.
    await until(async () => (await loggedAt(former)) !== before, { what: "the write" });
    await cluster.kill(former);
    expect(await lost).toBe("not answered");
    await aurora.cluster.promote("local-2");
    await at("local-2", (connection) => connection.query("INSERT INTO told VALUES (3)"));
    await cluster.restart(former);
    expect(said.join()).toContain(`${former} has transactions that were never answered`);
    await until(async () => {
      const found = await at(former, (connection) =>
        rows(connection, "SELECT n FROM told ORDER BY n"),
      );
      expect(found.map(({ n }) => n)).toEqual([1, 3]);
      return true;
    });
    expect(await cluster.replication(former).status()).toMatchObject({ running: true });

    /** How long the log is, with what has not been committed yet. */
    async function loggedAt(id: string): Promise<string> {
      const sql = engine === "mysql" ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
      const [row] = await at(id, (connection) => rows(connection, sql));
      return String(row?.["Position"]);
    }
  });
});

test("another process finds a cluster, asks for a failover, and is told its timeline", async () => {
  aurora = await startAuroraCluster({ engine: "mariadb", instances: 2 });
  const control = await ClusterControl.start(aurora);
  try {
    const found = await findCluster();
    expect(found?.pid).toBe(process.pid);
    expect((await found!.describe()).instances.map(({ role }) => role)).toEqual([
      "writer",
      "reader",
    ]);
    await expect(found!.failOver({ target: "local-9" })).rejects.toThrow("no reader local-9 runs");
    const steps = await found!.failOver({ promotionSeconds: 0 });
    expect(steps.map(({ step }) => step).at(-1)).toBe("completed");
    expect((await found!.describe()).instances[0]!.role).toBe("reader");
  } finally {
    await control.stop();
  }
});
