/** From a file that fits the schema to the settings of a proxy. */
import { Concealed } from "./concealed.ts";
import type { KeyPath, Places } from "./places.ts";
import type { CredentialSpec, HostSpec, PasswordRef, PoolSpec, ProxySpec } from "./proxy-spec.ts";
import { HOST_WITH_PORT, type SpecFile } from "./schema.ts";

const MYSQL_PORT = 3306;

export function toProxySpec(file: SpecFile, places: Places): ProxySpec {
  const { endpoints, requireTLS, tls, idleClientTimeout, debugLogging, pinning, limits, admin } =
    file;
  const { monitor, hosts, topology, domainSuffix, instances, clusterIdentifier, caFile } =
    file.target;
  return {
    name: file.name,
    endpoints,
    requireTLS,
    tls,
    idleClientTimeout,
    debugLogging,
    auth: file.auth.map((entry, i) => ({
      credential: toCredential(entry, ["auth", i], places)!,
      iamAuth: entry.iamAuth,
      clientPasswordAuthType: entry.clientPasswordAuthType,
    })),
    target: {
      hosts: hosts.map(toHost),
      topology,
      domainSuffix,
      instances: Object.fromEntries(
        Object.entries(instances).map(([id, address]) => [id, toHost(address)]),
      ),
      clusterIdentifier,
      monitor: {
        credential: toCredential(monitor, ["target", "monitor"], places),
        interval: monitor.interval,
        timeout: monitor.timeout,
        maxLag: monitor.maxLag,
      },
      tls: file.target.tls,
      caFile,
    },
    pool: toPool(file.pool),
    pinning,
    limits,
    admin,
  };
}

type CredentialFile = Pick<SpecFile["auth"][number], "username" | "password" | "secretArn">;

/** null without any: the cross-checks let only a monitor go without. */
function toCredential(file: CredentialFile, path: KeyPath, places: Places): CredentialSpec | null {
  const { username, password, secretArn } = file;
  if (secretArn !== undefined) {
    return {
      from: "secret",
      secretArn,
      username: username ?? null,
      at: places.ofValue([...path, "secretArn"]),
    };
  }
  if (username === undefined || password === undefined) return null;
  return {
    from: "password",
    username,
    password: toPasswordRef(password, [...path, "password"], places),
  };
}

function toPasswordRef(
  file: NonNullable<CredentialFile["password"]>,
  path: KeyPath,
  places: Places,
): PasswordRef {
  if (file.env !== undefined)
    return { from: "env", name: file.env, at: places.ofValue([...path, "env"]) };
  if (file.file !== undefined)
    return { from: "file", path: file.file, at: places.ofValue([...path, "file"]) };
  return {
    from: "value",
    value: new Concealed(file.value ?? ""),
    at: places.ofValue([...path, "value"]),
  };
}

function toHost(text: string): HostSpec {
  const [, v6, host, port] = HOST_WITH_PORT.exec(text) ?? [];
  return { host: v6 ?? host ?? text, port: port === undefined ? MYSQL_PORT : Number(port) };
}

/** RDS's defaults: half of maxConnectionsPercent where only that is given, 50 where neither is. */
function toPool(file: SpecFile["pool"]): PoolSpec {
  const { maxConnectionsPercent: most, maxIdleConnectionsPercent: idle } = file;
  return {
    ...file,
    maxConnectionsPercent: most ?? 100,
    maxIdleConnectionsPercent: idle ?? (most === undefined ? 50 : Math.floor(most / 2)),
  };
}
