/** Names of authentication plugins on the wire. */
export const Plugin = {
  NATIVE: "mysql_native_password",
  CACHING_SHA2: "caching_sha2_password",
  SHA256: "sha256_password",
  CLEAR: "mysql_clear_password",
  /** MariaDB. */
  ED25519: "client_ed25519",
} as const;

/** How the proxy checks a client's password: RDS Proxy's ClientPasswordAuthType. */
export type PasswordScheme = typeof Plugin.NATIVE | typeof Plugin.CACHING_SHA2;
