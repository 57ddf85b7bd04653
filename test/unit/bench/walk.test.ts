import fc from "fast-check";
import { expect, test } from "vitest";
import { encodePacket, encodeQuery, PacketWalk } from "../../../bench/raw/walk.ts";

interface Seen {
  sequence: number;
  length: number;
  kept: string;
}

function walkInPieces(stream: Buffer, pieces: readonly number[]): Seen[] {
  const walk = new PacketWalk();
  const seen: Seen[] = [];
  const sink = {
    packet: (bytes: Buffer, start: number, kept: number, length: number) => {
      const text = bytes.toString("latin1", start, start + kept);
      seen.push({ sequence: walk.sequence, length, kept: text });
    },
  };
  const shared = Buffer.alloc(stream.length);
  for (let at = 0, piece = 0; at < stream.length; piece++) {
    const size = Math.min(pieces[piece % pieces.length]!, stream.length - at);
    stream.copy(shared, 0, at, at + size);
    walk.feed(shared, size, sink);
    shared.fill(0x3f);
    at += size;
  }
  return seen;
}

test("packets come out whole however the stream is cut", () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
  const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(payloads, pieces, (bodies, cuts) => {
      const packets = bodies.map((body, at) => encodePacket(at, Buffer.from(body)));
      const expected = bodies.map((body, sequence) => ({
        sequence,
        length: body.length,
        kept: Buffer.from(body).toString("latin1"),
      }));
      expect(walkInPieces(Buffer.concat(packets), cuts)).toEqual(expected);
    }),
  );
});

test("of a long packet that arrives in pieces the beginning is kept", () => {
  const stream = Buffer.concat([
    encodePacket(1, Buffer.alloc(70_000, "a")),
    encodePacket(2, Buffer.from("next")),
  ]);
  const seen = walkInPieces(stream, [4_096]);
  expect(seen[0]).toEqual({ sequence: 1, length: 70_000, kept: "a".repeat(1_024) });
  expect(seen[1]).toEqual({ sequence: 2, length: 4, kept: "next" });
});

test("a query is one packet with its command", () => {
  expect(encodeQuery("SELECT 1").toString("latin1")).toBe("\x09\0\0\0\x03SELECT 1");
});
