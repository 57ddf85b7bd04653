/**
 * Everything that a client can be told by the proxy itself, in one place: number, SQLSTATE, words. Details of what went wrong
 * inside go to the log, never into these. Errors of the database pass through untouched and are not listed.
 * `docs/errors.md` lists the same; a test compares them.
 */
interface FaultEntry {
  readonly errno: number;
  readonly sqlState: string;
  /** `{name}` stands for a parameter. */
  readonly text: string;
  /** Who else says so: "RDS Proxy" (documented by AWS), "MySQL" (errmsg of the server), "Sluice" (our choice). */
  readonly source: "RDS Proxy" | "MySQL" | "Sluice";
}

export const FAULTS = {
  /** No backend within `connectionBorrowTimeout`. */
  borrowTimeout: {
    errno: 9501,
    sqlState: "HY000",
    text: "Timed-out waiting to acquire database connection",
    source: "RDS Proxy",
  },
  connectionsRateExceeded: {
    errno: 1040,
    sqlState: "HY000",
    text: "Connections rate limit exceeded ({limit})",
    source: "RDS Proxy",
  },
  iamRateExceeded: {
    errno: 1040,
    sqlState: "HY000",
    text: "IAM authentication rate limit exceeded",
    source: "RDS Proxy",
  },
  connectionsExceeded: {
    errno: 1040,
    sqlState: "HY000",
    text: "Number simultaneous connections exceeded ({limit})",
    source: "RDS Proxy",
  },
  /** Before the login, in MySQL's own words: some drivers retry on 08004. */
  tooManyConnections: {
    errno: 1040,
    sqlState: "08004",
    text: "Too many connections",
    source: "MySQL",
  },
  /** `usingPassword` is YES or NO: whether the client sent one, not whether it was right. */
  accessDenied: {
    errno: 1045,
    sqlState: "28000",
    text: "Access denied for user '{user}'@'{host}' (using password: {usingPassword})",
    source: "RDS Proxy",
  },
  unknownError: { errno: 1105, sqlState: "HY000", text: "Unknown error", source: "RDS Proxy" },
  /** The doubled quotes are in AWS's documentation. */
  clientCharacterSet: {
    errno: 1231,
    sqlState: "42000",
    text: "Variable ''character_set_client'' can't be set to the value of {value}",
    source: "RDS Proxy",
  },
  tlsRequired: {
    errno: 3159,
    sqlState: "HY000",
    text: "This RDS Proxy requires TLS connections.",
    source: "RDS Proxy",
  },
  /** AWS documents the text alone. */
  noReadWriteInstance: {
    errno: 1105,
    sqlState: "HY000",
    text: "The target group doesn't have any associated read/write instances",
    source: "RDS Proxy",
  },
  /** AWS documents that it fails at once and gives no text. */
  noReadOnlyInstance: {
    errno: 1105,
    sqlState: "HY000",
    text: "The target group doesn't have any associated read-only instances",
    source: "Sluice",
  },
  badHandshake: { errno: 1043, sqlState: "08S01", text: "Bad handshake", source: "MySQL" },
  unknownCommand: { errno: 1047, sqlState: "08S01", text: "Unknown command", source: "MySQL" },
  shutdownInProgress: {
    errno: 1053,
    sqlState: "08S01",
    text: "Server shutdown in progress",
    source: "MySQL",
  },
  unknownThread: {
    errno: 1094,
    sqlState: "HY000",
    text: "Unknown thread id: {id}",
    source: "MySQL",
  },
  notThreadOwner: {
    errno: 1095,
    sqlState: "HY000",
    text: "You are not owner of thread {id}",
    source: "MySQL",
  },
  packetTooLarge: {
    errno: 1153,
    sqlState: "08S01",
    text: "Got a packet bigger than 'max_allowed_packet' bytes",
    source: "MySQL",
  },
  packetsOutOfOrder: {
    errno: 1156,
    sqlState: "08S01",
    text: "Got packets out of order",
    source: "MySQL",
  },
  /** COM_BINLOG_DUMP and its kin: a pooled connection cannot be a replication stream. */
  replicationUnsupported: {
    errno: 1235,
    sqlState: "42000",
    text: "This version of MySQL doesn't yet support 'replication commands through a proxy'",
    source: "MySQL",
  },
  /** A client of before 4.1, or one that cannot switch to the user's authentication plugin. */
  authModeUnsupported: {
    errno: 1251,
    sqlState: "08004",
    text: "Client does not support authentication protocol requested by server; consider upgrading MySQL client",
    source: "MySQL",
  },
  queryInterrupted: {
    errno: 1317,
    sqlState: "70100",
    text: "Query execution was interrupted",
    source: "MySQL",
  },
  malformedPacket: {
    errno: 1835,
    sqlState: "HY000",
    text: "Malformed communication packet.",
    source: "MySQL",
  },
  clientInactive: {
    errno: 4031,
    sqlState: "HY000",
    text: "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for configuring this behavior.",
    source: "MySQL",
  },
} as const satisfies Record<string, FaultEntry>;

export type FaultName = keyof typeof FAULTS;

/** The `{names}` in a text. */
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;

export type FaultParams<Name extends FaultName> = {
  readonly [Param in Names<(typeof FAULTS)[Name]["text"]>]: string | number;
};

/** One expected failure as the client will read it; has the fields of an ERR packet. */
export interface Fault {
  readonly name: FaultName;
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** Servers cut error texts at MYSQL_ERRMSG_SIZE; drivers have buffers of that size. */
const MESSAGE_CHARS_MAX = 511;

export function makeFault<Name extends FaultName>(
  name: Name,
  ...params: Record<string, never> extends FaultParams<Name> ? [] : [FaultParams<Name>]
): Fault {
  const entry: FaultEntry = FAULTS[name];
  const message = fill(entry.text, params[0] as Record<string, string | number> | undefined);
  return {
    name,
    errno: entry.errno,
    sqlState: entry.sqlState,
    message: message.slice(0, MESSAGE_CHARS_MAX),
  };
}

/** Replaces each `{name}` once; braces within parameters stay as they are. */
function fill(text: string, params: Record<string, string | number> | undefined): string {
  if (params === undefined) return text;
  let filled = "";
  let from = 0;
  for (let open = text.indexOf("{"); open >= 0; open = text.indexOf("{", from)) {
    const close = text.indexOf("}", open);
    filled += text.slice(from, open) + String(params[text.slice(open + 1, close)]);
    from = close + 1;
  }
  return filled + text.slice(from);
}
