import { createHmac, hash } from "node:crypto";
import { isSameBytes } from "./scramble.ts";

/**
 * RDS authentication tokens: the URL of a GET request that is never sent, signed with Signature Version 4 in its query
 * (AWS General Reference, "Signature Version 4 signing process"; RDS User Guide, "IAM database authentication"). The
 * token names host, port and user and is good for 15 minutes.
 */
export interface IamTokenCheck {
  /** The user that the client logs in as. */
  readonly user: string;
  /** `host:port` by which clients may reach this proxy. */
  readonly endpoints: readonly string[];
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Null: no such key, or the session token does not belong to it, or its owner may not connect as the user. */
  readonly secretOf: (accessKeyId: string, sessionToken: string | null) => string | null;
}

export type IamTokenProblem =
  | "not a token"
  | "wrong endpoint"
  | "wrong action"
  | "wrong user"
  | "wrong algorithm"
  | "wrong signed headers"
  | "wrong scope"
  | "bad date"
  | "bad lifetime"
  | "not yet valid"
  | "expired"
  | "unknown access key"
  | "wrong signature";

export type IamTokenVerdict =
  | { readonly ok: true; readonly accessKeyId: string }
  | { readonly ok: false; readonly reason: IamTokenProblem };

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "rds-db";
const SCOPE_END = "aws4_request";
/** A session token alone can exceed a kilobyte. */
const TOKEN_CHARS_MAX = 16_384;
const PARAMS_MAX = 32;
const LIFETIME_SECONDS_MAX = 900;
/** How far a client's clock may be ahead of ours: what AWS allows for signed requests. */
const CLOCK_SKEW_MS = 300_000;
const SIGNATURE = "X-Amz-Signature";
const EMPTY_SHA256 = hash("sha256", "", "hex");

interface Token {
  /** As the token spells it. */
  readonly endpoint: string;
  /** Decoded. */
  readonly params: ReadonlyMap<string, string>;
  /** What is signed: every parameter but the signature, encoded one way and sorted. */
  readonly canonicalQuery: string;
}

interface Scope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
}

/** Never throws on a token, whatever it is; what is not proven is denied. */
export function verifyIamToken(text: string, check: IamTokenCheck): IamTokenVerdict {
  const token = parseToken(text);
  if (token === null) return denied("not a token");
  const scope = parseScope(token.params.get("X-Amz-Credential") ?? "");
  if (scope === null) return denied("wrong scope");
  const problem =
    problemOfClaims(token, check) ??
    problemOfScope(token, scope, check) ??
    problemOfTime(token, check);
  if (problem !== null) return denied(problem);
  const secret = check.secretOf(
    scope.accessKeyId,
    token.params.get("X-Amz-Security-Token") ?? null,
  );
  const signed = isSignedWith(secret ?? "", token, scope);
  if (secret === null) return denied("unknown access key");
  return signed ? { ok: true, accessKeyId: scope.accessKeyId } : denied("wrong signature");
}

function denied(reason: IamTokenProblem): IamTokenVerdict {
  return { ok: false, reason };
}

/** The path is "/" (most SDKs) or nothing (Go's). A parameter given twice would leave open which one counts. */
function parseToken(text: string): Token | null {
  if (text.length > TOKEN_CHARS_MAX) return null;
  const query = text.indexOf("?");
  if (query <= 0) return null;
  const endpoint = text[query - 1] === "/" ? text.slice(0, query - 1) : text.slice(0, query);
  const pairs = text.slice(query + 1).split("&", PARAMS_MAX + 1);
  if (pairs.length > PARAMS_MAX) return null;
  const params = new Map<string, string>();
  const canonical: Param[] = [];
  for (const pair of pairs) {
    const param = parseParam(pair);
    if (param === null || params.has(param.name)) return null;
    params.set(param.name, param.value);
    if (param.name !== SIGNATURE) canonical.push(param);
  }
  canonical.sort((left, right) => (left.encodedName < right.encodedName ? -1 : 1));
  return { endpoint, params, canonicalQuery: canonical.map((param) => param.encoded).join("&") };
}

interface Param {
  readonly name: string;
  readonly value: string;
  readonly encodedName: string;
  readonly encoded: string;
}

/** Null for bad percent encoding, and for text that is no Unicode: that cannot be encoded again. */
function parseParam(pair: string): Param | null {
  const equals = pair.indexOf("=");
  if (equals <= 0) return null;
  try {
    const name = decodeURIComponent(pair.slice(0, equals));
    const value = decodeURIComponent(pair.slice(equals + 1));
    const encodedName = encodeRfc3986(name);
    return { name, value, encodedName, encoded: `${encodedName}=${encodeRfc3986(value)}` };
  } catch {
    return null;
  }
}

function parseScope(credential: string): Scope | null {
  const [accessKeyId, date, region, service, end, ...more] = credential.split("/", 6);
  if (!accessKeyId || !date || !region || more.length > 0) return null;
  return service === SERVICE && end === SCOPE_END ? { accessKeyId, date, region } : null;
}

function problemOfClaims(
  { endpoint, params }: Token,
  check: IamTokenCheck,
): IamTokenProblem | null {
  const host = endpoint.toLowerCase();
  if (!check.endpoints.some((expected) => expected.toLowerCase() === host)) return "wrong endpoint";
  if (params.get("Action") !== "connect") return "wrong action";
  if (check.user === "" || params.get("DBUser") !== check.user) return "wrong user";
  if (params.get("X-Amz-Algorithm") !== ALGORITHM) return "wrong algorithm";
  return params.get("X-Amz-SignedHeaders") === "host" ? null : "wrong signed headers";
}

function problemOfScope(
  { params }: Token,
  scope: Scope,
  check: IamTokenCheck,
): IamTokenProblem | null {
  const isOfDay = params.get("X-Amz-Date")?.slice(0, 8) === scope.date;
  return isOfDay && scope.region === check.region ? null : "wrong scope";
}

function problemOfTime({ params }: Token, check: IamTokenCheck): IamTokenProblem | null {
  const signedAtMs = parseAmzDate(params.get("X-Amz-Date") ?? "");
  if (signedAtMs === null) return "bad date";
  const lifetime = params.get("X-Amz-Expires") ?? "";
  const seconds = isDigits(lifetime) ? Number(lifetime) : 0;
  if (seconds < 1 || seconds > LIFETIME_SECONDS_MAX) return "bad lifetime";
  if (signedAtMs > check.nowMs + CLOCK_SKEW_MS) return "not yet valid";
  return check.nowMs >= signedAtMs + seconds * 1_000 ? "expired" : null;
}

function isDigits(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

const DAY_MS = 86_400_000;

/** `20260131T235959Z` as milliseconds since 1970; null unless such a moment exists. */
function parseAmzDate(text: string): number | null {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const exists = month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth(year, month);
  if (!exists || hour > 23 || minute > 59 || second > 59) return null;
  return daysSince1970(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000;
}

function daysOfMonth(year: number, month: number): number {
  const nextYear = month === 12 ? year + 1 : year;
  return daysSince1970(nextYear, (month % 12) + 1, 1) - daysSince1970(year, month, 1);
}

/** Gregorian calendar, counted in years that begin in March so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const monthsSinceMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/** SDKs sign the host as given or in lower case. */
function isSignedWith(secret: string, token: Token, scope: Scope): boolean {
  const given = Buffer.from(token.params.get(SIGNATURE) ?? "");
  const key = signingKey(secret, scope);
  const asGiven = isSameBytes(signatureOf(token, token.endpoint, scope, key), given);
  return (
    asGiven || isSameBytes(signatureOf(token, token.endpoint.toLowerCase(), scope, key), given)
  );
}

function signingKey(secret: string, scope: Scope): Buffer {
  let key: string | Buffer = `AWS4${secret}`;
  for (const part of [scope.date, scope.region, SERVICE, SCOPE_END]) key = hmac(key, part);
  return key as Buffer;
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

/** In hexadecimal, as tokens carry it. */
function signatureOf(token: Token, host: string, scope: Scope, key: Buffer): Buffer {
  const request = `GET\n/\n${token.canonicalQuery}\nhost:${host}\n\nhost\n${EMPTY_SHA256}`;
  const scopeText = `${scope.date}/${scope.region}/${SERVICE}/${SCOPE_END}`;
  const toSign = `${ALGORITHM}\n${token.params.get("X-Amz-Date")}\n${scopeText}\n${hash("sha256", request, "hex")}`;
  return Buffer.from(hmac(key, toSign).toString("hex"));
}

/** encodeURIComponent leaves five characters that Signature Version 4 encodes. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
