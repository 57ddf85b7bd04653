import { createHash } from "node:crypto";
import type { HttpApiResponse } from "./http-api.ts";
import { METHODS, type Received } from "./receive.ts";
import {
  renderDocument,
  renderFailureDocument,
  renderFailurePage,
  renderPage,
  type View,
} from "./render.ts";
import { STYLE } from "./style.ts";

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");
/** Nothing runs and nothing loads, whatever a path should manage to smuggle in. */
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
/** Seconds a client should wait where the database had no room. */
const RETRY_AFTER = "5";

export function answerView(received: Received, view: View): HttpApiResponse {
  const body = received.format === "json" ? renderDocument(view) : renderPage(view);
  return answer(received, 200, body);
}

export function answerFailure(
  received: Received,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpApiResponse {
  const failure = { status, message, requestId: received.requestId };
  const body =
    received.format === "json" ? renderFailureDocument(failure) : renderFailurePage(failure);
  return answer(received, status, body, headers);
}

export function answerBusy(received: Received): HttpApiResponse {
  const message = "The database has no room just now. Please try again shortly.";
  return answerFailure(received, 503, message, { "retry-after": RETRY_AFTER });
}

export function answerMethodRefused(received: Received, method: string): HttpApiResponse {
  const allow = METHODS.join(", ");
  return answerFailure(received, 405, `${method} is not served here; ${allow} are.`, { allow });
}

/** Browsers ask for an icon, crawlers for the rules; neither is a hit. */
export function answerFavicon(): HttpApiResponse {
  return { statusCode: 204, headers: { "cache-control": "public, max-age=86400" }, body: "" };
}

export function answerRobots(received: Received): HttpApiResponse {
  const body = received.bodyWanted ? "User-agent: *\nDisallow: /\n" : "";
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "public, max-age=86400",
  };
  return { statusCode: 200, headers, body };
}

function answer(
  received: Received,
  statusCode: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpApiResponse {
  const type = received.format === "json" ? "application/json" : "text/html; charset=utf-8";
  return {
    statusCode,
    headers: {
      "content-type": type,
      "cache-control": "no-store",
      "content-security-policy": POLICY,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      vary: "accept",
      ...headers,
    },
    body: received.bodyWanted ? body : "",
  };
}
