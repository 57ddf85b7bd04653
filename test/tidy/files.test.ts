import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { FILES, SOURCES, textOf } from "./source-tree.ts";

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 800;
/** Words that say nothing of what a file holds. */
const EMPTY_WORDS = [
  "util",
  "utils",
  "utility",
  "utilities",
  "helper",
  "helpers",
  "misc",
  "common",
];
/** Folders where people or machines keep checkouts; a path into one is nobody else's. */
const MACHINE_PATH =
  /(?<![\w.$}:/-])\/(?:home|Users|root|work|workspace|mnt|private\/tmp|tmp\/\w)(?:\/[\w.-]+)+/g;
/** Well-known places that are the same on every machine. */
const KNOWN_PATHS = ["/home/linuxbrew/.linuxbrew"];
const OPEN_END = new RegExp(
  `\\b(?:${["TO", "FIX", "X"].map((start, i) => start + ["DO", "ME", "XX"][i]).join("|")})\\b`,
);
/** What may follow one: the decision or the issue that says why it is open. */
const DECIDED = /\((?:#\d+|docs\/decisions\/[\w-]+\.md)\)/;

const TEXTS = FILES.filter((file) =>
  /\.(?:ts|mts|mjs|js|json|md|ya?ml|sql|sh|html|css|txt)$|\/Dockerfile$/.test(file),
).filter((file) => file !== "package-lock.json");

describe("files", () => {
  it("have names that say something", () => {
    expect(FILES.length).toBeGreaterThan(150);
    const empty = FILES.filter((file) =>
      file.split("/").some((part) =>
        part
          .toLowerCase()
          .split(/[-_.]/)
          .some((word) => EMPTY_WORDS.includes(word)),
      ),
    );
    expect(empty).toEqual([]);
  });

  it("are short", () => {
    expect(SOURCES.length).toBeGreaterThan(120);
    const long = SOURCES.flatMap((file) => {
      const lines = textOf(file).trimEnd().split("\n").length;
      const most = file.startsWith("test/") ? TEST_LINES_MAX : SOURCE_LINES_MAX;
      return lines > most ? [`${file}: ${lines} lines, at most ${most}`] : [];
    });
    expect(long).toEqual([]);
  });

  it("export by name", () => {
    const modules = SOURCES.filter((file) => !basename(file).endsWith(".config.ts"));
    expect(modules.length).toBeGreaterThan(120);
    const unnamed = modules.filter((file) =>
      /^export (?:default\b|\{[^}]*\bas default\b|\*)/m.test(textOf(file)),
    );
    expect(unnamed).toEqual([]);
  });

  it("hold no path of anybody's machine", () => {
    expect(TEXTS.length).toBeGreaterThan(130);
    const paths = TEXTS.flatMap((file) =>
      (textOf(file).match(MACHINE_PATH) ?? [])
        .filter((path) => !KNOWN_PATHS.includes(path))
        .map((path) => `${file}: ${path}`),
    );
    expect(paths).toEqual([]);
  });

  it("leave nothing open without a decision", () => {
    expect(TEXTS.length).toBeGreaterThan(130);
    const open = TEXTS.flatMap((file) =>
      textOf(file)
        .split("\n")
        .flatMap((line, i) =>
          OPEN_END.test(line) && !DECIDED.test(line) ? [`${file}:${i + 1}`] : [],
        ),
    );
    expect(open).toEqual([]);
  });
});

describe("the fence itself", () => {
  it("knows a path of a machine from others", () => {
    const found = (text: string): number => (text.match(MACHINE_PATH) ?? []).length;
    for (const folder of ["home", "Users", "root", "workspace"])
      expect(found(`see "/${folder}/somebody/x.ts"`)).toBe(1);
    for (const text of [
      "https://x.example/home/a/b",
      "./work/a/b",
      "proxy/root/a/b",
      "/usr/sbin/mysqld",
    ])
      expect(found(text), text).toBe(0);
  });

  it("knows an open end from a decided one", () => {
    const word = ["TO", "DO"].join("");
    expect([OPEN_END.test(`// ${word}: later`), DECIDED.test(`// ${word} (#12): later`)]).toEqual([
      true,
      true,
    ]);
    expect(OPEN_END.test("a todo list")).toBe(false);
  });
});
