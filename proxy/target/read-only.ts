import type { TextRow } from "../wire/text-result.ts";
import { isOn, limitOf, type Sighting, type TopologyReader } from "./sighting.ts";

const SWITCHES_QUERY =
  "SELECT @@global.max_connections, @@global.read_only, @@global.innodb_read_only";

/** Both engines have it, and this column in the same place; not every monitor may ask, and old servers know another word. */
const REPLICA_QUERY = "SHOW REPLICA STATUS";
const SECONDS_BEHIND = 32;

/** The servers' read-only switches: a writer is who takes writes. */
export const READ_ONLY_READER: TopologyReader = {
  queries: [SWITCHES_QUERY, REPLICA_QUERY],
  required: 1,
  read: readSwitches,
};

function readSwitches(rows: readonly (readonly TextRow[])[], askedAtMs: number): Sighting | null {
  const [limit, readOnly, innodbReadOnly] = rows[0]?.[0] ?? [];
  if (readOnly === undefined || readOnly === null) return null;
  const behind = rows[1]?.[0]?.[SECONDS_BEHIND] ?? null;
  const seconds = behind === null ? Number.NaN : Number(behind);
  return {
    askedAtMs,
    maxConnections: limitOf(limit),
    readOnly: isOn(readOnly) || isOn(innodbReadOnly),
    serverId: null,
    lagMs: Number.isFinite(seconds) ? seconds * 1000 : null,
    rows: null,
  };
}
