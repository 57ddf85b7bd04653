import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryFileLock, withFileLock } from "../../../local/file-lock.ts";
import { runProgram } from "../../../local/program.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-lock-"));
  path = join(folder, "work.lock");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a file lock", () => {
  test("lets one work at a time, however many want to", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, work)));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test("is given back when the work fails", async () => {
    await expect(
      withFileLock(path, async () => {
        throw new Error("the work failed");
      }),
    ).rejects.toThrow("the work failed");
    expect(await withFileLock(path, async () => "next")).toBe("next");
  });

  test("names its holder to whoever asks", async () => {
    const release = await tryFileLock(path);
    expect(await tryFileLock(path)).toEqual({ holder: String(process.pid) });
    expect(typeof release).toBe("function");
    if (typeof release === "function") await release();
    const again = await tryFileLock(path);
    expect(typeof again).toBe("function");
    if (typeof again === "function") await again();
  });

  test("says once that it waits, and for whom", async () => {
    const heard: string[] = [];
    let finish = () => {};
    const first = withFileLock(path, () => new Promise<void>((resolve) => (finish = resolve)));
    const waiting = withFileLock(path, async () => "done", {
      onWait: (holder) => {
        heard.push(holder);
        finish();
      },
    });
    await first;
    expect(await waiting).toBe("done");
    expect(heard).toEqual([String(process.pid)]);
  });

  test("ends with the process that held it", async () => {
    const ended = await runProgram([process.execPath, "-e", "console.log(process.pid)"]);
    await writeFile(path, `${ended.stdout.trim()} ${hostname()} 1`);
    expect(await withFileLock(path, async () => "mine")).toBe("mine");
  });

  test("ends when a holder on another machine has been silent for long", async () => {
    await writeFile(path, "1 another-machine 1");
    expect(await tryFileLock(path)).toEqual({ holder: "1" });
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(path, longAgo, longAgo);
    const release = await tryFileLock(path);
    expect(typeof release).toBe("function");
    expect(await readFile(path, "utf8")).toContain(String(process.pid));
    if (typeof release === "function") await release();
  });
});
