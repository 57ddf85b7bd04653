/** What a change of the configuration means for a running proxy. */
import { Concealed } from "./concealed.ts";
import type { AuthSpec, EndpointSpec, ProxySpec } from "./proxy-spec.ts";

/** live: at once, for everybody · newSessions: for who connects from now on · restart: at the next start. */
export type ChangeEffect = "live" | "newSessions" | "restart";

export interface SpecChange {
  /** `pool.connectionBorrowTimeout`; list entries by name: `endpoints[reader].port`, `auth[app]`. */
  readonly key: string;
  readonly effect: ChangeEffect;
  /** What happens, for people. */
  readonly reason: string;
}

type Rule = readonly [effect: ChangeEffect, reason: string];

const OPEN_SESSIONS_STAY = "open sessions keep what they have";

/** By key of the file; a key covers all below it. `diffSpec` and the list of settings both use it. */
export const CHANGE_RULES: Readonly<Record<string, Rule>> = {
  name: ["restart", "metrics and logs carry the name from start to end"],
  endpoints: ["live", "listeners are opened, closed or moved; their sessions stay"],
  "endpoints.targetRole": ["newSessions", OPEN_SESSIONS_STAY],
  "endpoints.publicHosts": ["newSessions", "logins from now on"],
  requireTLS: ["newSessions", OPEN_SESSIONS_STAY],
  tls: ["newSessions", "new handshakes use the new certificate"],
  idleClientTimeout: ["live", "counts for open sessions too"],
  debugLogging: ["live", "from the next event on"],
  auth: [
    "newSessions",
    "logins from now on; backends under old credentials are replaced as they come back",
  ],
  "target.hosts": ["live", "servers are added to and removed from the target group"],
  "target.topology": ["restart", "roles come from one source from start to end"],
  "target.domainSuffix": ["restart", "host names of instances that are in use depend on it"],
  "target.instances": ["restart", "addresses of instances that are in use depend on it"],
  "target.clusterIdentifier": ["restart", "addresses of instances that are in use depend on it"],
  "target.monitor": ["live", "from the next probe on"],
  "target.tls": ["live", "for new backends"],
  "target.caFile": ["live", "for new backends"],
  pool: ["live", "surplus backends are closed as they come back"],
  "pool.sessionPinningFilters": ["live", "from the next statement on; pinned sessions stay pinned"],
  "pool.initQuery": ["live", "for new backends"],
  pinning: ["newSessions", OPEN_SESSIONS_STAY],
  rules: ["live", "no effect in this version"],
  limits: ["live", "nobody connected is dropped"],
  admin: ["restart", "its listener stays where it is"],
};

/** The rule for a dotted key: the closest one above it. */
export function changeRuleOf(key: string): Rule {
  const plain = key.replaceAll(/\[[^\]]*\]/g, "");
  for (let at = plain; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    const rule = CHANGE_RULES[at];
    if (rule !== undefined) return rule;
  }
  return ["restart", "nothing is known of it"];
}

/** Everything that differs. Passwords kept outside the file may have changed without a difference here. */
export function diffSpec(old: ProxySpec, next: ProxySpec): SpecChange[] {
  const keys: string[] = [
    ...endpointKeys(old.endpoints, next.endpoints),
    ...authKeys(old.auth, next.auth),
  ];
  for (const key of Object.keys(next) as (keyof ProxySpec)[]) {
    if (key === "endpoints" || key === "auth") continue;
    keys.push(...changedKeys(key, old[key], next[key]));
  }
  return keys.map((key) => {
    const [effect, reason] = changeRuleOf(key);
    return { key, effect, reason };
  });
}

/** The part of a new spec that a running proxy can take over: what needs a restart stays as it was. */
export function reloadablePart(old: ProxySpec, next: ProxySpec): ProxySpec {
  const { topology, domainSuffix, instances, clusterIdentifier } = old.target;
  return {
    ...next,
    name: old.name,
    admin: old.admin,
    target: { ...next.target, topology, domainSuffix, instances, clusterIdentifier },
  };
}

function endpointKeys(old: readonly EndpointSpec[], next: readonly EndpointSpec[]): string[] {
  const keys: string[] = [];
  for (const endpoint of next) {
    const before = old.find((each) => each.name === endpoint.name);
    const at = `endpoints[${endpoint.name}]`;
    keys.push(...(before === undefined ? [at] : changedKeys(at, before, endpoint)));
  }
  const gone = old.filter((endpoint) => !next.some((each) => each.name === endpoint.name));
  return [...keys, ...gone.map((endpoint) => `endpoints[${endpoint.name}]`)];
}

function authKeys(old: readonly AuthSpec[], next: readonly AuthSpec[]): string[] {
  const before = new Map(old.map((entry) => [authNameOf(entry), entry]));
  const after = new Map(next.map((entry) => [authNameOf(entry), entry]));
  const names = new Set([...after.keys(), ...before.keys()]);
  return [...names]
    .filter((name) => !isSame(before.get(name), after.get(name)))
    .map((name) => `auth[${name}]`);
}

function authNameOf({ credential }: AuthSpec): string {
  return credential.from === "secret" ? credential.secretArn : credential.username;
}

/** Goes down into maps as far as the file has keys of its own there; lists and credentials count as a whole. */
function changedKeys(key: string, old: unknown, next: unknown): string[] {
  if (isSame(old, next)) return [];
  if (!isMap(old) || !isMap(next) || key.endsWith(".credential"))
    return [key.replace(/\.credential$/, "")];
  return Object.keys(next).flatMap((name) => changedKeys(`${key}.${name}`, old[name], next[name]));
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Concealed || b instanceof Concealed) {
    return a instanceof Concealed && b instanceof Concealed && a.equals(b);
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  // Where in the file something stands is no setting.
  const keys = new Set([...Object.keys(a), ...Object.keys(b)].filter((key) => key !== "at"));
  return [...keys].every((key) => isSame(a[key as keyof typeof a], b[key as keyof typeof b]));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
