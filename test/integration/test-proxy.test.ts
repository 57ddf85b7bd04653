import { describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { startProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";

describe.each(ENGINES)("a proxy in front of %s", (engine) => {
  it("serves clients, and is gone after its block", async () => {
    const target = await server(engine);
    let port = 0;
    {
      await using proxy = await startProxy(target, { admin: true });
      port = proxy.port;
      const client = await proxy.connect();
      expect(await rows(client, "SELECT DATABASE() AS d, 1 AS one")).toEqual([
        { d: proxy.database, one: 1 },
      ]);
      expect(proxy.session(client)).toMatchObject({ state: "idle", schema: proxy.database });
      expect(await proxy.metric("sluice_client_connections")).toBe(1);
      expect((await fetch(`${proxy.adminUrl}/readyz`)).ok).toBe(true);
      expect(proxy.bugs).toEqual([]);
    }
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
});
