import { describe, expect, it } from "vitest";
import { Capability } from "../../../proxy/wire/capabilities.ts";
import { decodeChangeUser, encodeChangeUser } from "../../../proxy/wire/change-user.ts";
import { encodeAttributes } from "../../../proxy/wire/login.ts";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";

const FLAGS =
  Capability.PROTOCOL_41 |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS;

const CHANGE = {
  user: "app",
  authResponse: Buffer.alloc(20, 3),
  schema: "shop",
  charset: 0x0135,
  plugin: "mysql_native_password",
  attributes: encodeAttributes([["_os", "linux"]]),
};

describe("a change of user", () => {
  it("is read as it was written", () => {
    expect(decodeChangeUser(encodeChangeUser(CHANGE, FLAGS), FLAGS)).toEqual(CHANGE);
    const old = {
      ...CHANGE,
      plugin: "",
      attributes: Buffer.alloc(0),
      authResponse: Buffer.from("scrambled"),
    };
    expect(
      decodeChangeUser(encodeChangeUser(old, Capability.PROTOCOL_41), Capability.PROTOCOL_41),
    ).toEqual(old);
  });

  it("may stop anywhere behind the auth response", () => {
    const start = "\x11app\0\x02xy";
    const read = (text: string) => decodeChangeUser(Buffer.from(text, "latin1"), FLAGS);
    expect(read(start)).toMatchObject({
      user: "app",
      authResponse: Buffer.from("xy"),
      schema: "",
      charset: 0,
    });
    expect(read(`${start}shop\0`)).toMatchObject({ schema: "shop", charset: 0, plugin: "" });
    expect(read(`${start}shop\0\x2d\0`)).toMatchObject({ schema: "shop", charset: 45, plugin: "" });
    expect(read(`${start}\0\x2d\0mysql_clear_password`)).toMatchObject({
      plugin: "mysql_clear_password",
    });
  });

  it("is malformed without an end to its user, or with an auth response cut short", () => {
    expect(() => decodeChangeUser(Buffer.from("\x11app", "latin1"), FLAGS)).toThrow(
      MalformedPacket,
    );
    expect(() => decodeChangeUser(Buffer.from("\x11app\0\x14xy", "latin1"), FLAGS)).toThrow(
      MalformedPacket,
    );
    expect(() => decodeChangeUser(Buffer.from("\x03app\0\0\0", "latin1"), FLAGS)).toThrow(
      MalformedPacket,
    );
  });

  it("does not take an auth response that its one length byte cannot hold", () => {
    expect(() => encodeChangeUser({ ...CHANGE, authResponse: Buffer.alloc(256) }, FLAGS)).toThrow(
      RangeError,
    );
  });
});
