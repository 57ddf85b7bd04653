import { describe, expect, it } from "vitest";
import { Capability } from "../../../proxy/wire/capabilities.ts";
import { decodeOk, encodeOk, type OkPacket, plainOk } from "../../../proxy/wire/ok.ts";
import { Status } from "../../../proxy/wire/status.ts";

const TRACK = Capability.SESSION_TRACK | Capability.PROTOCOL_41;
const PLAIN = Capability.PROTOCOL_41;

const FULL: OkPacket = {
  kind: "ok",
  endsRows: false,
  affectedRows: 3,
  insertId: 18_446_744_073_709_551_615n,
  status: Status.AUTOCOMMIT | Status.SESSION_STATE_CHANGED,
  warnings: 1,
  info: "Rows matched: 3  Changed: 3  Warnings: 0",
  sessionTrack: Buffer.from("\x01\x05\x04shop", "latin1"),
};

describe("an OK packet", () => {
  it("is seven bytes when nothing happened", () => {
    expect(encodeOk(plainOk(Status.AUTOCOMMIT), PLAIN).toString("hex")).toBe("00000002000000");
    expect(encodeOk({ ...plainOk(Status.AUTOCOMMIT), endsRows: true }, TRACK).toString("hex")).toBe(
      "fe000002000000",
    );
  });

  it("is read as it was written", () => {
    expect(decodeOk(encodeOk(FULL, TRACK), TRACK)).toEqual(FULL);
    expect(decodeOk(encodeOk(FULL, PLAIN), PLAIN)).toEqual({
      ...FULL,
      sessionTrack: Buffer.alloc(0),
    });
  });

  it("with changed state and no text keeps the text's place", () => {
    const silent = { ...FULL, info: "" };
    expect(decodeOk(encodeOk(silent, TRACK), TRACK)).toEqual(silent);
  });

  it("may carry its text without a length where state is not tracked", () => {
    const bytes = Buffer.from("\x00\x00\x00\x02\x00\x00\x00all is well", "latin1");
    expect(decodeOk(bytes, PLAIN).info).toBe("all is well");
  });
});
