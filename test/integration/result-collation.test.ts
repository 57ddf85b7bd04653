import type { FieldPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { startProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";

async function collationOf(client: Connection): Promise<number> {
  const [, fields] = await client.query("SELECT 'text' AS t");
  return (fields as (FieldPacket & { characterSet: number })[])[0]!.characterSet;
}

describe.each(ENGINES)("results of %s", (engine) => {
  it("name the collation of their session's login, whoever had the backend before", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const charsets = ["UTF8MB4_UNICODE_CI", "UTF8MB4_BIN", "LATIN1_GERMAN1_CI"];
    for (const charset of [...charsets, ...charsets.toReversed()]) {
      const direct = await target.root();
      await direct.changeUser({ charset });
      const client = await proxy.connect({ charset });
      expect(await collationOf(client)).toBe(await collationOf(direct));
      await client.query("SET NAMES utf8mb4");
      await direct.query("SET NAMES utf8mb4");
      expect(await collationOf(client)).toBe(await collationOf(direct));
      await client.end();
      await direct.end();
    }
    expect(proxy.backends).toBe(1);
  });

  it("name the collation of SET NAMES, and after a reset what the server would", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const other = await proxy.connect({ charset: "LATIN1_BIN" });
    const direct = await target.root();
    await direct.changeUser({ charset: "UTF8MB4_BIN" });
    const client = await proxy.connect({ charset: "UTF8MB4_BIN" });
    const same = async (): Promise<void> => {
      await collationOf(other);
      expect(await collationOf(client)).toBe(await collationOf(direct));
    };
    await same();
    for (const both of [client, direct])
      await both.query("SET NAMES utf8mb3 COLLATE utf8mb3_unicode_ci");
    await same();
    for (const both of [client, direct])
      await expect(both.query("SET NAMES nothing_like_it")).rejects.toMatchObject({ errno: 1115 });
    await same();
    for (const both of [client, direct]) await both.query("SET character_set_results = utf8mb3");
    await same();
    for (const both of [client, direct]) await both.reset();
    await same();
    expect(proxy.backends).toBe(1);
    await direct.end();
  });

  it("say of kept warnings what the server says of its own after a change of character set", async () => {
    const target = await server(engine);
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const other = await proxy.connect();
    const [direct, client] = [await target.root(), await proxy.connect()];
    const said: unknown[] = [];
    for (const each of [direct, client]) {
      await expect(each.query("SELECT * FROM nowhere.nothing")).rejects.toThrow();
      await other.query("SELECT 1");
      await each.query("SET NAMES latin1 COLLATE latin1_bin");
      const [found, fields] = await each.query("SHOW WARNINGS");
      const sizes = (fields as (FieldPacket & { characterSet: number })[]).map((field) => [
        field.name,
        field.characterSet,
        field.columnLength,
      ]);
      said.push([(found as unknown[]).length, sizes]);
    }
    expect(said[1]).toEqual(said[0]);
    await direct.end();
  });
});
