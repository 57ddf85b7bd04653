import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { DOORS, LAYERS, layerOf, objectionTo } from "./layers.ts";
import { IMPORTS, importsOf, ROOT, SOURCES, textOf } from "./source-tree.ts";

describe("imports", () => {
  it("stay inside their layers", () => {
    const judged = IMPORTS.filter(({ from }) => layerOf(from) !== null);
    expect(judged.length).toBeGreaterThan(300);
    const objections = judged.flatMap(({ from, to, relative }) => {
      const objection = objectionTo(from, to, relative);
      return objection === null ? [] : [`${from}: ${objection}`];
    });
    expect(objections).toEqual([]);
  });

  it("form no cycle", () => {
    const graph = new Map<string, string[]>();
    // Files of one folder may name each other's types; between folders not even that.
    for (const { from, to, relative, typeOnly } of IMPORTS) {
      if (relative && !(typeOnly && dirname(from) === dirname(to)))
        graph.set(from, [...(graph.get(from) ?? []), to]);
    }
    expect(graph.size).toBeGreaterThan(100);
    expect(cyclesIn(graph)).toEqual([]);
  });

  it("name files that exist, with their ending", () => {
    const relative = IMPORTS.filter((each) => each.relative);
    expect(relative.length).toBeGreaterThan(200);
    const wrong = relative.filter(
      ({ to, specifier }) =>
        !/\.(?:ts|mjs|json|node)$/.test(specifier) || !existsSync(join(ROOT, to)),
    );
    expect(
      wrong
        .filter(({ to }) => !to.startsWith("dist/"))
        .map(({ from, specifier }) => `${from}: ${specifier}`),
    ).toEqual([]);
  });

  it("of packages are dependencies of ours", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const known = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    const packages = new Set(
      IMPORTS.filter(({ to, relative }) => !relative && !to.startsWith("node:")).map(
        ({ to }) => to,
      ),
    );
    expect(packages.size).toBeGreaterThan(5);
    expect([...packages].filter((each) => !known.includes(each))).toEqual([]);
  });

  it("of programs are runtime dependencies, as the others are not there for users", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    // The CDK app runs from a clone, where the checks of its templates are.
    const shipped = IMPORTS.filter(
      ({ from, to, relative }) =>
        layerOf(from) !== null &&
        !relative &&
        !to.startsWith("node:") &&
        from !== "bin/cdk-checks.ts",
    );
    expect(shipped.length).toBeGreaterThan(10);
    const missing = shipped.filter(({ to }) => manifest.dependencies[to] === undefined);
    expect(missing.map(({ from, to }) => `${from}: ${to}`)).toEqual([]);
  });
});

describe("doors", () => {
  it("are the only index files", () => {
    expect(SOURCES.length).toBeGreaterThan(100);
    const index = SOURCES.filter((file) => /(?:^|\/)index\.\w+$/.test(file));
    expect(index.filter((file) => !DOORS.includes(file))).toEqual([]);
  });
});

describe("the fence itself", () => {
  it("sees imports of every form", () => {
    const text = textOf("test/tidy/samples/imports.txt");
    expect(importsOf("proxy/spec/x.ts", text).map((each) => each.to)).toEqual([
      "proxy/spec/a.ts",
      "proxy/wire/b.ts",
      "proxy/spec/d.ts",
      "node:net",
      "@hono/node-server",
      "proxy/spec/f.ts",
    ]);
  });

  it.each([
    ["proxy/wire/x.ts", "proxy/sql/y.ts", true],
    ["proxy/wire/x.ts", "node:net", false],
    ["proxy/pool/x.ts", "yaml", false],
    ["proxy/net/x.ts", "proxy/admin/y.ts", true],
    ["proxy/admin/x.ts", "proxy/net/y.ts", true],
    ["local/x.ts", "proxy/net/y.ts", true],
    ["control/x.ts", "proxy/index.ts", true],
    ["control/x.ts", "local/index.ts", true],
    ["control/x.ts", "mysql2", false],
    ["lambda/webhook/x.ts", "local/y.ts", true],
    ["bin/x.ts", "proxy/net/y.ts", true],
  ])("objects to %s importing %s", (from, to, relative) => {
    expect(objectionTo(from, to, relative)).toContain(to);
  });

  it.each([
    ["proxy/wire/x.ts", "proxy/wire/y.ts", true],
    ["proxy/wire/x.ts", "proxy/base/y.ts", true],
    ["proxy/net/x.ts", "proxy/sql/y.ts", true],
    ["proxy/net/x.ts", "node:tls", false],
    ["proxy/runtime.ts", "proxy/admin/y.ts", true],
    ["bin/x.ts", "proxy/index.ts", true],
  ])("lets %s import %s", (from, to, relative) => {
    expect(objectionTo(from, to, relative)).toBe(null);
  });

  it("finds a cycle", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(cyclesIn(graph)).toEqual(["b → c → b"]);
  });

  it("has a layer for every folder of the proxy", () => {
    const folders = new Set(SOURCES.flatMap((file) => /^proxy\/\w+\//.exec(file)?.[0] ?? []));
    expect(folders.size).toBeGreaterThan(7);
    const layers = LAYERS.map((layer) => layer.path);
    expect([...folders].filter((folder) => !layers.includes(folder))).toEqual([]);
  });
});

/** One line for each edge that leads back into the path that is being walked. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const cycles: string[] = [];
  const walk = (node: string): void => {
    const at = path.indexOf(node);
    if (at >= 0) cycles.push([...path.slice(at), node].join(" → "));
    if (at >= 0 || done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) walk(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) walk(node);
  return cycles;
}
