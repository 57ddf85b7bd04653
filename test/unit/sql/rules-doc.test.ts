import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RULES } from "../../../proxy/sql/rules.ts";
import { TRACKED_VARIABLES } from "../../../proxy/sql/variables.ts";

const PAGE = readFileSync(new URL("../../../docs/pinning.md", import.meta.url), "utf8");

/** Cells of each row of the table of rules. */
function rows(): string[][] {
  const section = PAGE.split("## Rules")[1]!.split("\n## ")[0]!;
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(2, -2)
        .split(/(?<!\\) \| /)
        .map((cell) => cell.replaceAll("\\|", "|")),
    );
}

test("the table of rules in the documentation is the code's, both ways", () => {
  const documented = rows();
  expect(documented.length).toBeGreaterThan(10);
  const coded = Object.values(RULES).map((rule) => [
    `\`${rule.id}\``,
    rule.kind,
    rule.when,
    rule.hasDigest ? `${rule.reason} Digest: "…".` : rule.reason,
    rule.fix,
    rule.source,
    rule.wording,
  ]);
  expect(documented).toEqual(coded);
});

test("the list of tracked variables in the documentation is the code's", () => {
  const list = PAGE.split("<!-- tracked: compared with the code by a test -->")[1]!.split(
    "<!-- /tracked -->",
  )[0]!;
  expect([...list.matchAll(/`([^`]+)`/g)].map(([, name]) => name)).toEqual([...TRACKED_VARIABLES]);
});

test("every rule is kept under its own id", () => {
  for (const [id, rule] of Object.entries(RULES)) expect(rule.id).toBe(id);
});
