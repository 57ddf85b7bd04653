/**
 * Signature Version 4 once more, written for tests from AWS's description: what one program signs and another one
 * checks is no proof while both are the same program. The query's parameters must not need encoding twice.
 */
import { createHash, createHmac } from "node:crypto";
import type { AccessKey } from "../../../control/index.ts";

export interface Sent {
  readonly service: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly path?: string;
  readonly region?: string;
  readonly secret?: string;
  readonly accessKeyId?: string;
  readonly sessionToken?: string;
  /** How far the clock is ahead. */
  readonly skewMs?: number;
}

interface Endpoint {
  readonly url: string;
  readonly region: string;
  readonly rootKey: AccessKey;
}

const sha = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const mac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();

function signature(secret: string, scope: readonly string[], time: string, request: string) {
  let key: Buffer = mac(`AWS4${secret}`, scope[0]!);
  for (const part of scope.slice(1)) key = mac(key, part);
  const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), sha(request)].join("\n");
  return mac(key, text).toString("hex");
}

function timeAt(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d\d\d/g, "");
}

/** Sends a signed request; `edit` changes the body after it was signed. */
export function signedFetch(
  { url, region, rootKey }: Endpoint,
  sent: Sent,
  edit: (body: string | Uint8Array) => string | Uint8Array = (body) => body,
): Promise<Response> {
  const time = timeAt(Date.now() + (sent.skewMs ?? 0));
  const path = sent.path ?? "/";
  const headers: Record<string, string> = {
    ...sent.headers,
    host: new URL(url).host,
    "x-amz-date": time,
    ...(sent.sessionToken === undefined ? {} : { "x-amz-security-token": sent.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const request = ["POST", path, "", lines, names.join(";"), sha(sent.body)].join("\n");
  const scope = [time.slice(0, 8), sent.region ?? region, sent.service, "aws4_request"];
  const given = signature(sent.secret ?? rootKey.secretAccessKey, scope, time, request);
  const id = sent.accessKeyId ?? rootKey.accessKeyId;
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope.join("/")}, SignedHeaders=${names.join(";")}, Signature=${given}`,
    },
    body: edit(sent.body) as string,
  });
}

/** An address that carries its signature. */
export function presignedUrl(
  { url, region, rootKey }: Endpoint,
  service: string,
  query: string,
  skewMs = 0,
): string {
  const time = timeAt(Date.now() + skewMs);
  const scope = [time.slice(0, 8), region, service, "aws4_request"];
  const parameters = new Map([
    ...new URLSearchParams(query),
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${rootKey.accessKeyId}/${scope.join("/")}`],
    ["X-Amz-Date", time],
    ["X-Amz-Expires", "60"],
    ["X-Amz-SignedHeaders", "host"],
  ]);
  const text = [...parameters]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  const request = ["GET", "/", text, `host:${new URL(url).host}\n`, "host", sha("")].join("\n");
  return `${url}/?${text}&X-Amz-Signature=${signature(rootKey.secretAccessKey, scope, time, request)}`;
}
