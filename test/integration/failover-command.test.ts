import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { rehearse, secondsOf } from "../support/rehearsals.ts";
import { until } from "../support/until.ts";
import { UpProcess } from "../support/up-process.ts";

const TEST_MS = 300_000;
const SHORT = ["--promotion-seconds", "1", "--seconds", "6"];

interface ClusterDocument {
  readonly cluster: { readonly endpoint: { readonly host: string; readonly port: number } };
}

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startCluster(engine: string): Promise<{ up: UpProcess; document: ClusterDocument }> {
  const up = new UpProcess(["--json", "--engine", engine], "cluster");
  ends.push(() => up.discard());
  return { up, document: await up.ready<ClusterDocument>() };
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp("/tmp/fo-");
  ends.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Somebody else's proxy: passes bytes to an address, and knows nothing of databases. */
async function startForwarder({ host, port }: { host: string; port: number }): Promise<string> {
  const server: Server = createServer((client) => {
    const target = connect({ host, port });
    client.on("error", () => target.destroy()).pipe(target);
    target.on("error", () => client.destroy()).pipe(client);
    client.on("close", () => target.destroy());
    target.on("close", () => client.destroy());
  }).listen(0, "127.0.0.1");
  await until(() => server.listening);
  ends.push(async () => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(ENGINES)("sluice failover of a running %s cluster", (engine) => {
  test(
    "goes through our proxy, past it, and through another one",
    async () => {
      const { up, document } = await startCluster(engine);
      const svg = join(await makeFolder(), "chart.svg");
      const ours = await rehearse(up.folder, ...SHORT, "--no-transactions", "--svg", svg);
      expect(ours).toMatchObject({ failed: 0, check: { missing: [], doubled: [] } });
      expect(ours.proxyCounts).toMatchObject({ failed: 0 });
      expect(ours.proxyCounts?.waited).toBeGreaterThan(0);
      expect(ours.statementsPerSecond).toBeGreaterThan(5); // Some 350 on a machine that does nothing else.
      expect(await readFile(svg, "utf8")).toContain("<svg");

      const crash = await rehearse(up.folder, ...SHORT, "--mode", "crash");
      expect(crash.check).toMatchObject({ missing: [], doubled: [] });
      // One statement of each of the load's connections may have been running.
      expect(crash.failed).toBeLessThanOrEqual(24);
      expect(Object.keys(crash.errors).join()).not.toContain("1290");

      const direct = await rehearse(up.folder, ...SHORT, "--through", "direct");
      expect(direct.check).toMatchObject({ missing: [], doubled: [] });
      expect(direct.proxyCounts).toBeNull();
      expect(direct.failed).toBeGreaterThan(24);

      const forwarder = await startForwarder(document.cluster.endpoint);
      const theirs = await rehearse(up.folder, ...SHORT, "--through", forwarder);
      expect(theirs.check).toMatchObject({ missing: [], doubled: [] });
      expect(theirs.failed).toBeGreaterThan(24);
      expect(secondsOf(theirs, "first write served again")).toBeGreaterThan(1);
      expect(theirs.timeline.map(({ event }) => event)).not.toContain("routing changed");
    },
    TEST_MS,
  );
});

test(
  "through somebody else's address there must be a cluster that it leads to",
  async () => {
    await expect(rehearse(await makeFolder(), "--through", "127.0.0.1:1")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("start one with sluice cluster"),
    });
  },
  TEST_MS,
);
