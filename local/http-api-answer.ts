import { validateHeaderName, validateHeaderValue } from "node:http";
import type { InvocationOutcome } from "./function-environment.ts";

/** What the API sends back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Why the function did not answer; for the access log only. */
  readonly problem?: string;
}

/** Headers a function cannot set: the server does. */
const RESERVED: ReadonlySet<string> = new Set(
  "connection content-length date keep-alive server te trailer transfer-encoding upgrade".split(
    " ",
  ),
);

/**
 * What HTTP APIs make of an invocation: a function's error, crash and time-out are all 500, a throttled one 503, and
 * the caller learns nothing of the reason.
 */
export function toAnswer(outcome: InvocationOutcome): HttpAnswer {
  switch (outcome.kind) {
    case "returned":
      return parseAnswer(outcome.payload) ?? internalError("the function's answer is malformed");
    case "failed":
      return internalError(`${outcome.errorType}: ${outcome.errorMessage}`);
    case "crashed":
      return internalError(outcome.errorMessage);
    case "timed-out":
      return internalError("the function timed out");
    case "throttled":
      return serviceUnavailable("the function's concurrency is used up");
  }
}

export function internalError(problem: string): HttpAnswer {
  return { ...messageAnswer(500, "Internal Server Error"), problem };
}

export function serviceUnavailable(problem: string): HttpAnswer {
  return { ...messageAnswer(503, "Service Unavailable"), problem };
}

export function messageAnswer(status: number, message: string): HttpAnswer {
  return jsonAnswer(status, JSON.stringify({ message }));
}

function jsonAnswer(status: number, text: string): HttpAnswer {
  return {
    status,
    headers: [["content-type", "application/json"]],
    body: Buffer.from(text, "utf8"),
  };
}

/**
 * Format 2.0 infers: a value without `statusCode` is itself the body of a 200 in JSON. A value with one must be right
 * throughout; null where it is not.
 */
export function parseAnswer(payload: string): HttpAnswer | null {
  const value: unknown = JSON.parse(payload);
  if (!isRecord(value) || !("statusCode" in value)) {
    return jsonAnswer(200, typeof value === "string" ? value : payload);
  }
  const headers = parseHeaders(value);
  const body = parseBody(value);
  const { statusCode } = value;
  if (headers === null || body === null || !isStatus(statusCode)) return null;
  if (!headers.some(([name]) => name === "content-type"))
    headers.push(["content-type", "text/plain; charset=utf-8"]);
  return { status: statusCode, headers, body };
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599;
}

function parseHeaders(value: Record<string, unknown>): [string, string][] | null {
  const { headers = {}, cookies = [] } = value;
  if (!isRecord(headers ?? {}) || !Array.isArray(cookies ?? [])) return null;
  const entries: [string, unknown][] = Object.entries(headers ?? {});
  for (const cookie of (cookies ?? []) as unknown[]) entries.push(["set-cookie", cookie]);
  const parsed: [string, string][] = [];
  for (const [name, content] of entries) {
    if (typeof content === "object" || !isHeader(name, String(content))) return null;
    if (!RESERVED.has(name.toLowerCase())) parsed.push([name.toLowerCase(), String(content)]);
  }
  return parsed;
}

function isHeader(name: string, content: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, content);
    return true;
  } catch {
    return false;
  }
}

function parseBody(value: Record<string, unknown>): Buffer | null {
  const { body = "", isBase64Encoded = false } = value;
  if (body === null) return Buffer.alloc(0);
  if (typeof body !== "string" || typeof isBase64Encoded !== "boolean") return null;
  return Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
