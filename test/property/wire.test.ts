import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as auth from "../../proxy/wire/auth-packets.ts";
import { Capability, hasCapability } from "../../proxy/wire/capabilities.ts";
import {
  type ChangeUser,
  decodeChangeUser,
  encodeChangeUser,
} from "../../proxy/wire/change-user.ts";
import { decodeEof, encodeEof } from "../../proxy/wire/eof.ts";
import { decodeErr, encodeErr } from "../../proxy/wire/err.ts";
import { decodeGreeting, encodeGreeting, type Greeting } from "../../proxy/wire/greeting.ts";
import {
  decodeAttributes,
  decodeLogin,
  encodeAttributes,
  encodeLogin,
  type Login,
} from "../../proxy/wire/login.ts";
import { MalformedPacket } from "../../proxy/wire/malformed-packet.ts";
import { decodeOk, encodeOk, type OkPacket } from "../../proxy/wire/ok.ts";
import { PacketReader } from "../../proxy/wire/reader.ts";
import {
  decodeSessionTrack,
  type SessionTrackVisitor,
  SessionTrackWriter,
} from "../../proxy/wire/session-track.ts";
import { Status } from "../../proxy/wire/status.ts";
import { PacketWriter } from "../../proxy/wire/writer.ts";

const EMPTY = Buffer.alloc(0);
const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const u64 = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((n) => (n <= Number.MAX_SAFE_INTEGER ? Number(n) : n));
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const text = fc.string({ unit: "grapheme", maxLength: 40 });
/** Text that may stand before a NUL. */
const nulText = text.filter((value) => !value.includes("\0"));
const capabilities = u32.map((flags) => (flags | Capability.PROTOCOL_41) >>> 0);

const greeting: fc.Arbitrary<Greeting> = fc.record({
  kind: fc.constant("greeting" as const),
  serverVersion: nulText,
  connectionId: u32,
  nonce: fc.uint8Array({ minLength: 20, maxLength: 200 }).map((array) => Buffer.from(array)),
  capabilities: u32.map(
    (flags) => (flags | Capability.SECURE_CONNECTION | Capability.PLUGIN_AUTH) >>> 0,
  ),
  mariadbCapabilities: u32,
  charset: u8,
  status: u16,
  plugin: nulText,
});

const login: fc.Arbitrary<Login> = fc.record({
  kind: fc.constant("login" as const),
  capabilities,
  mariadbCapabilities: u32,
  maxPacketBytes: u32,
  charset: u8,
  user: nulText.filter((user) => !user.startsWith("'")),
  authResponse: fc.uint8Array({ maxLength: 255, min: 1 }).map((array) => Buffer.from(array)),
  schema: nulText,
  plugin: nulText,
  attributes: bytes(),
  zstdLevel: u8,
});

const ok: fc.Arbitrary<OkPacket> = fc.record({
  kind: fc.constant("ok" as const),
  endsRows: fc.boolean(),
  affectedRows: u64,
  insertId: u64,
  status: u16,
  warnings: u16,
  info: text,
  sessionTrack: bytes(),
});

const changeUser: fc.Arbitrary<ChangeUser> = fc.record({
  user: nulText,
  authResponse: fc.uint8Array({ maxLength: 255, min: 1 }).map((array) => Buffer.from(array)),
  schema: nulText,
  charset: u16,
  plugin: nulText,
  attributes: bytes(),
});

/** What of a value survives: fields that the capabilities do not announce are not on the wire. */
function announced<T>(flags: number, capability: number, value: T, absent: T): T {
  return hasCapability(flags, capability) ? value : absent;
}

describe("decoding what was encoded", () => {
  it("gives the greeting back", () => {
    fc.assert(
      fc.property(greeting, (value) => {
        const absent = hasCapability(value.capabilities, Capability.LONG_PASSWORD);
        expect(decodeGreeting(encodeGreeting(value))).toEqual(
          absent ? { ...value, mariadbCapabilities: 0 } : value,
        );
      }),
    );
  });

  it("gives the login back", () => {
    fc.assert(
      fc.property(login, (value) => {
        const flags = value.capabilities;
        expect(decodeLogin(encodeLogin(value))).toEqual({
          ...value,
          mariadbCapabilities: announced(
            flags,
            Capability.LONG_PASSWORD,
            0,
            value.mariadbCapabilities,
          ),
          schema: announced(flags, Capability.CONNECT_WITH_DB, value.schema, ""),
          plugin: announced(flags, Capability.PLUGIN_AUTH, value.plugin, ""),
          attributes: announced(flags, Capability.CONNECT_ATTRS, value.attributes, EMPTY),
          zstdLevel: announced(flags, Capability.ZSTD_COMPRESSION_ALGORITHM, value.zstdLevel, 0),
        });
      }),
    );
  });

  it("gives the change of user back", () => {
    fc.assert(
      fc.property(changeUser, capabilities, (value, flags) => {
        expect(decodeChangeUser(encodeChangeUser(value, flags), flags)).toEqual({
          ...value,
          plugin: announced(flags, Capability.PLUGIN_AUTH, value.plugin, ""),
          attributes: announced(flags, Capability.CONNECT_ATTRS, value.attributes, EMPTY),
        });
      }),
    );
  });

  it("gives OK back, in either form of the text", () => {
    fc.assert(
      fc.property(ok, capabilities, (value, flags) => {
        const tracked =
          hasCapability(flags, Capability.SESSION_TRACK) &&
          hasCapability(value.status, Status.SESSION_STATE_CHANGED);
        expect(decodeOk(encodeOk(value, flags), flags)).toEqual(
          tracked ? value : { ...value, sessionTrack: EMPTY },
        );
      }),
    );
  });

  it("gives ERR, EOF and the packets of a login back", () => {
    const sqlState = fc.constantFrom("", "HY000", "08S01", "42000");
    fc.assert(
      fc.property(
        u16,
        sqlState,
        nulText.filter((message) => !message.startsWith("#")),
        (errno, state, message) => {
          const err = { kind: "err" as const, errno, sqlState: state, message };
          expect(decodeErr(encodeErr(err))).toEqual(err);
        },
      ),
    );
    fc.assert(
      fc.property(u16, u16, (warnings, status) => {
        const eof = { kind: "eof" as const, warnings, status };
        expect(decodeEof(encodeEof(eof))).toEqual(eof);
      }),
    );
    fc.assert(
      fc.property(nulText, bytes(), (plugin, data) => {
        expect(
          auth.decodeAuthSwitchRequest(auth.encodeAuthSwitchRequest({ plugin, data })),
        ).toEqual({ plugin, data });
        expect(auth.decodeAuthMoreData(auth.encodeAuthMoreData(data))).toEqual(data);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
        expect(decodeAttributes(encodeAttributes(pairs))).toEqual(pairs);
      }),
    );
  });

  it("gives session state back", () => {
    const call = fc.oneof(
      fc.tuple(fc.constant("systemVariable" as const), bytes(40), bytes(300)),
      fc.tuple(
        fc.constantFrom("schema", "gtids", "transactionCharacteristics", "transactionState"),
        bytes(300),
      ),
      fc.tuple(fc.constant("stateChange" as const), fc.boolean()),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 6 }), (calls) => {
        const writer = new SessionTrackWriter();
        for (const [name, ...args] of calls)
          (writer as unknown as Record<string, (...a: unknown[]) => void>)[name]!(...args);
        const seen: unknown[] = [];
        const visitor = new Proxy(
          {},
          {
            get:
              (_, name) =>
              (...args: unknown[]) =>
                seen.push([name, ...args]),
          },
        );
        decodeSessionTrack(writer.bytes(), visitor as SessionTrackVisitor);
        expect(seen).toEqual(calls);
      }),
    );
  });

  it("gives integers of every width back", () => {
    fc.assert(
      fc.property(u64, (value) => {
        const reader = new PacketReader(
          new PacketWriter().lenenc(value).u64(value).bytes(),
          "client",
        );
        expect([reader.lenenc(""), reader.u64(""), reader.remaining]).toEqual([value, value, 0]);
      }),
    );
  });
});

/** Every decoder as a function of bytes and flags. */
const DECODERS: Record<string, (payload: Buffer, flags: number) => unknown> = {
  greeting: decodeGreeting,
  login: decodeLogin,
  attributes: decodeAttributes,
  changeUser: decodeChangeUser,
  ok: decodeOk,
  err: decodeErr,
  eof: decodeEof,
  switch: auth.decodeAuthSwitchRequest,
  more: auth.decodeAuthMoreData,
  sessionTrack: (payload) =>
    decodeSessionTrack(
      payload,
      new Proxy({}, { get: () => () => undefined }) as SessionTrackVisitor,
    ),
};

/** A value, or MalformedPacket with an offset within the payload. */
function isTotal(
  decode: (payload: Buffer, flags: number) => unknown,
  payload: Buffer,
  flags: number,
): boolean {
  try {
    decode(payload, flags);
    return true;
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
    return error.offset >= 0 && error.offset <= payload.length;
  }
}

describe("every decoder", () => {
  const samples: [name: string, sample: fc.Arbitrary<Buffer>][] = [
    ["greeting", greeting.map(encodeGreeting)],
    ["login", login.map(encodeLogin)],
    ["changeUser", changeUser.map((value) => encodeChangeUser(value, 0xffff_ffff))],
    ["ok", ok.map((value) => encodeOk(value, Capability.SESSION_TRACK))],
  ];

  for (const [name, decode] of Object.entries(DECODERS)) {
    it(`returns or says what is malformed, for any bytes: ${name}`, () => {
      fc.assert(
        fc.property(bytes(120), u32, (payload, flags) => isTotal(decode, payload, flags)),
        { numRuns: 500 },
      );
    });
  }

  for (const [name, sample] of samples) {
    it(`returns or says what is malformed, for packets cut or changed anywhere: ${name}`, () => {
      const decode = DECODERS[name]!;
      fc.assert(
        fc.property(sample, fc.nat(), u8, u32, (payload, at, byte, flags) => {
          for (let end = 0; end < payload.length; end++)
            if (!isTotal(decode, payload.subarray(0, end), flags)) return false;
          payload[at % payload.length] = byte;
          return isTotal(decode, payload, flags);
        }),
      );
    });
  }

  it("sees nothing of the bytes around its payload", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(DECODERS)),
        bytes(120),
        bytes(40),
        u32,
        (name, payload, around, flags) => {
          const outcome = (bytes: Buffer): unknown => {
            try {
              return DECODERS[name]!(bytes, flags);
            } catch (error) {
              return (error as Error).message;
            }
          };
          const framed = Buffer.concat([around, payload, around]);
          const inside = framed.subarray(around.length, around.length + payload.length);
          expect(outcome(inside)).toEqual(outcome(payload));
        },
      ),
    );
  });
});
