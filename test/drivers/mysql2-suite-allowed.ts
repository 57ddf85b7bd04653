/** Tests of mysql2's own suite that fail through the proxy because RDS Proxy differs from a server there. */
export interface AllowedFailure {
  /** As the suite names it: the path from its folder. */
  readonly file: string;
  readonly reason: string;
}

export const ALLOWED: readonly AllowedFailure[] = [
  {
    file: "test/integration/test-server-close.test.mts",
    reason:
      "SET wait_timeout ends the database connection, which is not the client's own: how long a client may idle is IdleClientTimeout",
  },
];
