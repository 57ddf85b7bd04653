import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processState } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Staged } from "./stage.ts";

let stage: Staged;
beforeAll(async () => {
  stage = await Staged.start();
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const service = () => [...stage.run.services.values()][0]!;
const writers = () =>
  [...stage.run.targetGroups.values()].find(({ plan }) => plan.id.includes("Writer"))!;

/** Hits one path again and again until told to stop; the statuses that came. */
function keepHitting(path: string): () => Promise<number[]> {
  const statuses: number[] = [];
  let wanted = true;
  const done = (async () => {
    while (wanted) statuses.push((await stage.hit(path)).status);
  })();
  return async () => {
    wanted = false;
    await done;
    return statuses;
  };
}

describe("the synthesised template, run on this machine", () => {
  it("counts three paths through API, function, load balancer, proxy and database", async () => {
    for (const path of ["one", "two", "one", "three"])
      expect((await stage.hit(path)).status).toBe(200);
    expect((await stage.hit("three")).hits).toMatchObject({ "/one": 2, "/two": 1, "/three": 2 });
  });

  it("runs as many tasks as it says, each on an address of its own with the real ports", () => {
    const tasks = service().tasks;
    expect(tasks).toHaveLength(2);
    expect(new Set(tasks.map(({ address }) => address)).size).toBe(2);
    expect(writers().healthy).toBe(2);
  });

  it("stops functions between invocations", async () => {
    await stage.hit("frozen");
    const [runner] = stage.run.functions.values();
    expect(runner!.counts.environments).toBeGreaterThan(0);
    const pids = runner!.pids;
    await until(() => pids.every((pid) => processState(pid).startsWith("T")), {
      what: "environments at rest",
    });
    expect((await stage.hit("thawed")).status).toBe(200);
  });

  it("starts a killed task again while the page works on", async () => {
    const [victim] = service().tasks;
    const stop = keepHitting("kill");
    process.kill(victim!.pid, "SIGKILL");
    await until(
      () =>
        service().tasks.some(
          ({ name, pid }) => name === victim!.name && pid !== victim!.pid && pid !== 0,
        ),
      {
        what: "the task again",
      },
    );
    await until(() => writers().healthy === 2, { what: "two healthy tasks" });
    const statuses = await stop();
    expect(statuses.length).toBeGreaterThan(3);
    // A request in flight may have lost its connection, which the function tries once more.
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it("keeps the page working while tasks come and go", async () => {
    const stop = keepHitting("scale");
    await service().setDesiredCount(3);
    await until(() => writers().healthy === 3, { what: "three healthy tasks" });
    await service().setDesiredCount(1);
    expect(service().tasks).toHaveLength(1);
    await service().setDesiredCount(2);
    await until(() => writers().healthy === 2, { what: "two healthy tasks" });
    const statuses = await stop();
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it("keeps the page working through a failover of the database", async () => {
    const [aurora] = stage.run.clusters.values();
    const before = aurora!.writer.id;
    const stop = keepHitting("failover");
    await stage.run.failOver();
    await until(async () => (await stage.hit("after")).status === 200, { what: "the page" });
    const statuses = await stop();
    expect(aurora!.writer.id).not.toBe(before);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });
});
