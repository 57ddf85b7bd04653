/**
 * Every limit of the data plane, with its unit and its reason. Nothing that a peer controls may grow past one of
 * these; a limit that users should turn is a setting in `proxy/spec` instead.
 */
export const BOUNDS = {
  /** Bytes. RDS Proxy pins on a statement text above this size (log text "exceeded the 16384 byte limit"). */
  statementTextBytes: 16_384,
  /** Bytes a client may have sent ahead of the statement being served before we stop reading its socket. */
  clientPendingBytes: 65_536,
  /** Bytes of one read from a backend: one buffer of this size for each backend, none for each client. */
  backendReadBytes: 65_536,
  /** Bytes of one read from any client: one buffer for all of them. */
  clientReadBytes: 65_536,
  /** Bytes of the largest packet accepted before login is complete: libmysqlclient sends up to 64 KiB of attributes, others more. */
  loginPacketBytes: 262_144,
  /** Milliseconds from accept to a completed login; MySQL's own connect_timeout default is 10 s. */
  loginMs: 10_000,
  /** Milliseconds a half-closed client may wait for the answer to its running statement before we kill it. */
  halfClosedGraceMs: 2_000,
  /** Milliseconds for dialling a backend and logging in. */
  backendLoginMs: 10_000,
  /** Milliseconds for a statement of our own (reset, state change, read-back) on a backend. */
  housekeepingMs: 10_000,
  /** Sessions waiting for a backend, per proxy. */
  waitersMax: 65_536,
  /** Open client connections, per proxy. */
  clientConnectionsMax: 65_536,
  /** Distinct session states kept interned, per proxy. */
  sessionStatesMax: 16_384,
  /** System variables one session may carry in its ledger. */
  trackedVariablesMax: 128,
  /** Bytes of one tracked value. */
  trackedValueBytes: 4_096,
  /** Bytes of captured warnings kept for one session. */
  warningBytes: 65_536,
  /** Pins kept for /api/v1/pins after the session has ended. */
  endedPinsKept: 1_000,
  /** Characters of a statement digest in a log line or pin record. */
  digestChars: 1_024,
  /** Statement KILLs running at once for clients that vanished. */
  killsAtOnce: 8,
} as const;
