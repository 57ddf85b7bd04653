import { describe, expect, test } from "vitest";
import { AURORA_READER, listedIn, masterOf } from "../../../proxy/target/aurora.ts";
import { READ_ONLY_READER } from "../../../proxy/target/read-only.ts";

const MASTER = "MASTER_SESSION_ID";

describe("Aurora's answers", () => {
  test("ask for nothing but the documented columns", () => {
    expect(AURORA_READER.queries[1]).toBe(
      "SELECT SERVER_ID, SESSION_ID, LAST_UPDATE_TIMESTAMP, REPLICA_LAG_IN_MILLISECONDS, TIMESTAMPDIFF(SECOND, LAST_UPDATE_TIMESTAMP, NOW()) FROM information_schema.replica_host_status",
    );
  });

  test("become a sighting", () => {
    const rows = [
      ["one", MASTER, "2026-01-01 00:00:01.000000", "0", "1"],
      ["two", "some-session", "2026-01-01 00:00:01.000000", "18.5", "1"],
    ];
    expect(AURORA_READER.read([[["90", "1", "two"]], rows], 5)).toEqual({
      askedAtMs: 5,
      maxConnections: 90,
      readOnly: true,
      serverId: "two",
      lagMs: 18.5,
      rows: [
        { id: "one", isMaster: true, updatedAt: rows[0]?.[2], ageSeconds: 1, lagMs: null },
        { id: "two", isMaster: false, updatedAt: rows[1]?.[2], ageSeconds: 1, lagMs: 18.5 },
      ],
    });
  });

  test.each(["18446744949882880", "-1", null, "nonsense"])("a lag of %s says nothing", (lag) => {
    const rows = [["two", "some-session", "2026-01-01 00:00:01", lag, "1"]];
    expect(AURORA_READER.read([[["90", "1", "two"]], rows], 5)?.lagMs).toBe(null);
  });

  test("of a server that does not know its name are none", () => {
    expect(AURORA_READER.read([[["90", "1", null]], []], 5)).toBe(null);
    expect(AURORA_READER.read([[], []], 5)).toBe(null);
  });

  test("of two masters the newer one counts, and the other is no master's stale row", () => {
    const rows = [
      ["old", MASTER, "2026-01-01 00:00:01", "0", "400"],
      ["new", MASTER, "2026-01-01 00:06:41", "0", "0"],
    ];
    const found = AURORA_READER.read([[["90", "0", "new"]], rows], 5)?.rows ?? [];
    expect(masterOf(found)?.id).toBe("new");
    expect(listedIn(found).map(({ id }) => id)).toEqual(["new"]);
  });
});

describe("the read-only switches", () => {
  test.each([
    ["0", "0", false],
    ["1", "0", true],
    ["0", "1", true],
    ["OFF", "OFF", false],
    ["ON", "OFF", true],
    ["NO_LOCK_NO_ADMIN", "OFF", true],
  ])("read_only %s and innodb_read_only %s: read only is %s", (readOnly, innodb, expected) => {
    expect(READ_ONLY_READER.read([[["151", readOnly, innodb]], []], 5)?.readOnly).toBe(expected);
  });

  test("a reader's lag is where both engines have it", () => {
    const status = Array.from({ length: 60 }, (_, i) => (i === 32 ? "12" : "x"));
    expect(READ_ONLY_READER.read([[["151", "1", "0"]], [status]], 5)?.lagMs).toBe(12_000);
  });

  test("without the right to ask for it the lag is unknown", () => {
    expect(READ_ONLY_READER.read([[["151", "1", "0"]], []], 5)?.lagMs).toBe(null);
  });
});
