import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../../bin/command-table.ts";
import manifest from "../../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../../..");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  await writeFile(
    join(folder, "good.yaml"),
    'auth: [{ username: app, password: { env: P } }]\ntarget: { hosts: ["127.0.0.1:3306"], tls: VERIFY_CA }\n',
  );
  await writeFile(join(folder, "bad.yaml"), "idleClientTimeout: 0\nauht: []\n");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program as users do, in another folder than the repository. */
function sluice(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const node = [
      "--import",
      join(root, "node_modules/tsx/dist/loader.mjs"),
      join(root, "bin/sluice.ts"),
      ...args,
    ];
    execFile(process.execPath, node, { cwd: folder }, (error, out, err) => {
      resolve({
        code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
        out,
        err,
      });
    });
  });
}

describe("the command line", () => {
  it("says its version", async () => {
    expect(await sluice("--version")).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  });

  it("lists every command, and has help on each", async () => {
    const { code, out } = await sluice("--help");
    expect(code).toBe(0);
    expect(COMMANDS.length).toBeGreaterThan(0);
    for (const { name, summary } of COMMANDS) {
      // Long lines are broken to the width of the terminal.
      expect(out.replaceAll(/\s+/g, " ")).toContain(` ${name} ${summary}`);
      const help = await sluice(name, "--help");
      expect([help.code, help.err]).toEqual([0, ""]);
      expect(help.out).toContain(`Usage: sluice ${name}`);
    }
  });

  it.each([
    ["nothing at all", [], "Usage: sluice"],
    ["an unknown command", ["chekc"], "unknown command 'chekc'"],
    ["an unknown option", ["--nope"], "unknown option '--nope'"],
    ["an unknown option of a command", ["check", "--nope", "x"], "unknown option '--nope'"],
    ["a missing argument", ["check"], "missing required argument 'file'"],
    ["an argument too many", ["check", "a", "b"], "too many arguments"],
  ])("exits with 2 for %s", async (_, args, words) => {
    const { code, out, err } = await sluice(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(words);
  });
});

describe("sluice check", () => {
  it("says OK, with what is doubtful on stderr", async () => {
    const { code, out, err } = await sluice("check", "good.yaml");
    expect(code).toBe(0);
    expect(out).toMatch(
      /^OK good\.yaml: sluice, 1 user, default \(READ_WRITE\) on 127\.0\.0\.1:6033; /,
    );
    expect(err).toMatch(/^warning: good\.yaml:2:43: target\.tls: /);
  });

  it("exits with 2 and every problem with file, line and key", async () => {
    const { code, out, err } = await sluice("check", "bad.yaml");
    expect([code, out]).toEqual([2, ""]);
    expect(err.trim().split("\n")).toEqual([
      "bad.yaml:1:1: auth: is required",
      "bad.yaml:1:1: target: is required",
      "bad.yaml:1:20: idleClientTimeout: must be at least 1, found 0",
      "bad.yaml:2:1: auht: unknown key; did you mean auth?",
    ]);
  });

  it("prints one JSON document with --json", async () => {
    const good = await sluice("check", "good.yaml", "--json");
    expect([good.code, JSON.parse(good.out)]).toMatchObject([
      0,
      { ok: true, summary: { users: 1 }, warnings: [{ line: 2 }] },
    ]);
    const bad = await sluice("check", "bad.yaml", "--json");
    expect([bad.code, JSON.parse(bad.out)]).toMatchObject([
      2,
      { ok: false, problems: [{ key: "auth" }, {}, {}, { line: 2, column: 1 }] },
    ]);
    expect(bad.err).toContain("bad.yaml:2:1");
  });

  it("exits with 2 where there is no such file", async () => {
    expect(await sluice("check", "gone.yaml")).toEqual({
      code: 2,
      out: "",
      err: "gone.yaml:1:1: (file): cannot be read: ENOENT\n",
    });
  });
});
