import { describe, expect, it } from "vitest";
import { Capability } from "../../../proxy/wire/capabilities.ts";
import {
  decodeGreeting,
  describeServer,
  encodeGreeting,
  type Greeting,
} from "../../../proxy/wire/greeting.ts";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";

const MYSQL: Greeting = {
  kind: "greeting",
  serverVersion: "8.4.6",
  connectionId: 4_000_000_000,
  nonce: Buffer.from("0123456789abcdefghij"),
  capabilities: 0xdfff_ffff,
  mariadbCapabilities: 0,
  charset: 255,
  status: 2,
  plugin: "caching_sha2_password",
};

const MARIADB: Greeting = {
  ...MYSQL,
  serverVersion: "5.5.5-10.11.6-MariaDB-0+deb12u1",
  capabilities: 0x81ff_f7fe,
  mariadbCapabilities: 0x1d,
  plugin: "mysql_native_password",
};

function greeting(payload: Buffer): Greeting {
  const decoded = decodeGreeting(payload);
  if (decoded.kind !== "greeting") throw new Error(`decoded as ${decoded.kind}`);
  return decoded;
}

describe("a greeting", () => {
  it("is read as it was written, MySQL's and MariaDB's", () => {
    expect(decodeGreeting(encodeGreeting(MYSQL))).toEqual(MYSQL);
    expect(decodeGreeting(encodeGreeting(MARIADB))).toEqual(MARIADB);
  });

  it("has the bytes that a MySQL server sends", () => {
    const expected = `${"0a"}${Buffer.from("8.4.6\0").toString("hex")}${"00286bee"}${Buffer.from("01234567").toString("hex")}00ffffff0200ffdf15${"00".repeat(10)}${Buffer.from("89abcdefghij\0caching_sha2_password\0").toString("hex")}`;
    expect(encodeGreeting(MYSQL).toString("hex")).toBe(expected);
  });

  it("may lack the NUL after the plugin", () => {
    const bytes = encodeGreeting(MYSQL);
    expect(greeting(bytes.subarray(0, -1)).plugin).toBe("caching_sha2_password");
  });

  it("without PLUGIN_AUTH names no plugin", () => {
    const old = {
      ...MYSQL,
      capabilities: (MYSQL.capabilities & ~Capability.PLUGIN_AUTH) >>> 0,
      plugin: "",
    };
    expect(decodeGreeting(encodeGreeting(old))).toEqual(old);
  });

  it("may be an error, with or without SQLSTATE", () => {
    expect(decodeGreeting(Buffer.from("\xff\x10\x04Too many connections", "latin1"))).toEqual({
      kind: "err",
      errno: 1040,
      sqlState: "",
      message: "Too many connections",
    });
    expect(
      decodeGreeting(Buffer.from("\xff\x6a\x04#HY000Host is blocked", "latin1")),
    ).toMatchObject({
      errno: 1130,
      sqlState: "HY000",
      message: "Host is blocked",
    });
  });

  it("of protocol 9, or cut anywhere before the plugin, is malformed", () => {
    expect(() => decodeGreeting(Buffer.from([9, 0]))).toThrow(MalformedPacket);
    const bytes = encodeGreeting(MYSQL);
    for (let end = 0; end < bytes.length - MYSQL.plugin.length - 1; end++) {
      expect(() => decodeGreeting(bytes.subarray(0, end)), `cut at ${end}`).toThrow(
        MalformedPacket,
      );
    }
  });
});

describe("the server behind a greeting", () => {
  it("is MariaDB by its prefix, its name or its clear LONG_PASSWORD", () => {
    expect(describeServer(MARIADB)).toEqual({
      mariadb: true,
      version: "10.11.6-MariaDB-0+deb12u1",
    });
    expect(describeServer({ ...MYSQL, serverVersion: "11.4.2-MariaDB" }).mariadb).toBe(true);
    expect(
      describeServer({ ...MYSQL, capabilities: 0x81ff_f7fe, serverVersion: "8.0.99-faked" })
        .mariadb,
    ).toBe(true);
  });

  it("is MySQL else", () => {
    expect(describeServer(MYSQL)).toEqual({ mariadb: false, version: "8.4.6" });
  });
});
