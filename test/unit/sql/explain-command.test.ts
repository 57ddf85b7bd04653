import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runCommandLine } from "../../../bin/command-line.ts";
import { explainCommand } from "../../../bin/commands/explain.ts";

let folder = "";
let out = "";
let err = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-explain-"));
  out = err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** Exit code of `sluice explain …`. */
function run(...args: string[]): Promise<number> {
  const entry = { name: "explain", summary: "", load: async () => explainCommand() };
  return runCommandLine(["explain", ...args], [entry]);
}

test("prints one JSON document", async () => {
  expect(await run("--json", "SET foreign_key_checks = 0")).toBe(0);
  const printed = JSON.parse(out) as Record<string, unknown>;
  expect(Object.keys(printed)).toEqual([
    "statement",
    "pins",
    "rule",
    "reason",
    "fix",
    "tracked",
    "warnings",
  ]);
  expect(printed).toMatchObject({ pins: true, rule: "untracked-variable" });
  expect(out.trimEnd().split("\n")).toHaveLength(1);
});

test("tells people the rule, the reason and the fix", async () => {
  expect(await run("SELECT GET_LOCK('a', 1)")).toBe(0);
  expect(out).toMatch(
    /^PINS +get-lock\nreason +.*Digest: "SELECT `GET_LOCK` \(\.\.\.\) \."\.\nfix +\S/,
  );
  expect(out).not.toContain("\u001b");
});

test("says so when nothing pins", async () => {
  expect(await run("SET time_zone = 'UTC'")).toBe(0);
  expect(out).toMatch(/^does not pin\ntracked +time_zone\nwarning +pool-partition: /);
});

test("reads the statement from a file", async () => {
  const file = join(folder, "a.sql");
  await writeFile(file, "SET @a = 1;\n");
  expect(await run("--json", "--file", file)).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ statement: "SET @a = 1;\n", rule: "user-variable" });
});

test("takes engine, filter and sql_mode", async () => {
  expect(await run("--json", "--filter", "EXCLUDE_VARIABLE_SETS", "SET @a = 1")).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pins: false });
  out = "";
  expect(await run("--json", "--sql-mode", "ANSI_QUOTES", `SET "sql_mode" = ''`)).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pins: false });
  out = "";
  expect(await run("--json", "--engine", "mariadb", "/*M! SET NAMES utf8 */")).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ tracked: ["names"] });
});

test("bad usage ends with 2, and says why on stderr alone", async () => {
  const wrong = [
    [],
    ["SELECT 1", "--file", "x"],
    ["--file", join(folder, "missing.sql")],
    ["--engine", "oracle", "SELECT 1"],
    ["--filter", "NOTHING", "SELECT 1"],
    ["--unknown", "SELECT 1"],
    ["SELECT 1", "SELECT 2"],
  ];
  for (const args of wrong) {
    err = "";
    expect(await run(...args), args.join(" ")).toBe(2);
    expect(err, args.join(" ")).not.toBe("");
  }
  expect(out).toBe("");
});
