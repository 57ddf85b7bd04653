import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { startProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";
import { until } from "../support/until.ts";

describe.each(ENGINES)("a text that begins with KILL, with %s behind", (engine) => {
  it("is answered for each of its statements", async () => {
    await using proxy = await startProxy(await server(engine));
    const victim = await proxy.connect();
    const killer = await proxy.connect({ multipleStatements: true });
    const [results] = await killer.query(`KILL ${victim.threadId}; SELECT 1 AS one`);
    expect(results).toMatchObject([{ affectedRows: 0 }, [{ one: 1 }]]);
    await until(() => proxy.session(victim) === undefined, { what: "the end of the victim" });
    await expect(victim.query("SELECT 1")).rejects.toThrow();
  });

  it("kills a statement that runs", async () => {
    await using proxy = await startProxy(await server(engine));
    const victim = await proxy.connect();
    const killer = await proxy.connect({ multipleStatements: true });
    const sleeping = victim.query("SELECT COUNT(*) FROM (SELECT 1 AS a) t WHERE SLEEP(60) = 0");
    const interrupted = expect(sleeping).rejects.toThrow(/interrupted/);
    await until(() => proxy.session(victim)?.state === "running", { what: "a running statement" });
    const [results] = await killer.query(
      `KILL QUERY ${victim.threadId}; SELECT 1 AS one; SELECT 2 AS two`,
    );
    expect(results).toMatchObject([{}, [{ one: 1 }], [{ two: 2 }]]);
    await interrupted;
    expect((await victim.query("SELECT 1 AS still"))[0]).toEqual([{ still: 1 }]);
  });

  it("says no to who may not kill, and runs nothing of the rest", async () => {
    const target = await server(engine);
    const database = await target.database();
    const users = [await target.user({ database }), await target.user({ database })];
    await using proxy = await startProxy(target, { users, database });
    const victim = await proxy.connect();
    const stranger = await proxy.connect({ ...users[1]!, multipleStatements: true });
    await stranger.query("CREATE TABLE t (a INT)");
    await expect(
      stranger.query(`KILL ${victim.threadId}; INSERT INTO t VALUES (1)`),
    ).rejects.toMatchObject({ errno: 1095 });
    expect((await stranger.query("SELECT * FROM t"))[0]).toEqual([]);
    expect((await victim.query("SELECT 1 AS alive"))[0]).toEqual([{ alive: 1 }]);
  });
});
