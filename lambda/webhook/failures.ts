/**
 * What went wrong, by what to do about it.
 * stale: the connection is of no use any more, a fresh one may work at once · missing: the schema is not there yet ·
 * denied: the password may have been rotated · busy: the database or the proxy has no room just now, or does not answer
 * in time · other: ours or the operator's to mend.
 */
export type FailureKind = "stale" | "missing" | "denied" | "busy" | "other";

/** Server error numbers that are told apart. */
export const ERRNO = {
  tooManyConnections: 1040,
  accessDenied: 1045,
  unknownDatabase: 1049,
  shutdown: 1053,
  noSuchTable: 1146,
  tooManyUserConnections: 1203,
  userLimitReached: 1226,
  /** A server that was the writer when this connection was opened. */
  readOnlyOption: 1290,
  readOnlyMode: 1836,
  /** MariaDB's and MySQL's words for "somebody killed this connection". */
  connectionKilled: 1927,
  sessionKilled: 3169,
  inactive: 4031,
  /** The proxy had no database connection to lend within its borrow timeout. */
  borrowTimeout: 9501,
} as const;

const KIND_BY_ERRNO: ReadonlyMap<number, FailureKind> = new Map([
  [ERRNO.shutdown, "stale"],
  [ERRNO.readOnlyOption, "stale"],
  [ERRNO.readOnlyMode, "stale"],
  [ERRNO.connectionKilled, "stale"],
  [ERRNO.sessionKilled, "stale"],
  [ERRNO.inactive, "stale"],
  [ERRNO.unknownDatabase, "missing"],
  [ERRNO.noSuchTable, "missing"],
  [ERRNO.accessDenied, "denied"],
  [ERRNO.tooManyConnections, "busy"],
  [ERRNO.tooManyUserConnections, "busy"],
  [ERRNO.userLimitReached, "busy"],
  [ERRNO.borrowTimeout, "busy"],
]);

const KIND_BY_CODE: ReadonlyMap<string, FailureKind> = new Map([
  ["PROTOCOL_CONNECTION_LOST", "stale"],
  ["ECONNRESET", "stale"],
  ["ECONNABORTED", "stale"],
  ["EPIPE", "stale"],
  ["PROTOCOL_SEQUENCE_TIMEOUT", "busy"],
  ["ETIMEDOUT", "busy"],
  ["ECONNREFUSED", "busy"],
  ["EHOSTUNREACH", "busy"],
  ["ENETUNREACH", "busy"],
]);

export function classifyFailure(error: unknown): FailureKind {
  const { errno, code, fatal } = errorFields(error);
  const kind = KIND_BY_ERRNO.get(errno ?? 0) ?? KIND_BY_CODE.get(code ?? "");
  if (kind !== undefined) return kind;
  // The driver's "connection is in closed state" carries no code, only that it is fatal.
  return fatal && code === undefined ? "stale" : "other";
}

/** What the log keeps of an error; the driver's `sql` field is left out, as it holds the values. */
export function errorFields(error: unknown): {
  readonly name: string;
  readonly message: string;
  readonly errno?: number;
  readonly code?: string;
  readonly fatal: boolean;
} {
  if (!(error instanceof Error))
    return { name: typeof error, message: String(error), fatal: false };
  const { errno, code, fatal } = error as { errno?: unknown; code?: unknown; fatal?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof errno === "number" ? { errno } : {}),
    ...(typeof code === "string" ? { code } : {}),
    fatal: fatal === true,
  };
}
