import { describe, expect, it } from "vitest";
import {
  hasAsciiTrailBytes,
  isAsciiTrailCharset,
  wideCharset,
} from "../../../proxy/wire/charsets.ts";

describe("a collation by number", () => {
  it("belongs to a wide character set, in MySQL's numbers and MariaDB's", () => {
    const wide = {
      35: "ucs2",
      159: "ucs2",
      101: "utf16",
      56: "utf16le",
      160: "utf32",
      183: "utf32",
    };
    const mariadb = {
      1059: "ucs2",
      1080: "utf16le",
      642: "ucs2",
      2560: "ucs2",
      3071: "utf16",
      3327: "utf32",
    };
    for (const [number, charset] of Object.entries({ ...wide, ...mariadb })) {
      expect(wideCharset(Number(number)), number).toBe(charset);
    }
  });

  it("of utf8mb4, latin1 and the rest is not wide", () => {
    for (const number of [0, 8, 33, 45, 63, 192, 224, 255, 305, 1057, 1069, 2048, 2304, 3328]) {
      expect(wideCharset(number), String(number)).toBeNull();
    }
  });

  it("may have trail bytes that look like ASCII", () => {
    for (const number of [1, 13, 28, 95, 250, 1025, 1037])
      expect(hasAsciiTrailBytes(number), String(number)).toBe(true);
    for (const number of [8, 12, 24, 45, 255])
      expect(hasAsciiTrailBytes(number), String(number)).toBe(false);
    expect(isAsciiTrailCharset("gbk")).toBe(true);
    expect(isAsciiTrailCharset("utf8mb4")).toBe(false);
  });
});
