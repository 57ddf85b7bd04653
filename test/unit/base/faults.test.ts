import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FAULTS, type FaultName, makeFault } from "../../../proxy/base/faults.ts";

const NAMES = Object.keys(FAULTS) as FaultName[];

/** The rows of the table in docs/errors.md, without the last column. */
function documented(): string[][] {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row.split(" | ").map((cell) => cell.replace(/^\| /, "").trim().replace(/^`|`$/g, "")),
  );
}

describe("the page of errors", () => {
  it("lists every fault with its number, SQLSTATE, text and source, and no other", () => {
    const listed = documented().map((row) => row.slice(0, 5));
    const catalogue = NAMES.map((name) => {
      const { errno, sqlState, text, source } = FAULTS[name];
      return [name, String(errno), sqlState, text, source];
    });
    expect(catalogue.length).toBeGreaterThan(20);
    expect(listed.sort()).toEqual(catalogue.sort());
  });

  it("says of each when it is sent", () => {
    for (const row of documented()) expect(row[5]?.length, row[0]).toBeGreaterThan(10);
  });
});

describe("a fault", () => {
  it("has a SQLSTATE of five characters and a number that fits into a packet", () => {
    for (const name of NAMES) {
      expect(FAULTS[name].sqlState, name).toMatch(/^[0-9A-Z]{5}$/);
      expect(FAULTS[name].errno, name).toBeGreaterThan(999);
      expect(FAULTS[name].errno, name).toBeLessThan(0xffff);
    }
  });

  it("carries its parameters, braces and all", () => {
    expect(
      makeFault("accessDenied", { user: "{host}", host: "10.0.0.7", usingPassword: "YES" }),
    ).toEqual({
      name: "accessDenied",
      errno: 1045,
      sqlState: "28000",
      message: "Access denied for user '{host}'@'10.0.0.7' (using password: YES)",
    });
    expect(makeFault("borrowTimeout").message).toBe(
      "Timed-out waiting to acquire database connection",
    );
  });

  it("is cut where servers cut theirs, so that a client cannot make us send what it likes at length", () => {
    expect(
      makeFault("accessDenied", { user: "u".repeat(60_000), host: "h", usingPassword: "NO" })
        .message.length,
    ).toBe(511);
  });
});
