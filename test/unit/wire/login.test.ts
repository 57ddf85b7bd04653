import { describe, expect, it } from "vitest";
import { Capability } from "../../../proxy/wire/capabilities.ts";
import {
  decodeAttributes,
  decodeLogin,
  encodeAttributes,
  encodeLogin,
  encodeSslRequest,
  type Login,
} from "../../../proxy/wire/login.ts";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";

const BASE = Capability.LONG_PASSWORD | Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION;

const LOGIN: Login = {
  kind: "login",
  capabilities:
    (BASE |
      Capability.CONNECT_WITH_DB |
      Capability.PLUGIN_AUTH |
      Capability.CONNECT_ATTRS |
      Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA) >>>
    0,
  mariadbCapabilities: 0,
  maxPacketBytes: 0x0100_0000,
  charset: 255,
  user: "app",
  authResponse: Buffer.alloc(20, 7),
  schema: "shop",
  plugin: "mysql_native_password",
  attributes: encodeAttributes([
    ["_client_name", "libmysql"],
    ["_pid", "4711"],
  ]),
  zstdLevel: 0,
};

/** A head, then the bytes given. */
function packet(capabilities: number, ...body: (string | number[])[]): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities >>> 0, 0);
  head.writeUInt32LE(0x0100_0000, 4);
  head[8] = 45;
  return Buffer.concat([
    head,
    ...body.map((part) =>
      typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part),
    ),
  ]);
}

function login(payload: Buffer): Login {
  const decoded = decodeLogin(payload);
  if (decoded.kind !== "login") throw new Error(`decoded as ${decoded.kind}`);
  return decoded;
}

describe("a login", () => {
  it("is read as it was written", () => {
    expect(decodeLogin(encodeLogin(LOGIN))).toEqual(LOGIN);
  });

  it("keeps its connection attributes as bytes until they are asked for", () => {
    expect(decodeAttributes(login(encodeLogin(LOGIN)).attributes)).toEqual([
      ["_client_name", "libmysql"],
      ["_pid", "4711"],
    ]);
  });

  it("carries MariaDB's extended capabilities where LONG_PASSWORD is clear, and only there", () => {
    const capabilities = (LOGIN.capabilities & ~Capability.LONG_PASSWORD) >>> 0;
    const mariadb = { ...LOGIN, capabilities, mariadbCapabilities: 0x1c };
    expect(decodeLogin(encodeLogin(mariadb))).toEqual(mariadb);
    expect(login(encodeLogin({ ...LOGIN, mariadbCapabilities: 0x1c })).mariadbCapabilities).toBe(0);
  });

  it("keeps bit 31 of the capabilities positive", () => {
    const capabilities = (LOGIN.capabilities | Capability.REMEMBER_OPTIONS) >>> 0;
    expect(login(encodeLogin({ ...LOGIN, capabilities })).capabilities).toBe(capabilities);
  });

  it("may carry an auth response of more than 250 bytes under the lenenc capability", () => {
    const authResponse = Buffer.alloc(1_000, 1);
    expect(login(encodeLogin({ ...LOGIN, authResponse })).authResponse).toEqual(authResponse);
  });

  it("may end its auth response with NUL where SECURE_CONNECTION is clear", () => {
    const flags = Capability.LONG_PASSWORD | Capability.PROTOCOL_41;
    expect(login(packet(flags, "app\0secret\0")).authResponse.toString()).toBe("secret");
  });

  it("may name a user in single quotes", () => {
    expect(login(packet(BASE, "'app'\0", [0])).user).toBe("app");
    expect(login(packet(BASE, "'\0", [0])).user).toBe("'");
  });

  it("may stop before fields that it announces", () => {
    const flags =
      BASE | Capability.CONNECT_WITH_DB | Capability.PLUGIN_AUTH | Capability.CONNECT_ATTRS;
    const bare = login(packet(flags, "app\0", [0]));
    expect([bare.schema, bare.plugin, bare.attributes.length]).toEqual(["", "", 0]);
    const unended = login(packet(flags, "app\0", [0], "shop\0mysql_clear_password"));
    expect([unended.schema, unended.plugin]).toEqual(["shop", "mysql_clear_password"]);
    expect(login(packet(flags, "app\0", [0], "shop")).schema).toBe("shop");
  });

  it("is refused when its auth response or attributes reach past its end", () => {
    expect(() => login(packet(BASE, "app\0", [20, 1, 2]))).toThrow(MalformedPacket);
    expect(() => login(packet(BASE | Capability.CONNECT_ATTRS, "app\0", [0], [200, 1]))).toThrow(
      MalformedPacket,
    );
  });

  it("names side, field and offset when malformed", () => {
    try {
      decodeLogin(packet(BASE, "app\0", [20, 1, 2]));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ side: "client", what: "auth response", offset: 37 });
    }
  });

  it("of before 4.1 is told apart", () => {
    expect(decodeLogin(Buffer.from("\x05\x24\x00\x00\x00root\0", "latin1"))).toEqual({
      kind: "oldLogin",
    });
  });
});

describe("a TLS request", () => {
  const capabilities = (BASE | Capability.SSL) >>> 0;

  it("is the head alone", () => {
    const request = {
      kind: "sslRequest",
      capabilities,
      mariadbCapabilities: 0,
      maxPacketBytes: 1,
      charset: 8,
    } as const;
    expect(decodeLogin(encodeSslRequest(request))).toEqual(request);
  });

  it("may be four bytes long, as old Connector/J sends it", () => {
    const short = packet(capabilities).subarray(0, 4);
    expect(decodeLogin(short)).toMatchObject({ kind: "sslRequest", capabilities });
  });

  it("is not what follows it under TLS, though that has the flag too", () => {
    expect(decodeLogin(packet(capabilities, "app\0", [0])).kind).toBe("login");
  });
});
