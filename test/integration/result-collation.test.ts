import type { FieldPacket } from "mysql2";
import { describe, expect, it } from "vitest";
import { startProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";

async function collationOfResults(
  client: Awaited<ReturnType<Awaited<ReturnType<typeof startProxy>>["connect"]>>,
): Promise<number> {
  const [, fields] = await client.query("SELECT 'text' AS t");
  return (fields as (FieldPacket & { characterSet: number })[])[0]!.characterSet;
}

describe("results of MySQL", () => {
  it("name the collation of their session's login, whoever had the backend before", async () => {
    const target = await server("mysql");
    await using proxy = await startProxy(target, { spec: { pool: { maxConnections: 1 } } });
    const charsets = ["UTF8MB4_UNICODE_CI", "UTF8MB4_BIN", "LATIN1_GERMAN1_CI"];
    for (const charset of [...charsets, ...charsets.toReversed()]) {
      const direct = await target.root();
      await direct.changeUser({ charset });
      const client = await proxy.connect({ charset });
      expect(await collationOfResults(client)).toBe(await collationOfResults(direct));
      await client.query("SET NAMES utf8mb4");
      await direct.query("SET NAMES utf8mb4");
      expect(await collationOfResults(client)).toBe(await collationOfResults(direct));
      await client.end();
      await direct.end();
    }
    expect(proxy.backends).toBe(1);
  });
});
