import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/index.ts";
import { type FailoverBench, startFailoverBench } from "../support/failover-bench.ts";
import { NumberedWrites } from "../support/numbered-writes.ts";

describe.each(ENGINES)("failover on %s", (engine) => {
  let bench: FailoverBench;

  beforeAll(async () => {
    bench = await startFailoverBench(engine);
  });

  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
  });

  test("planned, under load: nobody sees an error, nothing is lost, nothing is written twice", async () => {
    const writes = await NumberedWrites.start(bench, "planned", 8);
    await writes.more(200);
    const next = bench.cluster.readers[0]!.id;
    await bench.cluster.promote(next);
    await writes.more(200);
    await writes.stop();
    expect(writes.failures).toEqual([]);
    expect(await writes.account()).toEqual({ missing: [], twice: [] });
    await bench.settled();
    expect(bench.writer).toBe(next);
    expect(bench.proxy.bugs).toEqual([]);
  });
});
