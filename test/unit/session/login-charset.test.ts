import { describe, expect, it } from "vitest";
import {
  addCollations,
  charsetOf,
  collatedValue,
  collationOf,
  collationOfResults,
  Source,
} from "../../../proxy/session/login-charset.ts";

const BIN = { charset: "utf8mb4", name: "utf8mb4_bin", isDefault: false, maxLength: 4 };
const GENERAL = { charset: "utf8mb4", name: "utf8mb4_general_ci", isDefault: true, maxLength: 4 };
const collations = new Map([
  [45, GENERAL],
  [46, BIN],
]);

/** The value of character_set_results after reading this of a server. */
function completed(connection: string, source: number, before: string): string | undefined {
  const read = new Map([
    ["character_set_results", "'utf8mb4'"],
    ["collation_connection", connection],
  ]);
  const known = { before: new Map([["character_set_results", before]]), collations };
  addCollations(read, new Map([["character_set_results", source]]), known);
  return read.get("character_set_results");
}

describe("a character set with a collation", () => {
  it("names the collation in a comment, unless it is the default", () => {
    expect(collatedValue(BIN)).toBe("'utf8mb4'/*utf8mb4_bin*/");
    expect(collatedValue(GENERAL)).toBe("'utf8mb4'");
    expect(collationOf(collatedValue(BIN))).toBe("utf8mb4_bin");
    expect(collationOf("'utf8mb4'")).toBeNull();
    expect(collationOf(undefined)).toBeNull();
    expect(charsetOf(collatedValue(BIN))).toBe("utf8mb4");
    expect(charsetOf("NULL")).toBe("");
  });
});

describe("the collation of results", () => {
  it("is the one in the comment, else the default of the character set", () => {
    expect(collationOfResults("'utf8mb4'/*utf8mb4_bin*/", collations)?.[0]).toBe(46);
    expect(collationOfResults("'utf8mb4'", collations)?.[0]).toBe(45);
    expect(collationOfResults("'latin1'", collations)).toBeUndefined();
    expect(collationOfResults("NULL", collations)).toBeUndefined();
  });
});

describe("what a server does not tell of its character sets", () => {
  it("is the connection's collation after SET NAMES", () => {
    expect(completed("'utf8mb4_bin'", Source.NAMES, "'latin1'")).toBe("'utf8mb4'/*utf8mb4_bin*/");
    expect(completed("'utf8mb4_general_ci'", Source.NAMES, "'latin1'")).toBe("'utf8mb4'");
    expect(completed("'unheard_of'", Source.NAMES, "'latin1'")).toBe("'utf8mb4'");
  });

  it("is the default after an assignment of its own", () => {
    const before = "'utf8mb4'/*utf8mb4_bin*/";
    expect(completed("'utf8mb4_bin'", Source.VALUE, before)).toBe("'utf8mb4'");
  });

  it("is what it was after an assignment that failed", () => {
    const before = "'utf8mb4'/*utf8mb4_bin*/";
    expect(completed("'utf8mb4_general_ci'", Source.FAILED, before)).toBe(before);
    expect(completed("'utf8mb4_general_ci'", Source.FAILED, "'latin1'")).toBe("'utf8mb4'");
  });
});
