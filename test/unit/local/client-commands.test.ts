import { describe, expect, test } from "vitest";
import { ClientCommands } from "../../../local/client-commands.ts";

const QUERY = 0x03;
const PREPARE = 0x16;

function packet(payload: Buffer, sequence = 0): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

function statement(sql: string, command = QUERY, before = ""): Buffer {
  return packet(Buffer.from(String.fromCharCode(command) + before + sql, "latin1"));
}

const swap = (sql: string) => (sql === "old" ? "something new" : null);

describe("the commands of a client", () => {
  const old = statement("old");
  const fresh = statement("something new");
  const other = statement("SELECT 1");
  const login = packet(Buffer.from("\u0003old"), 1);
  const big = packet(Buffer.concat([Buffer.from([QUERY]), Buffer.alloc(100_000, "x")]));
  const stream = Buffer.concat([login, old, other, big, packet(Buffer.alloc(0), 3), old]);
  const expected = Buffer.concat([login, fresh, other, big, packet(Buffer.alloc(0), 3), fresh]);

  test.each([1, 2, 3, 4, 5, 7, 1_000, 1_000_000])("are found in pieces of %d bytes", (size) => {
    const commands = new ClientCommands(false, swap);
    const out: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      const passed = commands.pass(stream.subarray(at, at + size));
      if (passed !== null) out.push(passed);
    }
    expect(Buffer.concat(out).equals(expected)).toBe(true);
  });

  test("pass as the same bytes where nothing is replaced", () => {
    const chunk = Buffer.concat([other, other]);
    expect(new ClientCommands(false, swap).pass(chunk)).toBe(chunk);
  });

  test("are replaced when prepared, and behind an empty set of query attributes", () => {
    const commands = new ClientCommands(true, swap);
    expect(commands.pass(statement("old", PREPARE))).toEqual(statement("something new", PREPARE));
    expect(commands.pass(statement("old", QUERY, "\0\u0001"))).toEqual(
      statement("something new", QUERY, "\0\u0001"),
    );
  });
});
