import { describe, expect, it } from "vitest";
import { ResponseShape, ResponseWalker } from "../../../proxy/wire/response-walker.ts";
import {
  DIALECTS,
  type Dialect,
  dialectName,
  frame,
  largeSamples,
  type ResponseSample,
  responseSamples,
} from "../../support/response-samples.ts";

const PLAIN: Dialect = { deprecateEof: false, optionalMetadata: false, sessionTrack: false };
const MODERN: Dialect = { ...PLAIN, deprecateEof: true };
/** What stands behind a response must never be touched. */
const BEYOND = Buffer.from([0x05, 0x00, 0x00, 0x01, 0xff, 0x01, 0x02]);

function walkerFor(dialect: Dialect): ResponseWalker {
  const walker = new ResponseWalker();
  walker.deprecateEof = dialect.deprecateEof;
  walker.optionalMetadata = dialect.optionalMetadata;
  return walker;
}

function check(walker: ResponseWalker, sample: ResponseSample): void {
  expect({ ...sample.expected, done: walker.done, malformed: walker.malformed }).toEqual({
    ...Object.fromEntries(
      Object.keys(sample.expected).map((key) => [key, walker[key as keyof ResponseWalker]]),
    ),
    done: true,
    malformed: false,
  });
}

/** Feeds the parts one by one; each must be taken whole, and the walker be done after the last alone. */
function feedParts(walker: ResponseWalker, sample: ResponseSample, cuts: readonly number[]): void {
  walker.start(sample.shape);
  const { bytes } = sample;
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to <= from) continue;
    if (walker.done) throw new Error(`done at ${from} of ${bytes.length}`);
    const stop = walker.feed(bytes.subarray(from, to), 0, to - from);
    if (stop !== to - from) throw new Error(`took ${stop} of ${to - from} at ${from}`);
    from = to;
  }
  check(walker, sample);
}

describe.each(DIALECTS.map((dialect) => [dialectName(dialect), dialect] as const))(
  "a walker of responses (%s)",
  (_name, dialect) => {
    const samples = responseSamples(dialect);

    it.each(samples.map((sample) => [sample.name, sample] as const))(
      "finds the end of %s",
      (_, sample) => {
        const walker = walkerFor(dialect);
        feedParts(walker, sample, []);
        // In the middle of other bytes, and with bytes behind.
        const around = Buffer.concat([BEYOND, sample.bytes, BEYOND]);
        walker.start(sample.shape);
        expect(walker.feed(around, BEYOND.length, around.length)).toBe(
          BEYOND.length + sample.bytes.length,
        );
        check(walker, sample);
      },
    );

    it("finds the same ends when bytes come one by one", () => {
      const walker = walkerFor(dialect);
      for (const sample of samples) {
        const every = Array.from({ length: sample.bytes.length - 1 }, (_, i) => i + 1);
        feedParts(walker, sample, every);
      }
    });

    it("finds the same ends wherever bytes are cut once", () => {
      const walker = walkerFor(dialect);
      for (const sample of samples) {
        if (sample.bytes.length > 5_000) continue;
        for (let cut = 1; cut < sample.bytes.length; cut++) feedParts(walker, sample, [cut]);
      }
    });

    it("is never done before the last byte", () => {
      const walker = walkerFor(dialect);
      for (const { shape, bytes } of samples) {
        walker.start(shape);
        expect(walker.feed(bytes, 0, bytes.length - 1)).toBe(bytes.length - 1);
        expect(walker.done).toBe(false);
      }
    });
  },
);

describe.each([
  ["with EOF packets", PLAIN],
  ["without EOF packets", MODERN],
] as const)("a walker of large responses (%s)", (_name, dialect) => {
  it.each(largeSamples(dialect).map((sample) => [sample.name, sample] as const))(
    "passes %s",
    (_, sample) => {
      const walker = walkerFor(dialect);
      feedParts(walker, sample, []);
      const reads = Array.from(
        { length: Math.ceil(sample.bytes.length / 65_536) },
        (_, i) => i * 65_536,
      );
      feedParts(walker, sample, reads);
      for (const shift of [1, 2, 3, 4, 5, 27, 28]) {
        feedParts(
          walker,
          sample,
          reads.map((at) => at + shift),
        );
      }
    },
  );
});

describe("a walker at LOAD DATA LOCAL", () => {
  const wish = frame(Buffer.from("\xfb/tmp/orders.csv", "latin1"));

  it("stops where the server asks for the file, and goes on when it was sent", () => {
    const walker = walkerFor(MODERN);
    walker.start(ResponseShape.RESULT);
    expect(walker.feed(wish, 0, wish.length)).toBe(wish.length);
    expect([walker.wantsFile, walker.done]).toEqual([true, false]);
    walker.fileSent();
    const ok = frame(Buffer.from([0, 9, 0, 2, 0, 0, 0]), 9);
    expect(walker.feed(ok, 0, ok.length)).toBe(ok.length);
    expect([walker.wantsFile, walker.done, walker.affectedRows]).toEqual([false, true, 9]);
  });

  it("takes an error in place of the file's end", () => {
    const walker = walkerFor(MODERN);
    walker.start(ResponseShape.RESULT);
    walker.feed(wish, 0, wish.length);
    const err = frame(Buffer.from("\xff\x25\x05#70100killed", "latin1"), 3);
    expect(walker.feed(err, 0, err.length)).toBe(err.length);
    expect([walker.wantsFile, walker.done, walker.errorCode]).toEqual([false, true, 1317]);
  });

  it("takes nothing else before the file is sent", () => {
    for (const payload of ["\xfb/tmp/another", "\x00\x00\x00\x02\x00\x00\x00", "\x01"]) {
      const walker = walkerFor(MODERN);
      walker.start(ResponseShape.RESULT);
      walker.feed(wish, 0, wish.length);
      const more = frame(Buffer.from(payload, "latin1"));
      walker.feed(more, 0, more.length);
      expect(walker.malformed).toBe(true);
    }
  });
});

describe("a walker given what is no response", () => {
  const nonsense: [what: string, shape: ResponseShape, dialect: Dialect, payloads: string[]][] = [
    ["an empty packet", ResponseShape.RESULT, MODERN, [""]],
    ["an OK without status", ResponseShape.RESULT, MODERN, ["\x00\x00\x00"]],
    [
      "an OK with a number of no length",
      ResponseShape.RESULT,
      MODERN,
      ["\x00\xff\xff\xff\xff\xff\xff"],
    ],
    [
      "an OK with a number beyond its end",
      ResponseShape.RESULT,
      MODERN,
      ["\x00\xfe\x01\x01\x01\x01\x01"],
    ],
    ["an ERR without a number", ResponseShape.RESULT, MODERN, ["\xff\x01"]],
    ["a column count of no length", ResponseShape.RESULT, MODERN, ["\xfd\x01\x00\x00"]],
    ["no columns", ResponseShape.RESULT, MODERN, ["\xfc\x00\x00"]],
    ["a short EOF", ResponseShape.RESULT, PLAIN, ["\xfe\x00\x00"]],
    ["no EOF behind the columns", ResponseShape.RESULT, PLAIN, ["\x01", "\x03def", "\x01a"]],
    ["a short EOF behind the columns", ResponseShape.RESULT, PLAIN, ["\x01", "\x03def", "\xfe"]],
    ["an empty row", ResponseShape.RESULT, MODERN, ["\x01", "\x03def", ""]],
    [
      "rows that end in three bytes",
      ResponseShape.RESULT,
      MODERN,
      ["\x01", "\x03def", "\xfe\x00\x00"],
    ],
    ["a short preparation", ResponseShape.PREPARE, MODERN, ["\x00\x01\x00\x00\x00\x00\x00"]],
    ["a result set for a preparation", ResponseShape.PREPARE, MODERN, ["\x01"]],
    ["a file for a preparation", ResponseShape.PREPARE, MODERN, ["\xfb/etc/passwd"]],
    [
      "no EOF behind the parameters",
      ResponseShape.PREPARE,
      PLAIN,
      ["\x00\x01\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00", "\x03def", "\x03def"],
    ],
  ];

  it.each(nonsense)("calls it malformed: %s", (_what, shape, dialect, payloads) => {
    const bytes = Buffer.concat(
      payloads.map((each, i) => frame(Buffer.from(each, "latin1"), i + 1)),
    );
    for (const step of [bytes.length, 1, 3]) {
      const walker = walkerFor(dialect);
      walker.start(shape);
      for (let at = 0; at < bytes.length && !walker.malformed; at += step)
        walker.feed(bytes, at, Math.min(at + step, bytes.length));
      expect([walker.malformed, walker.done]).toEqual([true, false]);
    }
  });

  it("takes an error wherever a packet may stand", () => {
    const err = Buffer.from("\xff\x25\x05#70100killed", "latin1");
    const before: [ResponseShape, Dialect, string[]][] = [
      [ResponseShape.RESULT, PLAIN, []],
      [ResponseShape.RESULT, PLAIN, ["\x01"]],
      [ResponseShape.RESULT, PLAIN, ["\x01", "\x03def"]],
      [ResponseShape.RESULT, MODERN, ["\x01", "\x03def", "\x01a"]],
      [ResponseShape.PREPARE, PLAIN, ["\x00\x01\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00"]],
      [
        ResponseShape.PREPARE,
        PLAIN,
        ["\x00\x01\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00", "\x03def"],
      ],
      [ResponseShape.FIELD_LIST, PLAIN, ["\x03def"]],
      [ResponseShape.TEXT, PLAIN, []],
    ];
    for (const [shape, dialect, payloads] of before) {
      const walker = walkerFor(dialect);
      walker.start(shape);
      for (const payload of [...payloads.map((each) => Buffer.from(each, "latin1")), err]) {
        const bytes = frame(payload);
        expect(walker.feed(bytes, 0, bytes.length)).toBe(bytes.length);
      }
      expect([walker.done, walker.errorCode, walker.malformed]).toEqual([true, 1317, false]);
    }
  });
});
