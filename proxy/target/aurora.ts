import type { TextRow } from "../wire/text-result.ts";
import { type InstanceRow, isOn, limitOf, type Sighting, type TopologyReader } from "./sighting.ts";

const SELF_QUERY = "SELECT @@global.max_connections, @@innodb_read_only, @@aurora_server_id";

/** The age is the server's to compute: its clock and time zone are not ours. */
const TOPOLOGY_QUERY =
  "SELECT SERVER_ID, SESSION_ID, LAST_UPDATE_TIMESTAMP, REPLICA_LAG_IN_MILLISECONDS, TIMESTAMPDIFF(SECOND, LAST_UPDATE_TIMESTAMP, NOW()) FROM information_schema.replica_host_status";

const MASTER = "MASTER_SESSION_ID";

/** Rows that were not renewed for longer are of instances that are gone, or were restored elsewhere. */
const STALE_SECONDS = 180;

/** Old versions report numbers such as 18446744949882880 (ProxySQL issue 3082): nobody is a month behind. */
const ABSURD_LAG_MS = 30 * 86_400_000;

/** Aurora's own view of the cluster, and what an instance says of itself. */
export const AURORA_READER: TopologyReader = {
  queries: [SELF_QUERY, TOPOLOGY_QUERY],
  required: 2,
  read: readAurora,
};

function readAurora(rows: readonly (readonly TextRow[])[], askedAtMs: number): Sighting | null {
  const [limit, readOnly, serverId] = rows[0]?.[0] ?? [];
  if (readOnly === undefined || readOnly === null || !serverId) return null;
  const instances = (rows[1] ?? []).map(toInstance).filter((row) => row !== null);
  return {
    askedAtMs,
    maxConnections: limitOf(limit),
    readOnly: isOn(readOnly),
    serverId,
    lagMs: instances.find(({ id }) => id === serverId)?.lagMs ?? null,
    rows: instances,
  };
}

function toInstance([id, session, updatedAt, lag, age]: TextRow): InstanceRow | null {
  if (!id) return null;
  const isMaster = session === MASTER;
  const lagMs = lag === null || lag === undefined ? Number.NaN : Number(lag);
  const isKnown = lagMs >= 0 && lagMs < ABSURD_LAG_MS;
  return {
    id,
    isMaster,
    updatedAt: updatedAt ?? "",
    ageSeconds: age === null || age === undefined || Number.isNaN(Number(age)) ? null : Number(age),
    lagMs: isMaster || !isKnown ? null : lagMs,
  };
}

/** After a failover the former writer may be listed as one for a while: the newest word counts. */
export function masterOf(rows: readonly InstanceRow[]): InstanceRow | null {
  let newest: InstanceRow | null = null;
  for (const row of rows) {
    if (row.isMaster && (newest === null || row.updatedAt > newest.updatedAt)) newest = row;
  }
  return newest;
}

/** The instances that a view vouches for. */
export function listedIn(rows: readonly InstanceRow[]): InstanceRow[] {
  const master = masterOf(rows);
  return rows.filter(
    (row) => row === master || row.ageSeconds === null || row.ageSeconds <= STALE_SECONDS,
  );
}

/** When a view was renewed last. */
export function newestIn(rows: readonly InstanceRow[]): string {
  const times = rows.map(({ updatedAt }) => updatedAt);
  return times.sort().at(-1) ?? "";
}
