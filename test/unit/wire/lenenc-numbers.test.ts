import { describe, expect, it } from "vitest";
import { NUMBERS } from "../../../proxy/wire/lenenc-numbers.ts";

function read(hex: string, at = 0, limit?: number): [low: number, high: number, next: number] {
  const bytes = Buffer.from(hex, "hex");
  const next = NUMBERS.read(bytes, at, limit ?? bytes.length);
  return [NUMBERS.low, NUMBERS.high, next];
}

describe("a length-encoded number", () => {
  it.each([
    ["00", [0, 0, 1]],
    ["fa", [250, 0, 1]],
    ["fcfb00", [251, 0, 3]],
    ["fcffff", [65_535, 0, 3]],
    ["fd000001", [65_536, 0, 4]],
    ["fdffffff", [0xffffff, 0, 4]],
    ["fe00000001 00000000", [0x0100_0000, 0, 9]],
    ["feffffffffffffffff", [0xffff_ffff, 0xffff_ffff, 9]],
    ["fe8877665544332211", [0x5566_7788, 0x1122_3344, 9]],
  ] as const)("is read in two halves: %s", (hex, expected) => {
    expect(read(hex.replaceAll(" ", ""))).toEqual(expected);
  });

  it("begins where it is told to", () => {
    expect(read("aafcfb00", 1)).toEqual([251, 0, 4]);
  });

  it.each(["", "fc", "fc00", "fd0000", "fe00000000000000", "fb", "ff"])(
    "does not fit where it is cut short or none: %j",
    (hex) => {
      const length = hex.length / 2;
      expect(read(hex)[2]).toBeGreaterThan(length);
      expect(read(`${hex}0011223344556677`, 0, length)[2]).toBeGreaterThan(length);
    },
  );

  it("does not fit behind the limit", () => {
    expect(read("0102", 5)[2]).toBeGreaterThan(2);
  });
});
