import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../../local/engine.ts";
import { findServer, inspectServer, sluiceCacheDir } from "../../../local/server-binary.ts";
import { fetchServer, getServer } from "../../../local/server-fetch.ts";
import type { Way } from "../../../local/server-ways.ts";

const MYSQL = "mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)";
const MARIADB = "mysqld  Ver 11.8.2-MariaDB for debian-linux-gnu on x86_64 (Debian)";

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-binary-"));
  env = { PATH: folder, SLUICE_CACHE: join(folder, "cache") };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that answers `--version` and can do nothing else. */
async function program(name: string, answer: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${answer}'\n`);
  await chmod(path, 0o755);
  return path;
}

describe("looking for a server", () => {
  test("takes the first of the right engine in the PATH", async () => {
    const path = await program("mysqld", MYSQL);
    expect(await findServer("mysql", env)).toMatchObject({
      engine: "mysql",
      version: "8.4.6",
      path,
      command: [path],
    });
  });

  test("knows MariaDB under MySQL's name", async () => {
    const path = await program("first/mysqld", MARIADB);
    const other = await program("second/mysqld", MYSQL);
    const both = { ...env, PATH: `${join(folder, "first")}:${join(folder, "second")}` };
    expect((await findServer("mysql", both))?.path).toBe(other);
    expect((await inspectServer(path)).engine).toBe("mariadb");
  });

  test("passes over versions that are too old, and programs that are no servers", async () => {
    await program("a/mysqld", "mysqld  Ver 5.7.44 for Linux on x86_64 (Source distribution)");
    await program("b/mysqld", "hello");
    const good = await program("c/mysqld", MYSQL);
    const PATH = ["a", "b", "c"].map((dir) => join(folder, dir)).join(":");
    expect((await findServer("mysql", { ...env, PATH }))?.path).toBe(good);
  });

  test("prefers what SLUICE_MYSQLD names, for the engine that it is", async () => {
    await program("mysqld", MYSQL);
    const named = await program("elsewhere/mysqld", "mysqld  Ver 9.1.0 for Linux on x86_64");
    const found = await findServer("mysql", { ...env, SLUICE_MYSQLD: named });
    expect(found).toMatchObject({ path: named, version: "9.1.0" });
    const maria = await findServer("mariadb", { ...env, SLUICE_MYSQLD: named });
    expect(maria?.path).not.toBe(named);
  });

  test("fails when SLUICE_MYSQLD names nothing, instead of taking another one", async () => {
    await program("mysqld", MYSQL);
    await expect(
      findServer("mysql", { ...env, SLUICE_MYSQLD: join(folder, "gone") }),
    ).rejects.toThrow(/gone/);
  });

  test("finds the programs beside the server", async () => {
    const path = await program("bin/mysqld", MYSQL);
    const client = await program("bin/mysql", "client");
    const found = await inspectServer(path);
    expect(found.tool("mysql")).toEqual([client]);
    expect(found.tool("no-such-program")).toBeNull();
  });
});

describe("a server named by the user", () => {
  test("must be of the engine that was asked for", async () => {
    const binary = await program("mysqld", MARIADB);
    await expect(getServer("mysql", { binary, env })).rejects.toThrow(
      "is mariadb 11.8.2, but mysql was asked for",
    );
  });

  test("must be new enough", async () => {
    const binary = await program("mysqld", "mysqld  Ver 8.0.11 for Linux on x86_64");
    await expect(getServer("mysql", { binary, env })).rejects.toThrow(
      "8.0.11 is older than 8.0.26",
    );
  });

  test("must answer like a server, and its complaint is passed on", async () => {
    const binary = await program("mysqld", "libssl.so.3: cannot open shared object file");
    await expect(getServer("mysql", { binary, env })).rejects.toThrow(
      /does not answer --version.*libssl/s,
    );
  });
});

describe("fetching a server", () => {
  const fetched = async (engine: Engine): Promise<Way> => {
    const path = await program("fetched/mysqld", engine === "mysql" ? MYSQL : MARIADB);
    return { name: "works", get: () => inspectServer(path) };
  };
  const absent: Way = { name: "absent", get: async () => null };
  const broken: Way = {
    name: "broken",
    get: () => Promise.reject(new Error("no network")),
  };

  test("takes the first way that works and says what it does", async () => {
    const said: string[] = [];
    const context = {
      env,
      cacheDir: join(folder, "cache"),
      say: (line: string) => said.push(line),
    };
    const server = await fetchServer("mysql", context, [absent, broken, await fetched("mysql")]);
    expect(server.version).toBe("8.4.6");
    expect(said[0]).toBe("no mysql server on this machine: fetching one, once");
    expect(said.at(-1)).toBe(`mysql 8.4.6: ${join(folder, "fetched/mysqld")}`);
  });

  test("tells all that was tried, and what to do, when nothing works", async () => {
    const context = { env, cacheDir: join(folder, "cache"), say: () => {} };
    const attempt = fetchServer("mariadb", context, [absent, broken]);
    await expect(attempt).rejects.toThrow(/--binary PATH or SLUICE_MYSQLD/);
    await expect(attempt).rejects.toThrow(/absent: not available here\n {2}broken: no network/);
  });
});

describe("the cache", () => {
  test("is where SLUICE_CACHE says, else in XDG's folder, else under home", () => {
    expect(sluiceCacheDir({ SLUICE_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(sluiceCacheDir({ XDG_CACHE_HOME: "/b" })).toBe("/b/sluice");
    expect(sluiceCacheDir({})).toMatch(/\/\.cache\/sluice$/);
  });
});
