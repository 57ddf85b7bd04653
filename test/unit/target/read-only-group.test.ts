import { describe, expect, test } from "vitest";
import { WatchBench } from "./watch-bench.ts";

const WRITES = { readOnly: false };
const READS = { readOnly: true };

function cluster(): WatchBench {
  const bench = new WatchBench({ topology: "readOnly" }, ["a:1", "b:1", "c:1"]);
  bench.says("a:1", WRITES);
  bench.says("b:1", READS);
  bench.says("c:1", READS);
  return bench;
}

describe("roles by the read-only switches", () => {
  test("who takes writes is the writer, wherever it stands in the list", () => {
    const bench = new WatchBench({ topology: "readOnly" }, ["a:1", "b:1"]);
    bench.says("a:1", READS);
    expect(bench.writer).toBe(null);
    bench.says("b:1", WRITES);
    expect(bench.members).toEqual({ "a:1": "reader", "b:1": "writer" });
    expect(bench.moves).toEqual([{ from: null, to: "b:1", withoutMs: 2 }]);
  });

  test("nobody is used before it has been seen", () => {
    const bench = new WatchBench({ topology: "readOnly" }, ["a:1", "b:1"]);
    bench.says("a:1", WRITES);
    expect(bench.members).toEqual({ "a:1": "none (second-writer)", "b:1": "none (unseen)" });
    bench.silent("b:1");
    expect(bench.members).toEqual({ "a:1": "writer", "b:1": "none (unseen)" });
  });

  test("a planned failover: the old writer reads at once, the new one writes when it does", () => {
    const bench = cluster();
    bench.says("a:1", READS);
    expect(bench.members).toEqual({ "a:1": "reader", "b:1": "reader", "c:1": "reader" });
    bench.says("b:1", WRITES);
    expect(bench.members).toEqual({ "a:1": "reader", "b:1": "writer", "c:1": "reader" });
    expect(bench.moves.slice(1)).toEqual([
      { from: "a:1", to: null, withoutMs: 0 },
      { from: "a:1", to: "b:1", withoutMs: 1 },
    ]);
  });

  test("a writer that is silent keeps its role without getting sessions, until another one stands", () => {
    const bench = cluster();
    bench.silent("a:1");
    expect(bench.members["a:1"]).toBe("writer (unreachable)");
    expect(bench.writer).toBe(null);
    bench.says("c:1", WRITES);
    expect(bench.members).toMatchObject({ "a:1": "none (unreachable)", "c:1": "writer" });
  });

  test("a writer that was silent for a moment is the writer again", () => {
    const bench = cluster();
    bench.silent("a:1");
    bench.says("a:1", WRITES);
    expect(bench.writer).toBe("a:1");
    expect(bench.moves.at(-1)).toEqual({ from: "a:1", to: "a:1", withoutMs: 1 });
  });

  test("a former writer that comes back and still takes writes gets none", () => {
    const bench = cluster();
    bench.silent("a:1");
    bench.says("b:1", WRITES);
    bench.says("a:1", WRITES);
    expect(bench.members).toMatchObject({ "a:1": "none (second-writer)", "b:1": "writer" });
    bench.says("a:1", READS);
    expect(bench.members["a:1"]).toBe("reader");
  });

  test("a second writer beside one that stands changes nothing", () => {
    const bench = cluster();
    bench.says("b:1", WRITES);
    expect(bench.members).toMatchObject({ "a:1": "writer", "b:1": "none (second-writer)" });
    expect(bench.moves).toHaveLength(1);
  });

  test("of two from the start neither is chosen", () => {
    const bench = new WatchBench({ topology: "readOnly" }, ["a:1", "b:1", "c:1"]);
    bench.says("a:1", WRITES);
    bench.says("b:1", WRITES);
    expect(bench.writer).toBe(null);
    bench.silent("c:1");
    expect(bench.writer).toBe(null);
    bench.says("b:1", READS);
    expect(bench.writer).toBe("a:1");
  });

  test("of two that appear while the writer is silent the one that was promoted is chosen", () => {
    const bench = cluster();
    bench.says("b:1", WRITES);
    bench.silent("b:1");
    bench.silent("a:1");
    bench.says("c:1", WRITES);
    expect(bench.writer).toBe("c:1");
    bench.silent("c:1");
    bench.says("b:1", READS);
    bench.watch.refused("b:1", bench.now);
    bench.says("a:1", WRITES);
    expect(bench.writer).toBe("a:1");
  });

  test("a refused write takes the writer down until it has been asked again", () => {
    const bench = cluster();
    bench.refuses("a:1");
    expect(bench.writer).toBe(null);
    expect(bench.members["a:1"]).toBe("none (refused)");
    bench.says("a:1", WRITES);
    expect(bench.writer).toBe("a:1");
  });

  test("an answer to a question from before the refusal proves nothing", () => {
    const bench = cluster();
    const askedAtMs = bench.now;
    bench.now += 5;
    bench.refuses("a:1");
    const old = { askedAtMs, maxConnections: 1, readOnly: false, serverId: null, lagMs: null };
    bench.watch.sighted("a:1", { ...old, rows: null }, bench.now);
    expect(bench.writer).toBe(null);
  });

  test("a reader that lags is left out until it has caught up", () => {
    const bench = cluster();
    bench.says("b:1", { readOnly: true, lagMs: 10_001 });
    expect(bench.members["b:1"]).toBe("reader (lag)");
    bench.says("b:1", { readOnly: true, lagMs: 10_000 });
    expect(bench.members["b:1"]).toBe("reader");
  });

  test("flapping moves the writer each time, and never to two", () => {
    const bench = cluster();
    for (let round = 0; round < 10; round += 1) {
      const [old, next] = round % 2 === 0 ? ["a:1", "b:1"] : ["b:1", "a:1"];
      bench.says(old as string, READS);
      bench.says(next as string, WRITES);
      expect(bench.writer).toBe(next);
      expect(Object.values(bench.members).filter((role) => role === "writer")).toHaveLength(1);
    }
    expect(bench.moves).toHaveLength(21);
  });

  test("the whole cluster gone and back", () => {
    const bench = cluster();
    for (const key of ["b:1", "a:1", "c:1"]) bench.silent(key);
    expect(Object.values(bench.members)).toEqual([
      "writer (unreachable)",
      "reader (unreachable)",
      "reader (unreachable)",
    ]);
    bench.now += 60_000;
    bench.says("c:1", READS);
    bench.says("a:1", WRITES);
    expect(bench.moves.at(-1)).toMatchObject({ to: "a:1" });
    expect(bench.moves.at(-1)?.withoutMs).toBeGreaterThan(60_000);
  });

  test("other seeds come and go while the watch lasts", () => {
    const bench = cluster();
    bench.watch.configure({
      topology: "readOnly",
      seeds: [
        { host: "a", port: 1 },
        { host: "d", port: 1 },
      ],
      domainSuffix: "",
      instances: new Map(),
      maxLagMs: 10_000,
      intervalMs: 500,
    });
    bench.says("d:1", READS);
    bench.says("b:1", WRITES);
    expect(bench.members).toEqual({ "a:1": "writer", "d:1": "reader" });
  });
});
