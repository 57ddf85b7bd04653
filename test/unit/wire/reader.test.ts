import { describe, expect, it } from "vitest";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";
import { PacketReader } from "../../../proxy/wire/reader.ts";

const reader = (hex: string): PacketReader => new PacketReader(Buffer.from(hex, "hex"), "client");

describe("a reader", () => {
  it("reads integers of every width, the largest exactly", () => {
    const ints = reader(
      "01 0203 040506 07080980 ffffffffffff1f00 0000000000002000".replaceAll(" ", ""),
    );
    expect(ints.u8("")).toBe(1);
    expect(ints.u16("")).toBe(0x0302);
    expect(ints.u24("")).toBe(0x060504);
    expect(ints.u32("")).toBe(0x80090807);
    expect(ints.u64("")).toBe(Number.MAX_SAFE_INTEGER);
    expect(ints.u64("")).toBe(9_007_199_254_740_992n);
  });

  it("reads length-encoded integers by their first byte, and neither NULL nor 0xff", () => {
    expect(reader("fa").lenenc("")).toBe(250);
    expect(reader("fcfb00").lenenc("")).toBe(251);
    expect(reader("fd000001").lenenc("")).toBe(65_536);
    expect(reader("fe0000000100000000").lenenc("")).toBe(16_777_216);
    expect(reader("feffffffffffffffff").lenenc("")).toBe(18_446_744_073_709_551_615n);
    expect(() => reader("fb").lenenc("")).toThrow(MalformedPacket);
    expect(() => reader("ff").lenenc("")).toThrow(MalformedPacket);
  });

  it("takes no length that reaches past its end", () => {
    for (const hex of [
      "01",
      "fcffff",
      "fdffffff00",
      "feffffffffffffffff00",
      "fe00000000010000000000",
    ]) {
      expect(() => reader(hex).lenencBytes(""), hex).toThrow(MalformedPacket);
    }
  });

  it("sees nothing outside of its bounds, a NUL behind them neither", () => {
    const bytes = Buffer.from("xxab\0yy");
    const bounded = new PacketReader(bytes, "backend", 2, 4);
    expect(bounded.nulOrRestText("")).toBe("ab");
    expect(bounded.peek()).toBe(-1);
    expect(() => new PacketReader(bytes, "backend", 2, 4).nulText("")).toThrow(MalformedPacket);
    expect(() => new PacketReader(bytes, "backend", 2, 4).u24("")).toThrow(MalformedPacket);
    expect(new PacketReader(bytes, "backend", 2, 4).rest().toString()).toBe("ab");
    expect(() => new PacketReader(bytes, "backend", 2, 8)).toThrow(RangeError);
  });

  it("counts offsets from the start of the payload", () => {
    const bounded = new PacketReader(Buffer.from("xxab"), "backend", 2);
    bounded.u8("");
    expect(() => bounded.u16("status")).toThrow(
      "Malformed packet from the backend: status at byte 1",
    );
  });
});
