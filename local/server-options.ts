import type { ServerBinary } from "./server-binary.ts";
import type { TlsFiles } from "./tls-files.ts";

/** Server settings by their names in an option file; `true` is an option without value. */
export type ServerSettings = Readonly<Record<string, string | number | true>>;

export interface ServerPlace {
  readonly dataDir: string;
  readonly socketPath: string;
  readonly pidFile: string;
  readonly host: string;
  readonly port: number;
}

export interface StartOptions {
  readonly binary: ServerBinary;
  readonly place: ServerPlace;
  readonly serverId: number;
  readonly tls: TlsFiles;
  readonly readOnly: boolean;
  /** Loads what semi-synchronous replication needs, and acknowledges as a reader; the writer's part is switched on later. */
  readonly semiSync?: boolean;
  /** The user's own settings; they win over ours. */
  readonly settings: ServerSettings;
  readonly initFile: string | null;
}

/**
 * Small and quick rather than safe against power loss: what is stored here is a test's or a developer's. Page cache
 * outlives a killed server, so crash recovery still works.
 */
const COMMON: ServerSettings = {
  "innodb-buffer-pool-size": "32M",
  "innodb-log-buffer-size": "4M",
  "innodb-flush-log-at-trx-commit": 2,
  "innodb-flush-method": "fsync",
  "innodb-doublewrite": "OFF",
  "sync-binlog": 0,
  "max-connections": 500,
  "max-allowed-packet": "64M",
  "skip-name-resolve": true,
  "local-infile": "ON",
  "log-bin": "binlog",
  "relay-log": "relay",
};

const MYSQL: ServerSettings = {
  "performance-schema": "OFF",
  mysqlx: "OFF",
  "secure-file-priv": "NULL",
  "gtid-mode": "ON",
  "enforce-gtid-consistency": "ON",
  "skip-replica-start": true,
  // A server that begins anew gets its own former writes from others; those that it has are skipped by their global ids.
  "replicate-same-server-id": "ON",
  "innodb-redo-log-capacity": "32M",
};

const MARIADB: ServerSettings = {
  "performance-schema": "OFF",
  "character-set-server": "utf8mb4",
  "binlog-format": "ROW",
  "log-slave-updates": "ON",
  "gtid-strict-mode": "ON",
  "skip-slave-start": true,
  "innodb-log-file-size": "32M",
};

/** Milliseconds after which a writer goes on without an acknowledgement: every reader is dead or stuck then. */
const SEMI_SYNC_MS = 10_000;

/** A commit is answered when a reader has it too. Older or smaller builds may lack the plugins: `loose` lets them start. */
const SEMI_SYNC: Record<"mysql" | "mariadb", ServerSettings> = {
  mysql: {
    "plugin-load":
      "rpl_semi_sync_source=semisync_source.so;rpl_semi_sync_replica=semisync_replica.so",
    "loose-rpl-semi-sync-replica-enabled": "ON",
    "loose-rpl-semi-sync-source-timeout": SEMI_SYNC_MS,
  },
  mariadb: {
    "rpl-semi-sync-slave-enabled": "ON",
    "rpl-semi-sync-master-wait-point": "AFTER_SYNC",
    "rpl-semi-sync-master-timeout": SEMI_SYNC_MS,
  },
};

/** The whole command of a server. Later options win, so the order is: ours, the place, the user's. */
export function serverArguments(options: StartOptions): string[] {
  const { binary, place, tls } = options;
  const settings: ServerSettings = {
    ...COMMON,
    ...(binary.engine === "mysql" ? MYSQL : MARIADB),
    ...(options.semiSync === true ? SEMI_SYNC[binary.engine] : {}),
    ...(options.readOnly ? readOnlySettings(binary) : {}),
    datadir: place.dataDir,
    socket: place.socketPath,
    "pid-file": place.pidFile,
    "bind-address": place.host,
    port: place.port,
    "report-host": place.host,
    "report-port": place.port,
    "server-id": options.serverId,
    "ssl-ca": tls.caFile,
    "ssl-cert": tls.certFile,
    "ssl-key": tls.keyFile,
    ...(options.initFile === null ? {} : { "init-file": options.initFile }),
    ...options.settings,
  };
  return [
    "--no-defaults",
    ...binary.homeOptions,
    ...runAsOptions(binary),
    ...toArguments(settings),
  ];
}

/** Readers start refusing writes: there is no moment at which a restarted reader looks like a second writer. */
function readOnlySettings(binary: ServerBinary): ServerSettings {
  return binary.engine === "mysql"
    ? { "read-only": "ON", "super-read-only": "ON" }
    : { "read-only": "ON" };
}

/** Servers refuse to run as root unless told that this is meant. */
export function runAsOptions(binary: ServerBinary): string[] {
  return process.getuid?.() === 0 && binary.image === null ? ["--user=root"] : [];
}

function toArguments(settings: ServerSettings): string[] {
  return Object.entries(settings).map(([name, value]) =>
    value === true ? `--${name}` : `--${name}=${value}`,
  );
}
