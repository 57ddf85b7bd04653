import { describe, expect, it } from "vitest";
import { flood } from "../../bin/load/flood.ts";
import { watchMost } from "../../bin/load/gauges.ts";
import { LoadGround, type Way } from "../../bin/load/ground.ts";
import { failuresOf } from "../../bin/load/report.ts";

const CONCURRENCY = 16;
/** Less than there are requests at once, with room for whoever watches. */
const MAX_CONNECTIONS = 10;

async function flooded(way: Way): Promise<{ failed: number; good: number; backends: number }> {
  const watch = watchMost(way.read);
  const { signal } = new AbortController();
  const result = await flood({ url: way.url, concurrency: CONCURRENCY, ms: 2_000, signal });
  const most = await watch.stop();
  return {
    failed: failuresOf(result),
    good: result.statuses["200"] ?? 0,
    backends: most["backends"] ?? 0,
  };
}

describe("a flood of requests on a database with few connections", () => {
  it("is answered whole through the proxy, and refused in part without it", async () => {
    const ground = await LoadGround.start({
      maxConnections: MAX_CONNECTIONS,
      environments: CONCURRENCY,
      say: () => {},
      signal: new AbortController().signal,
    });
    try {
      const proxied = await ground.throughProxy();
      const withProxy = await flooded(proxied).finally(proxied.stop);
      expect(withProxy).toMatchObject({ failed: 0 });
      expect(withProxy.good).toBeGreaterThanOrEqual(CONCURRENCY);
      expect(withProxy.backends).toBeLessThan(MAX_CONNECTIONS);
      const bare = await ground.direct();
      const without = await flooded(bare).finally(bare.stop);
      expect(without.failed).toBeGreaterThan(0);
    } finally {
      await ground.stop();
    }
  });
});
