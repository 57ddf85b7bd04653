import { describe, expect, it } from "vitest";
import { framePacket, MAX_PAYLOAD, PacketWriter } from "../../../proxy/wire/writer.ts";

/** Lengths and sequence numbers of the packets in the bytes. */
function headers(bytes: Buffer): [length: number, sequence: number][] {
  const found: [number, number][] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.readUIntLE(at, 3);
    found.push([length, bytes[at + 3]!]);
    at += 4 + length;
  }
  expect(at).toBe(bytes.length);
  return found;
}

describe("a framed packet", () => {
  it("has its length and number before it, and the next one the next number", () => {
    const writer = new PacketWriter().begin(254).text("ab").end();
    writer.begin().end();
    writer.begin().u8(7).end();
    expect(writer.bytes().toString("hex")).toBe("020000fe6162000000ff0100000007");
    expect(writer.sequence).toBe(1);
  });

  it("is several at 16 MiB, the last one shorter than the limit, maybe empty", () => {
    for (const extra of [-2, -1, 0, 1]) {
      const payload = Buffer.alloc(MAX_PAYLOAD + extra, 7);
      payload[0] = 1;
      payload[payload.length - 1] = 2;
      const packets: [number, number][] =
        extra < 0
          ? [[MAX_PAYLOAD + extra, 5]]
          : [
              [MAX_PAYLOAD, 5],
              [extra, 6],
            ];
      for (const bytes of [
        framePacket(payload, 5),
        new PacketWriter().begin(5).raw(payload).end().bytes(),
      ]) {
        expect(headers(bytes), String(extra)).toEqual(packets);
        const joined = Buffer.concat([
          bytes.subarray(4, 4 + packets[0]![0]),
          bytes.subarray(8 + packets[0]![0]),
        ]);
        expect(joined.equals(payload), String(extra)).toBe(true);
      }
    }
    const twice = new PacketWriter()
      .begin(255)
      .zeros(2 * MAX_PAYLOAD)
      .end()
      .bytes();
    expect(headers(twice)).toEqual([
      [MAX_PAYLOAD, 255],
      [MAX_PAYLOAD, 0],
      [0, 1],
    ]);
  });

  it("cannot be opened twice, ended unopened, or taken while open", () => {
    const writer = new PacketWriter().begin(0);
    expect(() => writer.begin()).toThrow();
    expect(() => writer.bytes()).toThrow();
    expect(() => writer.end().end()).toThrow();
  });
});

describe("a writer", () => {
  it("grows as needed and keeps what it has", () => {
    const writer = new PacketWriter(1);
    for (let i = 0; i < 1_000; i++) writer.u16(i);
    const bytes = writer.bytes();
    for (let i = 0; i < 1_000; i++) expect(bytes.readUInt16LE(2 * i)).toBe(i);
  });

  it("leaves alone what it returned when it is reset", () => {
    const writer = new PacketWriter();
    const first = writer.text("first").bytes();
    writer.reset();
    writer.text("again");
    expect(first.toString()).toBe("first");
  });
});
