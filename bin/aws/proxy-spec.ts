import type { ProxyPlan, TargetPlan } from "../../control/index.ts";
import { Concealed } from "../../proxy/spec/concealed.ts";
import type { CredentialSpec, Place, ProxySpec, TargetSpec } from "../../proxy/spec/proxy-spec.ts";

/** Names under which the proxy asks for its certificate; they are kept in memory. */
export const CERT_FILE = "certificate";
export const KEY_FILE = "key";

/** The settings come from API calls, not from a file. */
const NOWHERE: Place = { file: "(AWS API)", line: 0, column: 0, key: "" };

/** The settings of a proxy that the API asks for. */
export function specOf(plan: ProxyPlan): ProxySpec {
  return {
    name: plan.name,
    endpoints: plan.endpoints.map(({ name, role, address, publicHosts }) => ({
      name,
      targetRole: role,
      ...address,
      publicHosts,
    })),
    requireTLS: plan.requireTls,
    tls: { certFile: CERT_FILE, keyFile: KEY_FILE },
    idleClientTimeout: plan.idleClientTimeout,
    debugLogging: plan.debugLogging,
    auth: plan.auth.map(({ secretArn, userName, iamAuth, clientPasswordAuthType }) => ({
      credential: { from: "secret", secretArn, username: userName, at: NOWHERE },
      iamAuth,
      clientPasswordAuthType,
    })),
    target: targetOf(plan.target),
    pool: { ...plan.pool, maxConnections: null },
    pinning: "rds",
    limits: { maxClientConnections: 65_536, maxConnectionRate: 0 },
    admin: { host: "127.0.0.1", port: 0 },
  };
}

function targetOf(target: TargetPlan | null): TargetSpec {
  const { topology = "static", hosts = [], instances = {}, monitor = null } = target ?? {};
  const caFile = target?.caFile ?? null;
  return {
    hosts,
    topology,
    domainSuffix: "",
    instances,
    clusterIdentifier: "",
    monitor: {
      credential: monitor === null ? null : loginOf(monitor.user, monitor.password),
      interval: 500,
      timeout: 800,
      maxLag: 10_000,
    },
    tls: caFile === null ? "PREFERRED" : "VERIFY_IDENTITY",
    caFile,
  };
}

function loginOf(username: string, password: string): CredentialSpec {
  return {
    from: "password",
    username,
    password: { from: "value", value: new Concealed(password), at: NOWHERE },
  };
}
