import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { commandBytes, RawClient } from "../support/raw-client.ts";
import { MAX_PAYLOAD } from "../support/response-samples.ts";
import { server } from "../support/servers.ts";
import { SideBySide } from "../support/side-by-side.ts";
import { until } from "../support/until.ts";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

describe.each(ENGINES)("TLS on both sides of a proxy to %s", (engine) => {
  it.each(VERSIONS)(
    "carries the same bytes (%s)",
    async (version) => {
      const target = await server(engine);
      await using sides = await SideBySide.start(target, { spec: { target: { tls: "REQUIRED" } } });
      const tls = { minVersion: version, maxVersion: version };
      for (const tlsAtOnce of [false, true]) {
        await sides.compare(
          async (client, note) => {
            note("small", await client.query("SELECT 1, 'two', NULL"));
            note("large", await client.query(`SELECT REPEAT('x', ${MAX_PAYLOAD + 5}), 1`));
            const long = `SELECT LENGTH('${"y".repeat(3_000_000)}') AS n`;
            note("long", (await client.query(long)).payloads.at(-2)!);
            client.send(
              Buffer.concat([
                commandBytes(Command.PING),
                commandBytes(Command.QUERY, "SELECT REPEAT('z', 200000)"),
                commandBytes(Command.QUERY, "SELEKT"),
              ]),
            );
            for (const what of ["ping", "ahead", "error"]) note(what, await client.answer());
          },
          { tls, tlsAtOnce, with: Capability.DEPRECATE_EOF },
        );
      }
      const isSecure = sides.proxy.events.filter((event) => event.kind === "backend-opened");
      expect(isSecure.length).toBeGreaterThan(0);
      expect(isSecure.every((event) => event.kind === "backend-opened" && event.tls)).toBe(true);
    },
    120_000,
  );

  it("of a large result nobody reads costs little memory", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const client = await sides.client({ tls: {} });
    const before = process.memoryUsage().arrayBuffers;
    client.socket.pause();
    const row = "SELECT REPEAT('z', 4000000)";
    client.command(Command.QUERY, Array(20).fill(row).join(" UNION ALL "));
    const state = () => sides.proxy.view.state(9).sessions[0]?.state;
    await until(() => state() === "running", { what: "the statement" });
    const other = await sides.client({ tls: {} });
    for (let i = 0; i < 100; i++) expect(await other.rows(`SELECT ${i}`)).toEqual([[String(i)]]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(24 << 20);
    client.socket.resume();
    expect((await client.answer()).bytes.length).toBeGreaterThan(80_000_000);
  });

  it("ends where plain bytes follow the request for it, and harms nobody", async () => {
    await using sides = await SideBySide.start(await server(engine));
    const { host, port } = sides.proxy;
    for (const garbage of [
      Buffer.from("plain bytes, not a hello"),
      Buffer.alloc(40_000, 0x16),
      Buffer.from([0x16, 3, 1, 0xff, 0xff]),
    ]) {
      const client = await RawClient.dial(host, port);
      const greeting = await client.readGreeting();
      const request = Buffer.alloc(36);
      request.writeUIntLE(32, 0, 3);
      request[3] = 1;
      request.writeUInt32LE(
        (greeting.capabilities & ~Capability.CONNECT_WITH_DB & 0xff_ffff) | Capability.SSL,
        4,
      );
      client.send(Buffer.concat([request, garbage]));
      client.socket.end();
      await client.ended();
    }
    const good = await sides.client({ tls: {} });
    expect(await good.rows("SELECT 1")).toEqual([["1"]]);
    good.destroy();
    await until(() => sides.proxy.view.state(9).sessions.length === 0, { what: "no session" });
    expect(sides.proxy.bugs).toEqual([]);
  });
});
