import { describe, expect, it } from "vitest";
import { makeFault } from "../../../proxy/base/faults.ts";
import { decodeEof, encodeEof, isEof } from "../../../proxy/wire/eof.ts";
import { decodeErr, encodeErr, isErr } from "../../../proxy/wire/err.ts";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";

describe("an ERR packet", () => {
  it("is made from a fault", () => {
    const bytes = encodeErr(makeFault("borrowTimeout"));
    expect(bytes.toString("latin1")).toBe(
      "\xff\x1d\x25#HY000Timed-out waiting to acquire database connection",
    );
    expect(isErr(bytes)).toBe(true);
  });

  it("may have no SQLSTATE", () => {
    const err = { errno: 1040, sqlState: "", message: "Too many connections" };
    expect(decodeErr(encodeErr(err))).toEqual({ kind: "err", ...err });
  });

  it("whose text begins with '#' and is too short for a SQLSTATE is text", () => {
    expect(decodeErr(Buffer.from("\xff\x10\x04#why", "latin1"))).toMatchObject({
      sqlState: "",
      message: "#why",
    });
  });

  it("without a number is malformed", () => {
    expect(() => decodeErr(Buffer.from([0xff, 0x10]))).toThrow(MalformedPacket);
    expect(() => decodeErr(Buffer.from([0x00, 0x10, 0x04]))).toThrow(MalformedPacket);
  });
});

describe("an EOF packet", () => {
  it("is read as it was written", () => {
    const eof = { kind: "eof", warnings: 2, status: 0x22 } as const;
    expect(encodeEof(eof).toString("hex")).toBe("fe02002200");
    expect(decodeEof(encodeEof(eof))).toEqual(eof);
  });

  it("is not a long row that begins with the same byte", () => {
    expect(isEof(Buffer.from([0xfe, 0, 0, 2, 0]))).toBe(true);
    expect(isEof(Buffer.concat([Buffer.from([0xfe]), Buffer.alloc(8)]))).toBe(false);
    expect(isEof(Buffer.alloc(0))).toBe(false);
  });
});
