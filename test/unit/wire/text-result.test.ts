import { describe, expect, it } from "vitest";
import { decodeTextRows } from "../../../proxy/wire/text-result.ts";
import { frame, lenenc, text } from "../../support/response-samples.ts";

const DEFINITION = text("def");
const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);
const OK = Buffer.from([0xfe, 0, 0, 2, 0, 0, 0]);

function result(columns: number, rows: readonly Buffer[], deprecateEof: boolean): Buffer {
  const payloads = [
    lenenc(columns),
    ...Array<Buffer>(columns).fill(DEFINITION),
    ...(deprecateEof ? [] : [EOF]),
    ...rows,
    deprecateEof ? OK : EOF,
  ];
  return Buffer.concat(payloads.map((payload, i) => frame(payload, i + 1)));
}

describe.each([true, false])(
  "rows of a statement of our own (without EOF packets: %s)",
  (deprecateEof) => {
    const decode = (bytes: Buffer) => decodeTextRows(bytes, deprecateEof);

    it("are read with their NULLs and empty values", () => {
      const rows = [
        Buffer.concat([text("a"), Buffer.from([0xfb]), text("")]),
        Buffer.concat([text("ä".repeat(200)), text("b"), text("c")].map((each) => each)),
      ];
      const long = Buffer.from("ä".repeat(200));
      rows[1] = Buffer.concat([text(long), text("b"), text("c")]);
      expect(decode(result(3, rows, deprecateEof))).toEqual([
        ["a", null, ""],
        ["ä".repeat(200), "b", "c"],
      ]);
    });

    it("are none in an empty result set", () => {
      expect(decode(result(2, [], deprecateEof))).toEqual([]);
    });

    it("end at an error", () => {
      const bytes = result(
        1,
        [text("a"), Buffer.from("\xff\x28\x04#42000x", "latin1"), text("b")],
        deprecateEof,
      );
      expect(decode(bytes)).toEqual([["a"]]);
    });

    it.each([
      ["nothing", Buffer.alloc(0)],
      ["half a header", Buffer.from([1, 0])],
      ["an empty packet", frame(Buffer.alloc(0))],
      ["OK", frame(Buffer.from([0, 0, 0, 2, 0, 0, 0]))],
      ["ERR", frame(Buffer.from("\xff\x28\x04#42000x", "latin1"))],
      ["a wish for a file", frame(Buffer.from("\xfbx", "latin1"))],
    ])("are not to be had from %s", (_what, bytes) => {
      expect(decode(bytes)).toBeNull();
    });

    it("are read as far as they go where bytes are missing", () => {
      const whole = result(
        2,
        [Buffer.concat([text("value"), text("x".repeat(300))])],
        deprecateEof,
      );
      for (let end = 0; end < whole.length; end++) {
        const rows = decode(whole.subarray(0, end));
        if (rows !== null) expect(rows.length).toBeLessThanOrEqual(1);
      }
    });

    it("do not reach beyond their packet", () => {
      const lying = Buffer.concat([Buffer.from([0xfd, 0xff, 0xff, 0xff]), Buffer.from("ab")]);
      const cut = Buffer.from([0xfe, 1, 2]);
      const bytes = result(1, [lying, cut.subarray(0, 0), Buffer.from([0xfc, 1])], deprecateEof);
      expect(decode(bytes)?.[0]).toEqual(["ab"]);
    });
  },
);
