import { createHash } from "node:crypto";
import type { HttpApiEvent } from "./http-api.ts";

export type Format = "html" | "json";

/** One hit of a path, as it will be stored. */
export interface Hit {
  /** The API's request id: the key that keeps a repeated INSERT from counting twice. */
  readonly requestId: string;
  readonly path: string;
  readonly at: Date;
}

type Receipt =
  | { readonly kind: "hit"; readonly hit: Hit }
  | { readonly kind: "favicon" | "robots" | "method-refused"; readonly method: string };

export interface Received {
  readonly receipt: Receipt;
  readonly requestId: string;
  readonly format: Format;
  /** A HEAD request: the same status and headers, no body. */
  readonly bodyWanted: boolean;
}

/** Characters of the longest path stored; longer ones are cut and share one row with their like. */
export const PATH_CHARS = 512;
export const METHODS = ["GET", "HEAD", "POST"] as const;

const REQUEST_ID = /^[\w=+/.:-]{1,64}$/;
/** Spaces, controls, text-direction marks and half surrogate pairs: what would be invisible, or would reorder the page. */
const INVISIBLE = /[\p{Z}\p{C}]/gu;

/** Decides what a request is, from the event alone. */
export function receive(event: HttpApiEvent): Received {
  const { method } = event.requestContext.http;
  const requestId = toRequestId(event.requestContext.requestId);
  const format = preferredFormat(event.headers["accept"] ?? "");
  const bodyWanted = method !== "HEAD";
  return { receipt: toReceipt(event, requestId), requestId, format, bodyWanted };
}

function toReceipt(event: HttpApiEvent, requestId: string): Receipt {
  const { method } = event.requestContext.http;
  if (!(METHODS as readonly string[]).includes(method)) return { kind: "method-refused", method };
  if (event.rawPath === "/favicon.ico") return { kind: "favicon", method };
  if (event.rawPath === "/robots.txt") return { kind: "robots", method };
  const at = new Date(event.requestContext.timeEpoch);
  return { kind: "hit", hit: { requestId, path: toStoredPath(event.rawPath), at } };
}

/**
 * The path as people read it. HTTP APIs hand over the decoded path, so anything may be in it; what cannot be seen is
 * encoded again, which also keeps the database from treating "/a" and "/a " as equal.
 */
export function toStoredPath(rawPath: string): string {
  const visible = rawPath.replace(INVISIBLE, percentEncoded);
  const characters = [...visible];
  if (characters.length <= PATH_CHARS) return visible;
  return `${characters.slice(0, PATH_CHARS - 1).join("")}…`;
}

function percentEncoded(character: string): string {
  const bytes = Buffer.from(character, "utf8");
  return bytes.toString("hex").toUpperCase().replace(/../g, "%$&");
}

/** JSON where the client names it and ranks it no lower than HTML. Without a preference people get the page. */
export function preferredFormat(accept: string): Format {
  const json = Math.max(rank(accept, "application/json"), rank(accept, "application/*"));
  const html = Math.max(rank(accept, "text/html"), rank(accept, "text/*"));
  return json > 0 && json >= html ? "json" : "html";
}

/** The quality value a media type has in an Accept header; 0 where it is not named. */
function rank(accept: string, mediaType: string): number {
  for (const entry of accept.toLowerCase().split(",")) {
    const [name, ...parameters] = entry.split(";").map((part) => part.trim());
    if (name !== mediaType) continue;
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
  }
  return 0;
}

/** An id of unexpected shape is stored as its hash: still one key per request, and of known length. */
function toRequestId(requestId: string): string {
  if (REQUEST_ID.test(requestId)) return requestId;
  return createHash("sha256").update(requestId).digest("hex");
}
