import type { Collation } from "../session/login-charset.ts";
import { toSql } from "../session/read-back.ts";
import { Capability, MariadbCapability } from "../wire/capabilities.ts";
import type { Greeting } from "../wire/greeting.ts";
import type { TextRow } from "../wire/text-result.ts";

/** What the proxy must know of its servers to speak for them. */
export interface ServerFacts {
  /** As in the greeting, with MariaDB's `5.5.5-` where the server sends it. */
  readonly version: string;
  readonly mariadb: boolean;
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  /** Default collation, as the greeting carries it. */
  readonly charset: number;
  /** By the numbers that logins carry. */
  readonly collations: ReadonlyMap<number, Collation>;
  /** Tracked variables that this server has, in its own spelling. */
  readonly tracked: readonly string[];
  /** The character sets where no login says otherwise: name to SQL text. */
  readonly defaultCharset: readonly (readonly [string, string])[];
  /** COM_RESET_CONNECTION leads back to the login's character sets, as with newer MariaDB servers, not to the server's. */
  readonly resetKeepsLogin: boolean;
}

/** Tracked system variables (rds-proxy-pinning.html) that have a value of their own, in both spellings. */
const TRACKED = [
  "autocommit",
  "auto_increment_increment",
  "character_set_filesystem",
  "collation_server",
  "interactive_timeout",
  "wait_timeout",
  "net_write_timeout",
  "query_cache_type",
  "session_track_schema",
  "sql_mode",
  "time_zone",
  "transaction_isolation",
  "transaction_read_only",
  "tx_isolation",
  "tx_read_only",
];

/** Flags that a client may have through the proxy, where its server has them too. */
const OFFERED =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.NO_SCHEMA |
  Capability.ODBC |
  Capability.LOCAL_FILES |
  Capability.IGNORE_SPACE |
  Capability.PROTOCOL_41 |
  Capability.INTERACTIVE |
  Capability.IGNORE_SIGPIPE |
  Capability.TRANSACTIONS |
  Capability.RESERVED |
  Capability.SECURE_CONNECTION |
  Capability.MULTI_STATEMENTS |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.SESSION_TRACK |
  Capability.DEPRECATE_EOF |
  Capability.OPTIONAL_RESULTSET_METADATA |
  Capability.QUERY_ATTRIBUTES;

const OFFERED_MARIADB =
  MariadbCapability.STMT_BULK_OPERATIONS |
  MariadbCapability.EXTENDED_METADATA |
  MariadbCapability.BULK_UNIT_RESULTS;

/** Flags that change what a server sends or does: backends that differ in them cannot be shared. */
const CLASS_FLAGS =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.NO_SCHEMA |
  Capability.ODBC |
  Capability.LOCAL_FILES |
  Capability.IGNORE_SPACE |
  Capability.INTERACTIVE |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.SESSION_TRACK |
  Capability.DEPRECATE_EOF |
  Capability.OPTIONAL_RESULTSET_METADATA |
  Capability.QUERY_ATTRIBUTES;

/** Flags that every backend has. */
const ALWAYS =
  Capability.LONG_FLAG |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CONNECT_ATTRS;

/** Capabilities to greet a client with. */
export function offeredCapabilities(facts: ServerFacts, tls: boolean): number {
  return ((facts.capabilities & OFFERED) | (tls ? Capability.SSL : 0)) >>> 0;
}

export function offeredMariadbCapabilities(facts: ServerFacts): number {
  return facts.mariadbCapabilities & OFFERED_MARIADB;
}

/** What of a client's capabilities its backends must have in common with it. */
export function classFlags(facts: ServerFacts, capabilities: number): number {
  return (capabilities & facts.capabilities & CLASS_FLAGS) >>> 0;
}

export function backendCapabilities(server: number, flags: number): number {
  return (server & (flags | ALWAYS)) >>> 0;
}

/** Stands in until a server has been seen: what MySQL 8 would say, of what every supported server can do. */
export const UNSEEN_SERVER: ServerFacts = {
  version: "8.0.36",
  mariadb: false,
  capabilities:
    (OFFERED & ~(Capability.QUERY_ATTRIBUTES | Capability.OPTIONAL_RESULTSET_METADATA)) >>> 0,
  mariadbCapabilities: 0,
  charset: 255,
  collations: new Map([
    [8, { charset: "latin1", name: "latin1_swedish_ci", isDefault: true, maxLength: 1 }],
    [33, { charset: "utf8mb3", name: "utf8mb3_general_ci", isDefault: true, maxLength: 3 }],
    [45, { charset: "utf8mb4", name: "utf8mb4_general_ci", isDefault: false, maxLength: 4 }],
    [46, { charset: "utf8mb4", name: "utf8mb4_bin", isDefault: false, maxLength: 4 }],
    [63, { charset: "binary", name: "binary", isDefault: true, maxLength: 1 }],
    [224, { charset: "utf8mb4", name: "utf8mb4_unicode_ci", isDefault: false, maxLength: 4 }],
    [255, { charset: "utf8mb4", name: "utf8mb4_0900_ai_ci", isDefault: true, maxLength: 4 }],
  ]),
  tracked: [],
  defaultCharset: [
    ["character_set_client", "'utf8mb4'"],
    ["character_set_results", "'utf8mb4'"],
    ["collation_connection", "'utf8mb4_0900_ai_ci'"],
  ],
  resetKeepsLogin: false,
};

const COLLATIONS_QUERY =
  "SELECT c.ID,c.CHARACTER_SET_NAME,c.COLLATION_NAME,c.IS_DEFAULT,s.MAXLEN FROM information_schema.COLLATIONS c JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME=c.CHARACTER_SET_NAME WHERE c.ID IS NOT NULL";

const TRACKED_QUERY = `SHOW SESSION VARIABLES WHERE Variable_name IN (${TRACKED.map((name) => `'${name}'`).join(",")})`;

const CHARSET_QUERY =
  "SELECT CAST(@@global.character_set_client AS BINARY),CAST(@@global.character_set_results AS BINARY),CAST(@@global.collation_connection AS BINARY),CAST(@@session.collation_connection AS BINARY)";

/** What to log in with to ask for facts: a collation that no server has for its default, utf8mb4_swedish_ci. */
export const FACTS_COLLATION = 232;

export function decodeCollations(rows: readonly TextRow[]): Map<number, Collation> {
  const found = new Map<number, Collation>();
  for (const [id, charset, name, isDefault, maxLength] of rows) {
    if (!id || !charset || !name) continue;
    const rest = { isDefault: isDefault === "Yes", maxLength: Number(maxLength ?? 1) };
    found.set(Number(id), { charset, name, ...rest });
  }
  return found;
}

/** Answers to these, after a reset, tell what {@link factsOf} wants to know. */
export const FACTS_QUERIES: readonly string[] = [CHARSET_QUERY, COLLATIONS_QUERY, TRACKED_QUERY];

export function factsOf(
  greeting: Greeting,
  rows: readonly (readonly TextRow[] | undefined)[],
): ServerFacts {
  return {
    version: greeting.serverVersion,
    mariadb: /mariadb/i.test(greeting.serverVersion),
    capabilities: greeting.capabilities,
    mariadbCapabilities: greeting.mariadbCapabilities,
    charset: greeting.charset,
    collations: decodeCollations(rows[1] ?? []),
    tracked: decodeTracked(rows[2] ?? []),
    ...decodeCharset(rows[0]?.[0] ?? []),
  };
}

/** Where a server has both spellings of a variable, the older one is left out. */
export function decodeTracked(rows: readonly TextRow[]): string[] {
  const names = rows.map(([name]) => (name ?? "").toLowerCase());
  return names.filter(
    (name) => !(name.startsWith("tx_") && names.includes(name.replace("tx_", "transaction_"))),
  );
}

export function decodeCharset(
  row: TextRow,
): Pick<ServerFacts, "defaultCharset" | "resetKeepsLogin"> {
  const names = ["character_set_client", "character_set_results", "collation_connection"];
  return {
    defaultCharset: names.map((name, i) => [name, toSql(row[i] ?? null)]),
    resetKeepsLogin: row[3] === "utf8mb4_swedish_ci",
  };
}

/** How this server spells a canonical variable name. */
export function spelling(facts: ServerFacts): (name: string) => string {
  return (name) => {
    if (!name.startsWith("transaction_")) return name;
    const older = name.replace("transaction_", "tx_");
    return facts.tracked.includes(older) ? older : name;
  };
}
