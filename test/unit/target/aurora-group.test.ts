import { describe, expect, test } from "vitest";
import { GONE_AFTER_MS } from "../../../proxy/target/aurora-group.ts";
import type { InstanceRow } from "../../../proxy/target/sighting.ts";
import { WatchBench } from "./watch-bench.ts";

/** `*` marks the master; the number after `@` is its time. */
function view(...texts: readonly string[]): InstanceRow[] {
  return texts.map((text) => {
    const [, id, master, time] = /^(\w+)(\*?)(?:@(\d+))?$/.exec(text) as RegExpExecArray;
    return {
      id: id as string,
      isMaster: master === "*",
      updatedAt: `2026-01-01 00:00:${(time ?? "1").padStart(2, "0")}`,
      ageSeconds: 0,
      lagMs: master === "*" ? null : 10,
    };
  });
}

function discovered(): WatchBench {
  const bench = new WatchBench({ topology: "aurora", domainSuffix: ".x" }, ["cluster:9"]);
  const rows = view("one*", "two", "three");
  bench.says("cluster:9", { readOnly: false, serverId: "one", rows });
  bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
  bench.says("two.x:9", { readOnly: true, serverId: "two", rows });
  bench.says("three.x:9", { readOnly: true, serverId: "three", rows });
  return bench;
}

describe("roles by Aurora's own view", () => {
  test("one cluster endpoint leads to all instances, and is no instance itself", () => {
    const bench = discovered();
    expect(bench.keys).toEqual(["cluster:9", "one.x:9", "two.x:9", "three.x:9"]);
    expect(bench.members).toEqual({ one: "writer", two: "reader", three: "reader" });
    expect(bench.moves.map(({ to }) => to)).toEqual(["one"]);
  });

  test("nobody is the writer before it was asked itself", () => {
    const bench = new WatchBench({ topology: "aurora", domainSuffix: ".x" }, ["two.x:9"]);
    bench.says("two.x:9", { readOnly: true, serverId: "two", rows: view("one*", "two") });
    expect(bench.writer).toBe(null);
    expect(bench.members).toEqual({ one: "none (unseen)", two: "reader" });
  });

  test("without a suffix the seeds are the instances that they say they are", () => {
    const bench = new WatchBench({ topology: "aurora" }, ["h:1", "h:2"]);
    const rows = view("one*", "two", "three");
    bench.says("h:2", { readOnly: true, serverId: "two", rows });
    bench.says("h:1", { readOnly: false, serverId: "one", rows });
    expect(bench.members).toEqual({ one: "writer", two: "reader" });
  });

  test("addresses that do not follow from ids are taken from the map", () => {
    const instances = new Map([["two", { host: "h", port: 7 }]]);
    const bench = new WatchBench({ topology: "aurora", domainSuffix: ".x", instances }, [
      "one.x:9",
    ]);
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows: view("one*", "two") });
    expect(bench.keys).toEqual(["one.x:9", "h:7"]);
  });

  test("a failover: the view's word is not enough, the new writer's own is", () => {
    const bench = discovered();
    bench.silent("one.x:9");
    const rows = view("one*@1", "two*@5", "three@5");
    bench.says("three.x:9", { readOnly: true, serverId: "three", rows });
    expect(bench.writer).toBe(null);
    bench.says("two.x:9", { readOnly: true, serverId: "two", rows });
    expect(bench.writer).toBe(null);
    bench.says("two.x:9", { readOnly: false, serverId: "two", rows });
    expect(bench.members).toEqual({ one: "none (unreachable)", two: "writer", three: "reader" });
  });

  test("an instance that takes writes and lists another as master is not the writer", () => {
    const bench = discovered();
    bench.silent("one.x:9");
    bench.says("two.x:9", { readOnly: false, serverId: "two", rows: view("one*@5", "two@5") });
    expect(bench.writer).toBe(null);
    expect(bench.members["two"]).toBe("none (second-writer)");
  });

  test("an instance that is listed as master and refuses writes is not the writer", () => {
    const bench = discovered();
    bench.says("one.x:9", { readOnly: true, serverId: "one", rows: view("one*@2", "two@2") });
    expect(bench.writer).toBe(null);
  });

  test("of two that prove themselves the one with the newer view is the writer", () => {
    const bench = discovered();
    bench.says("two.x:9", { readOnly: false, serverId: "two", rows: view("two*@9", "one*@1") });
    expect(bench.members).toMatchObject({ one: "none (second-writer)", two: "writer" });
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows: view("one*@8", "two") });
    expect(bench.writer).toBe("two");
  });

  test("of two that prove themselves with equal views the present writer stays", () => {
    const bench = discovered();
    bench.says("two.x:9", { readOnly: false, serverId: "two", rows: view("two*@1", "one*@0") });
    expect(bench.writer).toBe("one");
  });

  test("no master row at all: nobody writes, and the readers read on", () => {
    const bench = discovered();
    const rows = view("one@7", "two@7", "three@7");
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(bench.writer).toBe(null);
    expect(bench.members).toMatchObject({ two: "reader", three: "reader" });
  });

  test("a new reader is found and used once it has answered", () => {
    const bench = discovered();
    const rows = view("one*@2", "two@2", "three@2", "four@2");
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(bench.members["four"]).toBe("none (unseen)");
    bench.says("four.x:9", { readOnly: true, serverId: "four", rows });
    expect(bench.members["four"]).toBe("reader");
  });

  test("a deleted reader is dropped after it has been missing in the writer's view for a while", () => {
    const bench = discovered();
    const rows = view("one*@2", "two@2");
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(Object.keys(bench.members)).toEqual(["one", "two", "three"]);
    bench.now += GONE_AFTER_MS;
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(Object.keys(bench.members)).toEqual(["one", "two"]);
    expect(bench.keys).not.toContain("three.x:9");
  });

  test("nobody is dropped while there is no writer to ask", () => {
    const bench = discovered();
    bench.silent("one.x:9");
    bench.silent("cluster:9");
    bench.now += 10 * GONE_AFTER_MS;
    bench.says("two.x:9", { readOnly: true, serverId: "two", rows: view("two@9") });
    expect(Object.keys(bench.members)).toEqual(["one", "two", "three"]);
  });

  test("stale rows count for nothing", () => {
    const bench = discovered();
    const stale = { ...(view("four")[0] as InstanceRow), ageSeconds: 181 };
    const rows = [...view("one*@2", "two@2", "three@2"), stale];
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(Object.keys(bench.members)).toEqual(["one", "two", "three"]);
  });

  test("a renamed instance: the old name gets no sessions, the new one does", () => {
    const bench = discovered();
    const rows = view("one*@2", "two@2", "tres@2");
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    bench.says("three.x:9", { readOnly: true, serverId: "tres", rows });
    bench.says("tres.x:9", { readOnly: true, serverId: "tres", rows });
    expect(bench.members).toMatchObject({ three: "reader (other-instance)", tres: "reader" });
  });

  test("a reader that lags in the writer's view is left out", () => {
    const bench = discovered();
    const [one, two] = view("one*@2", "two@2") as [InstanceRow, InstanceRow];
    const rows = [one, { ...two, lagMs: 10_001 }];
    bench.says("one.x:9", { readOnly: false, serverId: "one", rows });
    expect(bench.members["two"]).toBe("reader (lag)");
  });
});
