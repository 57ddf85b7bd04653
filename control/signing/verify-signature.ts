import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type AwsFault, commonFault } from "../protocol/fault.ts";

/**
 * Signature Version 4 on the side that checks it (AWS General Reference, "Signature Version 4 signing process"), in the
 * header or in the query of a presigned URL.
 */
export interface SignedRequest {
  readonly method: string;
  /** As sent. */
  readonly path: string;
  /** As sent, without the question mark. */
  readonly query: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** As sent: signatures are over the compressed bytes. */
  readonly body: Uint8Array;
}

export interface SigningKey {
  readonly secretAccessKey: string;
  /** null for keys that need none. */
  readonly sessionToken: string | null;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
}

export interface SignatureCheck {
  readonly nowMs: number;
  /** null: no such key. */
  readonly keyOf: (accessKeyId: string) => SigningKey | null;
}

/** Who has signed, for where. */
export interface SignatureScope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

interface Claim extends SignatureScope {
  readonly date: string;
  /** `20260131T235959Z` */
  readonly time: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | null;
  /** Seconds; of presigned requests only. */
  readonly expires: number | null;
  /** Encoded and sorted, without the signature. */
  readonly canonicalQuery: string;
  readonly payloadHash: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SKEW_MS = 15 * 60_000;
const EXPIRES_MAX = 604_800;
const UNSIGNED = "UNSIGNED-PAYLOAD";

type Headers = ReadonlyMap<string, readonly string[]>;

/** Throws the fault that AWS answers with where the signature is missing, old or wrong. */
export function verifySignature(request: SignedRequest, check: SignatureCheck): SignatureScope {
  const headers = headersOf(request.rawHeaders);
  const claim = claimOf(request, headers);
  const key = check.keyOf(claim.accessKeyId);
  const isOurs = key !== null && (key.sessionToken ?? "") === (claim.sessionToken ?? "");
  if (!isOurs)
    throw commonFault(
      "InvalidClientTokenId",
      "The security token included in the request is invalid.",
    );
  if (key.expiresAt !== null && check.nowMs >= key.expiresAt)
    throw commonFault(
      "InvalidClientTokenId",
      "The security token included in the request is expired",
    );
  checkTime(claim, check.nowMs);
  const expected = signatureOf(request, headers, claim, key.secretAccessKey);
  if (!isSame(expected, claim.signature)) throw mismatch();
  const { accessKeyId, region, service } = claim;
  return { accessKeyId, region, service };
}

function mismatch(): AwsFault {
  return commonFault(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), raw[i + 1]!]);
  }
  return headers;
}

function claimOf(request: SignedRequest, headers: Headers): Claim {
  const authorization = headers.get("authorization")?.[0];
  if (authorization !== undefined) return headerClaim(request, headers, authorization);
  if (/(?:^|&)X-Amz-Signature=/.test(request.query)) return queryClaim(request);
  throw commonFault("MissingAuthenticationToken", "Missing Authentication Token");
}

function headerClaim(request: SignedRequest, headers: Headers, authorization: string): Claim {
  const match = /^AWS4-HMAC-SHA256\s+(.*)$/.exec(authorization);
  const parts = new Map(
    (match?.[1] ?? "").split(/,\s*/).map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const;
    }),
  );
  const needed = ["Credential", "Signature", "SignedHeaders"].filter((name) => !parts.get(name));
  if (needed.length > 0) throw incomplete(`Authorization header requires ${needed.join(", ")}`);
  const time = headers.get("x-amz-date")?.[0] ?? amzDateOf(headers.get("date")?.[0]);
  if (time === null) throw incomplete("Authorization header requires the header X-Amz-Date");
  const given = headers.get("x-amz-content-sha256")?.[0];
  const actual = sha256(request.body);
  if (given !== undefined && given !== UNSIGNED && given !== actual) throw mismatch();
  return {
    ...scopeOf(parts.get("Credential")!),
    time,
    signedHeaders: parts.get("SignedHeaders")!.toLowerCase().split(";"),
    signature: parts.get("Signature")!,
    sessionToken: headers.get("x-amz-security-token")?.[0] ?? null,
    expires: null,
    canonicalQuery: canonicalQuery(request.query, () => true),
    payloadHash: given ?? actual,
  };
}

function queryClaim(request: SignedRequest): Claim {
  const parameters = new URLSearchParams(request.query);
  const part = (name: string): string => {
    const value = parameters.get(name);
    if (value === null) throw incomplete(`A presigned request requires ${name}`);
    return value;
  };
  const expires = Number(part("X-Amz-Expires"));
  if (part("X-Amz-Algorithm") !== ALGORITHM || !(expires >= 1 && expires <= EXPIRES_MAX))
    throw incomplete("The algorithm or the lifetime of the presigned request is wrong");
  return {
    ...scopeOf(part("X-Amz-Credential")),
    time: part("X-Amz-Date"),
    signedHeaders: part("X-Amz-SignedHeaders").toLowerCase().split(";"),
    signature: part("X-Amz-Signature"),
    sessionToken: parameters.get("X-Amz-Security-Token"),
    expires,
    canonicalQuery: canonicalQuery(request.query, (name) => name !== "X-Amz-Signature"),
    payloadHash: sha256(request.body),
  };
}

function scopeOf(credential: string): SignatureScope & { readonly date: string } {
  const [accessKeyId, date, region, service, end, ...more] = credential.split("/");
  if (!accessKeyId || !date || !region || !service || end !== "aws4_request" || more.length > 0)
    throw incomplete("Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request");
  return { accessKeyId, date, region, service };
}

function incomplete(message: string): AwsFault {
  return commonFault("IncompleteSignature", message);
}

function checkTime(claim: Claim, nowMs: number): void {
  const at = parseAmzDate(claim.time);
  if (at === null) throw incomplete(`Date must be in ISO-8601 'basic format', not ${claim.time}`);
  if (claim.time.slice(0, 8) !== claim.date)
    throw commonFault(
      "SignatureDoesNotMatch",
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.date}' != '${claim.time.slice(0, 8)}'`,
    );
  const latest = claim.expires === null ? at + SKEW_MS : at + claim.expires * 1_000;
  const now = amzDate(nowMs);
  if (nowMs > latest)
    throw commonFault(
      "SignatureDoesNotMatch",
      claim.expires === null
        ? `Signature expired: ${claim.time} is now earlier than ${amzDate(nowMs - SKEW_MS)} (${now} - 15 min.)`
        : `Signature expired: ${amzDate(latest)} is now earlier than ${now}`,
    );
  if (at > nowMs + SKEW_MS)
    throw commonFault(
      "SignatureDoesNotMatch",
      `Signature not yet current: ${claim.time} is still later than ${amzDate(nowMs + SKEW_MS)} (${now} + 15 min.)`,
    );
}

function parseAmzDate(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? null : at;
}

function amzDate(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[:-]|\.\d{3}/g, "");
}

function amzDateOf(date: string | undefined): string | null {
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? null : amzDate(ms);
}

function signatureOf(
  request: SignedRequest,
  headers: Headers,
  claim: Claim,
  secret: string,
): string {
  const { signedHeaders, date, region, service, time } = claim;
  if (!signedHeaders.includes("host")) throw incomplete("The header host must be signed");
  const lines = signedHeaders.map((name) => {
    const values = headers.get(name) ?? [];
    return `${name}:${values.map((value) => value.trim().replaceAll(/ +/g, " ")).join(",")}\n`;
  });
  const canonical = [
    request.method,
    encodePath(request.path),
    claim.canonicalQuery,
    lines.join(""),
    signedHeaders.join(";"),
    claim.payloadHash,
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = [ALGORITHM, time, scope, sha256(canonical)].join("\n");
  let key: string | Buffer = `AWS4${secret}`;
  for (const part of [date, region, service, "aws4_request"])
    key = createHmac("sha256", key).update(part).digest();
  return createHmac("sha256", key).update(toSign).digest("hex");
}

/** Every service but S3 encodes the path once more. */
function encodePath(path: string): string {
  return path.split("/").map(encode).join("/") || "/";
}

function canonicalQuery(query: string, isSigned: (name: string) => boolean): string {
  const pairs: [string, string][] = [];
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    if (isSigned(name))
      pairs.push([encode(name), encode(at < 0 ? "" : decode(pair.slice(at + 1)))]);
  }
  pairs.sort(([one, a], [other, b]) => (one < other || (one === other && a < b) ? -1 : 1));
  return pairs.map((pair) => pair.join("=")).join("&");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    throw mismatch();
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
