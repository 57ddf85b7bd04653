import { describe, expect, it } from "vitest";
import { RequestWalker } from "../../../proxy/wire/request-walker.ts";
import { frame, MAX_PAYLOAD } from "../../support/response-samples.ts";

/** Feeds `bytes[from, …)` in steps; where the request ended, or -1 if it did not. */
function endOf(walker: RequestWalker, bytes: Buffer, from: number, step: number): number {
  for (let at = from; at < bytes.length; ) {
    const stop = walker.feed(bytes, at, Math.min(at + step, bytes.length));
    if (walker.done) return stop;
    at = stop;
  }
  return -1;
}

describe("a walker of commands", () => {
  const lengths = [
    1,
    2,
    100,
    MAX_PAYLOAD - 1,
    MAX_PAYLOAD,
    MAX_PAYLOAD + 1,
    2 * MAX_PAYLOAD,
    2 * MAX_PAYLOAD + 5,
  ];

  it.each(lengths)(
    "finds the end of one of %i bytes, however much was passed on before",
    (length) => {
      const request = frame(Buffer.alloc(length, 7), 0);
      const bytes = Buffer.concat([request, Buffer.from([9, 0, 0, 0])]);
      const first = Math.min(length, MAX_PAYLOAD);
      for (const sent of [0, 1, first - 1, first]) {
        if (sent === first && first < MAX_PAYLOAD) continue;
        for (const step of [bytes.length, 65_536, 65_537]) {
          const walker = RequestWalker.command(first, sent);
          expect(endOf(walker, bytes, 4 + sent, step)).toBe(request.length);
        }
      }
    },
  );

  it("is done at once where nothing is missing", () => {
    expect(RequestWalker.command(5, 5).done).toBe(true);
    expect(RequestWalker.command(MAX_PAYLOAD, MAX_PAYLOAD).done).toBe(false);
  });

  it("finds headers that arrive byte by byte", () => {
    const bytes = frame(Buffer.alloc(MAX_PAYLOAD + 3, 7), 0);
    const walker = RequestWalker.command(MAX_PAYLOAD, MAX_PAYLOAD);
    expect(endOf(walker, bytes, 4 + MAX_PAYLOAD, 1)).toBe(bytes.length);
  });
});

describe("a walker of files", () => {
  const EMPTY = frame(Buffer.alloc(0), 5);

  it.each([
    ["an empty file", []],
    ["a small file", [10]],
    ["packets of several lengths", [1, 65_536, 3, MAX_PAYLOAD - 1]],
    ["the largest packets", [MAX_PAYLOAD, 7]],
  ])("finds the empty packet behind %s", (_what, lengths) => {
    const packets = lengths.map((length) => {
      const packet = frame(Buffer.alloc(length, 0));
      return packet.subarray(0, 4 + length);
    });
    const bytes = Buffer.concat([...packets, EMPTY, Buffer.from([1, 2, 3])]);
    for (const step of [bytes.length, 65_536, 7_001]) {
      expect(endOf(RequestWalker.file(), bytes, 0, step)).toBe(bytes.length - 3);
    }
    if (bytes.length < 1_000)
      expect(endOf(RequestWalker.file(), bytes, 0, 1)).toBe(bytes.length - 3);
  });

  it("has no end before the empty packet", () => {
    const bytes = frame(Buffer.alloc(100));
    expect(endOf(RequestWalker.file(), bytes, 0, 1)).toBe(-1);
    expect(endOf(RequestWalker.file(), EMPTY.subarray(0, 3), 0, 1)).toBe(-1);
  });
});
