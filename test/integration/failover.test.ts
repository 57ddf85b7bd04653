import type { Connection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/index.ts";
import { type FailoverBench, startFailoverBench } from "../support/failover-bench.ts";
import { NumberedWrites } from "../support/numbered-writes.ts";
import { until } from "../support/until.ts";

/** More rounds of everything: `npm run test:failover`. */
const ROUNDS = Number(process.env["SLUICE_FAILOVER_ROUNDS"] ?? "1");
const NOTHING_WRONG = { missing: [], twice: [] };

let tables = 0;

function freshTable(): string {
  tables += 1;
  return `written_${tables}`;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: { code?: string; errno?: number }) => error.code ?? String(error.errno),
  );
}

/** Where a statement ran. */
async function portOf(connection: Connection): Promise<number> {
  const [rows] = await connection.query("SELECT @@port AS port");
  return Number((rows as { port: number }[])[0]?.port);
}

describe.each(ENGINES)("failover on %s", (engine) => {
  let bench: FailoverBench;

  beforeAll(async () => {
    bench = await startFailoverBench(engine);
  });

  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    for (const { id, pid } of bench.cluster.instances)
      if (pid === 0) await bench.cluster.restart(id);
    await bench.settled();
    return () => expect(bench.proxy.bugs).toEqual([]);
  });

  function reader(): string {
    return bench.cluster.readers[0]!.id;
  }

  describe.each(Array.from({ length: ROUNDS }, (_, i) => i + 1))("round %i", () => {
    test("planned, under load: nobody sees an error, nothing is lost, nothing is written twice", async () => {
      const writes = await NumberedWrites.start(bench, freshTable(), 8);
      await writes.more(200);
      const counts = async () =>
        Promise.all(
          ["waited", "retried", "failed"].map((what) =>
            bench.proxy.metric(`sluice_failover_requests_${what}`),
          ),
        );
      const [waited = 0, retried = 0, failed = 0] = await counts();
      const changes = bench.events("writer-changed").length;
      const next = reader();
      await bench.cluster.promote(next);
      await writes.more(200);
      await writes.stop();
      expect(writes.failures).toEqual([]);
      const after = await counts();
      const met = (after[0] ?? 0) - waited + (after[1] ?? 0) - retried;
      // Who was refused was sent again, who came later waited: each client once for each change, in one class.
      expect(met).toBeGreaterThan(0);
      expect(met).toBeLessThanOrEqual(8 * (bench.events("writer-changed").length - changes));
      expect(after[2]).toBe(failed);
      expect(await writes.account()).toEqual(NOTHING_WRONG);
      await bench.settled();
      expect(bench.writer).toBe(next);
    });

    test("planned, again and again under load: as if it were once", async () => {
      const writes = await NumberedWrites.start(bench, freshTable(), 4);
      for (let move = 0; move < 4; move += 1) {
        await bench.cluster.promote(reader());
        await writes.more(50);
      }
      await writes.stop();
      expect(writes.failures).toEqual([]);
      expect(await writes.account()).toEqual(NOTHING_WRONG);
    });

    test("a crash, under load: errors only for what was running, nothing acknowledged is lost", async () => {
      const writes = await NumberedWrites.start(bench, freshTable(), 8);
      await writes.more(200);
      const [former, next] = [bench.cluster.writer.id, reader()];
      await bench.cluster.kill(former);
      await bench.cluster.promote(next);
      await writes.more(200);
      await writes.stop();
      // Each client had at most one statement under way.
      expect(writes.failures.length).toBeLessThanOrEqual(8);
      expect(writes.failures.map(({ errno }) => errno)).not.toContain(1290);
      expect(await writes.account()).toEqual(NOTHING_WRONG);
    });

    test("an idle client notices nothing, and its state is on the new writer", async () => {
      const client = await bench.connect();
      await client.query("SET SESSION sql_mode = 'ANSI_QUOTES'");
      await bench.cluster.promote(reader());
      await bench.settled();
      const [rows] = await client.query("SELECT @@sql_mode AS mode, @@port AS port");
      expect(rows).toEqual([{ mode: "ANSI_QUOTES", port: bench.cluster.writer.port }]);
    });

    test("an open transaction ends with the connection, and its writes with it", async () => {
      const table = freshTable();
      const client = await bench.connect();
      await client.query(`CREATE TABLE ${table} (n INT)`);
      await client.query("BEGIN");
      await client.query(`INSERT INTO ${table} VALUES (1)`);
      await bench.cluster.promote(reader());
      expect(await codeOf(client.query(`INSERT INTO ${table} VALUES (2)`))).toBe(
        "PROTOCOL_CONNECTION_LOST",
      );
      const again = await bench.connect();
      const [rows] = await again.query(`SELECT * FROM ${table}`);
      expect(rows).toEqual([]);
    });

    test("a pinned session that rests is closed: what pinned it is gone", async () => {
      const client = await bench.connect();
      await client.query("SET @mine = 1");
      await bench.cluster.promote(reader());
      await until(() => bench.proxy.session(client) === undefined);
      expect(await codeOf(client.query("SELECT @mine"))).not.toBe("no error");
    });

    test("requests wait while there is no writer, and new clients come in", async () => {
      const next = reader();
      await bench.cluster.kill(bench.cluster.writer.id);
      await until(() => bench.writer === null);
      const clients = await Promise.all(Array.from({ length: 20 }, () => bench.connect()));
      const table = freshTable();
      const created = clients[0]!.query(`CREATE TABLE ${table} (n INT)`);
      const waiting = clients.slice(1).map((client) => client.query("SELECT 1"));
      await until(() => bench.waiting === 20);
      const waited = () => bench.proxy.metric("sluice_failover_requests_waited");
      const before = await waited();
      await bench.cluster.promote(next);
      await Promise.all([created, ...waiting]);
      expect((await waited()) - before).toBe(20);
      expect(bench.events("writer-changed").at(-1)).toMatchObject({
        to: bench.targetOf(next),
      });
    });

    test("a storm of logins during a failover: everybody gets in and is served", async () => {
      const comers = Array.from({ length: 150 }, async (_, i) => {
        if (i === 50) await bench.cluster.promote(reader());
        const client = await bench.connect();
        await client.query("SELECT 1");
        client.destroy();
      });
      await Promise.all(comers);
      await bench.settled();
    });

    test("a storm of logins during a crash: everybody gets in and is served", async () => {
      const former = bench.cluster.writer.id;
      const comers = Array.from({ length: 100 }, async (_, i) => {
        if (i === 30) {
          await bench.cluster.kill(former);
          await bench.cluster.promote(reader());
        }
        const client = await bench.connect();
        // One that was running when the writer died may fail; its connection is closed then.
        const answered = await client.query("SELECT 1").then(
          () => true,
          (error: { code?: string }) => error.code !== "PROTOCOL_CONNECTION_LOST",
        );
        if (!answered) await (await bench.connect()).query("SELECT 1");
        client.destroy();
      });
      await Promise.all(comers);
      await bench.settled();
      expect(bench.writer).not.toBe(former);
    });

    test("a new writer that crashes before anybody has come to rest: nothing acknowledged is lost", async () => {
      const writes = await NumberedWrites.start(bench, freshTable(), 8);
      await writes.more(100);
      const dead: string[] = [];
      for (let crash = 0; crash < 2; crash += 1) {
        dead.push(bench.cluster.writer.id);
        const next = bench.cluster.readers.find(({ id }) => !dead.includes(id))!.id;
        await bench.cluster.kill(bench.cluster.writer.id);
        await bench.cluster.promote(next);
      }
      await writes.more(100);
      await writes.stop();
      expect(writes.failures.length).toBeLessThanOrEqual(16);
      expect(writes.failures.map(({ errno }) => errno)).not.toContain(1290);
      expect(await writes.account()).toEqual(NOTHING_WRONG);
    });

    test("readers exist and none answers for longer than the borrow timeout: error 9501", async () => {
      await bench.proxy.apply({ pool: { connectionBorrowTimeout: 1 } });
      const client = await bench.connect("reader");
      const failed = () => bench.proxy.metric("sluice_failover_requests_failed");
      const before = await failed();
      const lost = bench.cluster.readers.map(({ id }) => id);
      await Promise.all(lost.map((id) => bench.cluster.kill(id)));
      await until(() => bench.readers.length === 0);
      await expect(client.query("SELECT 1")).rejects.toMatchObject({ errno: 9501 });
      expect(await failed()).toBe(before + 1);
      await bench.proxy.apply({ pool: { connectionBorrowTimeout: 120 } });
      await bench.cluster.restart(lost[0]!);
      expect(await portOf(client)).toBe(bench.cluster.server(lost[0]!).port);
    });

    test("a session pinned to a reader that is lost ends, and another one is served at once", async () => {
      const client = await bench.connect("reader");
      await client.query("SET @mine = 1");
      const first = await portOf(client);
      const lost = bench.cluster.readers.find(({ port }) => port === first)!;
      await bench.cluster.kill(lost.id);
      expect(await codeOf(client.query("SELECT @mine"))).not.toBe("no error");
      expect(await portOf(await bench.connect("reader"))).not.toBe(first);
    });

    test("who waits for longer than the borrow timeout is told so, and served later", async () => {
      await bench.proxy.apply({ pool: { connectionBorrowTimeout: 1 } });
      const client = await bench.connect();
      const former = bench.cluster.writer.id;
      await bench.cluster.kill(former);
      await until(() => bench.writer === null);
      await expect(client.query("SELECT 1")).rejects.toMatchObject({ errno: 9501 });
      await bench.proxy.apply({ pool: { connectionBorrowTimeout: 120 } });
      await bench.cluster.restart(former);
      await client.query("SELECT 1");
      expect(await portOf(client)).toBe(bench.cluster.writer.port);
    });

    test("a writer that is silently gone is found out by probes; who hung on it is let go", async () => {
      const next = reader();
      const idle = await bench.connect();
      const stuck = await bench.connect();
      const error = codeOf(stuck.query("SELECT SLEEP(100)"));
      await until(() => bench.proxy.session(stuck)?.state === "running");
      const former = bench.cluster.writer;
      try {
        process.kill(former.pid, "SIGSTOP");
        await until(() => bench.writer === null, { what: "the silence" });
        const waiting = idle.query("SELECT @@port AS port");
        await bench.forcePromote(next);
        expect((await waiting)[0]).toEqual([{ port: bench.cluster.server(next).port }]);
        expect(await error).toBe("PROTOCOL_CONNECTION_LOST");
        process.kill(former.pid, "SIGCONT");
        // It comes back and would still take writes: it gets none.
        await until(() => bench.describe(former.id) === "It takes writes and is not the writer.");
        expect(await portOf(idle)).toBe(bench.cluster.server(next).port);
      } finally {
        process.kill(former.pid, "SIGCONT");
        await bench.cluster.restart(next);
      }
    });

    test("the numbers of a reader that becomes the writer by way of no role are under its new role alone", async () => {
      const [former, next] = [bench.cluster.writer.id, reader()];
      const limit = (role: string) =>
        bench.proxy.metric("sluice_max_database_connections_allowed", {
          target: bench.targetOf(next),
          target_role: role,
        });
      try {
        await bench.forcePromote(next);
        await until(() => bench.describe(next) === "It takes writes and is not the writer.");
        await until(async () => (await limit("READ_ONLY")) === 0);
        await bench.cluster.kill(former);
        await until(() => bench.writer === next);
        await until(async () => (await limit("READ_WRITE")) > 0);
        expect(await limit("READ_ONLY")).toBe(0);
      } finally {
        await bench.cluster.restart(former);
        await bench.cluster.restart(next);
      }
    });

    test("reads go to readers, stay at one, and go to another when it is lost", async () => {
      const client = await bench.connect("reader");
      const first = await portOf(client);
      const ports = bench.cluster.readers.map(({ port }) => port);
      expect(ports).toContain(first);
      for (let again = 0; again < 5; again += 1) expect(await portOf(client)).toBe(first);
      const lost = bench.cluster.readers.find(({ port }) => port === first)!;
      await bench.cluster.kill(lost.id);
      await until(() => bench.readers.length === 1);
      expect(await portOf(client)).toBe(ports.find((port) => port !== first));
    });

    test("a reader that becomes the writer leaves the readers", async () => {
      const client = await bench.connect("reader");
      await portOf(client);
      for (let move = 0; move < 2; move += 1) {
        await bench.cluster.promote(reader());
        await bench.settled();
        expect(await portOf(client)).not.toBe(bench.cluster.writer.port);
      }
    });

    test("a planned failover among readers under load: no read fails, and none is at the writer for long", async () => {
      const clients = await Promise.all(Array.from({ length: 6 }, () => bench.connect("reader")));
      const ports: number[] = [];
      let over = false;
      const reading = clients.map(async (client) => {
        while (!over) ports.push(await portOf(client));
      });
      await until(() => ports.length > 100);
      await bench.cluster.promote(reader());
      await bench.settled();
      const settledAt = ports.length;
      await until(() => ports.length > settledAt + 100);
      over = true;
      await Promise.all(reading);
      // One answer of each client may have been on its way.
      expect(ports.slice(settledAt + clients.length)).not.toContain(bench.cluster.writer.port);
    });

    test("all readers gone: reads wait for one, and never go to the writer", async () => {
      const client = await bench.connect("reader");
      const lost = bench.cluster.readers.map(({ id }) => id);
      await Promise.all(lost.map((id) => bench.cluster.kill(id)));
      await until(() => bench.readers.length === 0);
      const read = portOf(client);
      await until(() => bench.waiting === 1);
      await bench.cluster.restart(lost[0]!);
      expect(await read).toBe(bench.cluster.server(lost[0]!).port);
    });

    test("the whole cluster gone and back: requests wait, nothing else", async () => {
      const client = await bench.connect();
      const ids = bench.cluster.instances.map(({ id }) => id);
      await Promise.all(ids.map((id) => bench.cluster.kill(id)));
      await until(() => bench.writer === null && bench.readers.length === 0);
      const answer = client.query("SELECT 1 AS one");
      await until(() => bench.waiting === 1);
      await bench.cluster.restart(bench.cluster.writer.id);
      expect((await answer)[0]).toEqual([{ one: 1 }]);
    });
  });

  test("a cluster without readers says so at once", async () => {
    await using single = await startFailoverBench(engine, { instances: 1 });
    await expect(single.connect("reader")).rejects.toMatchObject({
      errno: 1105,
      message: "The target group doesn't have any associated read-only instances",
    });
  });
});
