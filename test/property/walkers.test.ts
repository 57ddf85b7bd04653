import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NUMBERS } from "../../proxy/wire/lenenc-numbers.ts";
import { queryTextStart } from "../../proxy/wire/query-text.ts";
import { RequestWalker } from "../../proxy/wire/request-walker.ts";
import { ResponseShape, ResponseWalker } from "../../proxy/wire/response-walker.ts";
import { decodeTextRows } from "../../proxy/wire/text-result.ts";
import {
  DIALECTS,
  type Dialect,
  frame,
  lenenc,
  responseSamples,
} from "../support/response-samples.ts";

const dialect = fc.constantFrom(...DIALECTS);
const anyBytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const sample = dialect.chain((spoken) =>
  fc.record({
    spoken: fc.constant(spoken),
    sample: fc.constantFrom(...responseSamples(spoken)),
  }),
);

function walkerFor(spoken: Dialect): ResponseWalker {
  const walker = new ResponseWalker();
  walker.deprecateEof = spoken.deprecateEof;
  walker.optionalMetadata = spoken.optionalMetadata;
  return walker;
}

/** Sizes of reads until `length` is reached. */
function cut(length: number, sizes: readonly number[]): number[] {
  const ends: number[] = [];
  for (let at = 0, i = 0; at < length; i++) {
    at = Math.min(length, at + 1 + (sizes[i % sizes.length] ?? 0));
    ends.push(at);
  }
  return ends;
}

/** Everything that a walker tells. */
function told(walker: ResponseWalker): unknown {
  return { ...walker };
}

describe("a walker of responses", () => {
  const sizes = fc.array(fc.nat(120), { minLength: 1, maxLength: 12 });

  it("tells the same for any cut of one response after another", () => {
    fc.assert(
      fc.property(
        dialect,
        fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
        sizes,
        (spoken, picks, steps) => {
          const samples = responseSamples(spoken);
          const cutting = walkerFor(spoken);
          const whole = walkerFor(spoken);
          for (const pick of picks) {
            const { shape, bytes } = samples[pick % samples.length]!;
            whole.start(shape);
            expect(whole.feed(bytes, 0, bytes.length)).toBe(bytes.length);
            cutting.start(shape);
            let from = 0;
            for (const to of cut(bytes.length, steps)) {
              expect(cutting.done).toBe(false);
              expect(cutting.feed(bytes, from, to)).toBe(to);
              from = to;
            }
            expect(told(cutting)).toEqual(told(whole));
            expect(whole.done).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("returns a position in its bytes and ends in peace, whatever they are", () => {
    const shape = fc.constantFrom(...Object.values(ResponseShape));
    fc.assert(
      fc.property(dialect, shape, anyBytes(400), sizes, (spoken, asked, bytes, steps) => {
        const walker = walkerFor(spoken);
        walker.start(asked);
        let from = 0;
        for (const to of cut(bytes.length, steps)) {
          const stop = walker.feed(bytes, from, to);
          expect(stop).toBeGreaterThanOrEqual(from);
          expect(stop).toBeLessThanOrEqual(to);
          if (walker.done || walker.malformed || walker.wantsFile) return;
          expect(stop).toBe(to);
          from = to;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("judges changed responses the same in any cut, and reads nothing around them", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        sample,
        changes,
        sizes,
        anyBytes(40),
        ({ spoken, sample: { shape, bytes } }, changed, steps, around) => {
          const mutant = Buffer.from(bytes.subarray(0, 3_000));
          for (const [at, byte] of changed) mutant[at % Math.min(mutant.length, 60)] = byte;
          const outcome = (ends: readonly number[], frameOf: Buffer): unknown => {
            const walker = walkerFor(spoken);
            walker.start(shape);
            const framed = Buffer.concat([frameOf, mutant, frameOf]);
            let from = 0;
            let stop = 0;
            for (const to of ends) {
              stop =
                walker.feed(framed, frameOf.length + from, frameOf.length + to) - frameOf.length;
              if (walker.done || walker.malformed || walker.wantsFile) break;
              from = to;
            }
            // Until the end it depends on the cut how much has been noticed.
            if (walker.malformed) return "malformed";
            return walker.done ? { stop, ...(told(walker) as object) } : stop;
          };
          const whole = outcome([mutant.length], Buffer.alloc(0));
          expect(outcome(cut(mutant.length, steps), Buffer.alloc(0))).toEqual(whole);
          expect(outcome([mutant.length], around)).toEqual(whole);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("a walker of requests", () => {
  it("ends at the same byte for any cut", () => {
    const request = fc.record({
      payloads: fc.array(fc.nat(300), { minLength: 1, maxLength: 6 }),
      behind: anyBytes(10),
      steps: fc.array(fc.nat(50), { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(request, ({ payloads, behind, steps }) => {
        const packets = payloads.map((length, i) => frame(Buffer.alloc(length + 1, i), i));
        const file = Buffer.concat([...packets, frame(Buffer.alloc(0)), behind]);
        const end = file.length - behind.length;
        const walker = RequestWalker.file();
        let from = 0;
        for (const to of cut(file.length, steps)) {
          const stop = walker.feed(file, from, to);
          expect(stop).toBe(Math.min(to, end));
          expect(walker.done).toBe(stop === end);
          if (walker.done) return;
          from = to;
        }
        throw new Error("no end");
      }),
    );
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.nat(0xffffff), fc.nat(0xffffff), anyBytes(300), (length, sent, bytes) => {
        const first = Math.max(length, 1);
        const walker = RequestWalker.command(first, Math.min(sent, first));
        const stop = walker.feed(bytes, 0, bytes.length);
        expect(stop).toBeLessThanOrEqual(bytes.length);
        if (!walker.done) expect(stop).toBe(bytes.length);
      }),
    );
  });
});

describe("numbers, query attributes and rows of our own", () => {
  it("gives numbers back", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), anyBytes(9), (value, behind) => {
        const encoded = lenenc(Math.min(value, 2 ** 48 - 1));
        const next = NUMBERS.read(Buffer.concat([encoded, behind]), 0, encoded.length);
        expect(next).toBe(encoded.length);
        expect(NUMBERS.high * 2 ** 32 + NUMBERS.low).toBe(Math.min(value, 2 ** 48 - 1));
      }),
    );
  });

  it("finds a text within the packet, or says that there is none", () => {
    fc.assert(
      fc.property(anyBytes(80), fc.nat(10), (bytes, behind) => {
        const end = Math.max(0, bytes.length - behind);
        const at = queryTextStart(bytes, 0, end);
        expect(at === -1 || (at >= 0 && at <= end)).toBe(true);
        const same = queryTextStart(bytes.subarray(0, end), 0, end);
        expect(at).toBe(same);
      }),
      { numRuns: 3_000 },
    );
  });

  it("reads rows of whatever it is given", () => {
    fc.assert(
      fc.property(anyBytes(300), fc.boolean(), (bytes, deprecateEof) => {
        decodeTextRows(bytes, deprecateEof);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(
        fc.array(anyBytes(30), { maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (payloads, columns, deprecateEof) => {
          const all = [Buffer.from([columns]), ...payloads];
          const rows = decodeTextRows(Buffer.concat(all.map((each) => frame(each))), deprecateEof);
          for (const row of rows ?? []) expect(row.length).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
