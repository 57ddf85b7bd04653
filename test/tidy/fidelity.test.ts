import { describe, expect, it } from "vitest";
import { FILES, textOf } from "./source-tree.ts";

const PAGE = "docs/fidelity.md";
/** The last cell of a row: a file and the title of a test in it, or the part of the title that is not made by the test. */
const TEST_CELL = /`(test\/[\w./-]+\.ts)`: (.+?) *\|$/;

function testCells(
  page: string,
): { readonly row: string; readonly cell: RegExpExecArray | null }[] {
  return page
    .split("\n")
    .filter((line) => /^\| (?!what\b|-)/.test(line))
    .map((row) => ({ row, cell: TEST_CELL.exec(row) }));
}

/** Titles stand in the source with their quotes escaped. */
function hasTest(file: string, title: string): boolean {
  return FILES.includes(file) && textOf(file).replaceAll("\\", "").includes(title);
}

describe("the page of differences from RDS Proxy", () => {
  const rows = testCells(textOf(PAGE));

  it("names a test for each of them", () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter(({ cell }) => cell === null).map(({ row }) => row)).toEqual([]);
  });

  it("names tests that exist", () => {
    const found = rows.flatMap(({ cell }) =>
      cell === null ? [] : [[cell[1]!, cell[2]!] as const],
    );
    expect(found.filter(([file, title]) => !hasTest(file, title))).toEqual([]);
  });

  it("would notice one that does not", () => {
    expect(hasTest("test/integration/sharing.test.ts", "no such title")).toBe(false);
    expect(hasTest("test/integration/nowhere.test.ts", "SET LOCAL")).toBe(false);
    expect(testCells("| a | b | c | D | none |")).toEqual([
      { row: "| a | b | c | D | none |", cell: null },
    ]);
  });
});
