import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fetchWithApt } from "../../local/apt-fetch.ts";
import { ENGINES } from "../../local/engine.ts";
import { inspectServer, inspectUnpacked } from "../../local/server-binary.ts";

/** Asked for by `SLUICE_TEST_FETCH=1`: needs Debian or Ubuntu and a mirror, and fetches some 60 MB. */
const asked = process.env["SLUICE_TEST_FETCH"] === "1";

test.runIf(asked).each(ENGINES)(
  "fetches a %s server that runs, without being root",
  { timeout: 600_000 },
  async (engine) => {
    const cacheDir = await mkdtemp(join(tmpdir(), "sluice-fetch-"));
    try {
      const said: string[] = [];
      const folder = await fetchWithApt(engine, cacheDir, (line) => said.push(line));
      const server = await inspectUnpacked(folder);
      expect(server.engine).toBe(engine);
      expect(server.tool(engine)).not.toBeNull();
      expect(said.some((line) => line.startsWith(`fetching ${engine}-server-core`))).toBe(true);
      // Named by its path alone it still runs through the loader beside it.
      expect((await inspectServer(server.path)).command).toEqual(server.command);
    } finally {
      await rm(cacheDir, { recursive: true, force: true });
    }
  },
);
