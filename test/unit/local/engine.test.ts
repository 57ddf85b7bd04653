import { describe, expect, test } from "vitest";
import { compareVersions, parseServerVersion, tooOld } from "../../../local/engine.ts";

describe("a server's answer to --version", () => {
  test.each([
    ["/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 (Debian)", "mysql", "9.7.4"],
    ["mysqld  Ver 8.0.46-0ubuntu0.24.04.1 for Linux on x86_64 ((Ubuntu))", "mysql", "8.0.46"],
    [
      "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)",
      "mariadb",
      "10.11.19",
    ],
    ["mariadbd  Ver 11.8.2-MariaDB for osx10.20 on arm64 (Homebrew)", "mariadb", "11.8.2"],
  ])("tells engine and version: %s", (text, engine, version) => {
    expect(parseServerVersion(text)).toEqual({ engine, version });
  });

  test.each(["", "GNU bash, version 5.2.15", "mysqld: unknown option"])("is not %j", (text) => {
    expect(parseServerVersion(text)).toBeNull();
  });
});

describe("versions", () => {
  test("compare by number, part by part", () => {
    expect(compareVersions("8.0.9", "8.0.26")).toBeLessThan(0);
    expect(compareVersions("10.11.19", "10.5.2")).toBeGreaterThan(0);
    expect(compareVersions("9.7.4", "9.7.4")).toBe(0);
  });

  test("are refused when their replication statements are not ours", () => {
    expect(tooOld({ engine: "mysql", version: "5.7.44" })).toMatch(/older/);
    expect(tooOld({ engine: "mysql", version: "8.0.26" })).toBeNull();
    expect(tooOld({ engine: "mariadb", version: "10.3.39" })).toMatch(/older/);
    expect(tooOld({ engine: "mariadb", version: "10.11.19" })).toBeNull();
  });
});
