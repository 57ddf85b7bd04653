import { hostname, networkInterfaces } from "node:os";
import { verifyIamToken } from "../auth/iam-token.ts";
import type { TokenKeys } from "../ports.ts";
import type { EndpointSpec } from "../spec/proxy-spec.ts";

/** What a proxy checks IAM tokens against. */
export interface IamCheck {
  /** null: nobody gets in by token. */
  readonly keys: TokenKeys | null;
  /** Each `host:port` that tokens may be made for. */
  readonly endpoints: readonly string[];
}

/** Why a token lets nobody in as this user, for the log; null: it does. */
export function problemOfToken(
  { keys, endpoints }: IamCheck,
  login: { readonly user: string; readonly token: string; readonly nowMs: number },
): string | null {
  if (keys === null) return "no access key to check it with";
  const verdict = verifyIamToken(login.token, {
    user: login.user,
    endpoints,
    region: keys.region,
    nowMs: login.nowMs,
    secretOf: (accessKeyId, sessionToken) => keys.secretOf(accessKeyId, sessionToken, login.user),
  });
  return verdict.ok ? null : verdict.reason;
}

/** By what `host:port` clients may know an endpoint that listens on this port. */
export function namesOf(spec: EndpointSpec, port: number): string[] {
  const own = hostsOf(spec.host).map(
    (host) => `${host.includes(":") ? `[${host}]` : host}:${port}`,
  );
  const given = (spec.publicHosts ?? []).map((name) =>
    /:\d+$/.test(name) ? name : `${name}:${port}`,
  );
  return [...own, ...given];
}

const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

function hostsOf(host: string): string[] {
  if (LOOPBACK.includes(host)) return LOOPBACK;
  if (host !== "0.0.0.0" && host !== "::") return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return ["localhost", hostname(), ...addresses.map(({ address }) => address)];
}
