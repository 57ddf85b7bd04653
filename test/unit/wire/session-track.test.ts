import { describe, expect, it } from "vitest";
import { MalformedPacket } from "../../../proxy/wire/malformed-packet.ts";
import {
  decodeSessionTrack,
  type SessionTrackVisitor,
  SessionTrackWriter,
} from "../../../proxy/wire/session-track.ts";

/** Notes each call as text. */
function visited(blocks: Buffer): string[] {
  const calls: string[] = [];
  const visitor: SessionTrackVisitor = {
    systemVariable: (name, value) => calls.push(`${name}=${value}`),
    schema: (name) => calls.push(`schema ${name}`),
    stateChange: (changed) => calls.push(`changed ${changed}`),
    gtids: (gtids) => calls.push(`gtids ${gtids}`),
    transactionCharacteristics: (sql) => calls.push(`characteristics ${sql}`),
    transactionState: (state) => calls.push(`state ${state}`),
  };
  decodeSessionTrack(blocks, visitor);
  return calls;
}

describe("session-state blocks", () => {
  it("are told one by one, in order", () => {
    const writer = new SessionTrackWriter();
    writer.schema(Buffer.from("shop"));
    writer.systemVariable(Buffer.from("autocommit"), Buffer.from("OFF"));
    writer.stateChange(true);
    writer.gtids(Buffer.from("3e11fa47-71ca-11e1-9e33-c80aa9429562:23"));
    writer.transactionCharacteristics(Buffer.from("START TRANSACTION;"));
    writer.transactionState(Buffer.from("T_______"));
    expect(visited(writer.bytes())).toEqual([
      "schema shop",
      "autocommit=OFF",
      "changed true",
      "gtids 3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
      "characteristics START TRANSACTION;",
      "state T_______",
    ]);
  });

  it("have the bytes that servers send", () => {
    expect(visited(Buffer.from("000f0a6175746f636f6d6d6974034f4646", "hex"))).toEqual([
      "autocommit=OFF",
    ]);
    expect(visited(Buffer.from("01050474657374020131", "hex"))).toEqual([
      "schema test",
      "changed true",
    ]);
  });

  it("of one packet may hold several variables in one block, as MariaDB may send them", () => {
    expect(visited(Buffer.from("\x00\x08\x01a\x011\x01b\x012", "latin1"))).toEqual(["a=1", "b=2"]);
  });

  it("of an unknown type are skipped", () => {
    expect(visited(Buffer.from("\x63\x02ab\x01\x02\x01x", "latin1"))).toEqual(["schema x"]);
  });

  it("that reach past their end are malformed", () => {
    expect(() => visited(Buffer.from([1, 5, 4, 0x61]))).toThrow(MalformedPacket);
    expect(() => visited(Buffer.from([1, 2, 4, 0x61]))).toThrow(MalformedPacket);
    expect(() => visited(Buffer.from([3, 0]))).toThrow(MalformedPacket);
  });
});
