/** `verify`: encrypted, and the proxy proves who it is · `require`: encrypted · `off`: in clear, for a loopback only. */
type TlsMode = "verify" | "require" | "off";

export interface Settings {
  /** Name or ARN of the secret that holds `username` and `password`. */
  readonly secretId: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: TlsMode;
  /** PEM file with the certificates that may vouch for the proxy; null where the system's own do. */
  readonly caFile: string | null;
  /** Name or ARN of the secret that callers sign with; null where anybody may call. */
  readonly keyId: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

const TLS_MODES: readonly string[] = ["verify", "require", "off"] satisfies TlsMode[];
const DATABASE_NAME = /^[A-Za-z0-9_$-]{1,64}$/;
const MYSQL_PORT = "3306";

/** Reads the function's environment variables; region and endpoint of the secrets service are the SDK's own business. */
export function parseSettings(env: Environment): ParsedSettings {
  const secretId = env["SECRET_ARN"] ?? "";
  const host = env["PROXY_HOST"] ?? "";
  const port = Number(env["PROXY_PORT"] ?? MYSQL_PORT);
  const database = env["DATABASE_NAME"] ?? "webhook";
  const caFile = env["DB_CA_FILE"] || null;
  const keyId = env["WEBHOOK_KEY_ARN"] || null;
  const tls = env["DB_TLS"] ?? (caFile === null ? "require" : "verify");

  const problems: string[] = [];
  if (secretId === "")
    problems.push("SECRET_ARN is missing: the name or ARN of the database secret");
  if (host === "") problems.push("PROXY_HOST is missing: the proxy's host name");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    problems.push("PROXY_PORT must be a port number from 1 to 65535");
  }
  if (!DATABASE_NAME.test(database)) {
    problems.push("DATABASE_NAME must be 1 to 64 letters, digits, _, $ or -");
  }
  if (!isTlsMode(tls)) problems.push("DB_TLS must be verify, require or off");
  else if (caFile !== null && tls !== "verify") {
    problems.push(`DB_CA_FILE is given but DB_TLS=${tls} would not check it`);
  }
  if (problems.length > 0 || !isTlsMode(tls)) return { ok: false, problems };
  return { ok: true, settings: { secretId, host, port, database, tls, caFile, keyId } };
}

function isTlsMode(value: string): value is TlsMode {
  return TLS_MODES.includes(value);
}
