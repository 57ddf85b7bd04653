import { type Context, Hono } from "hono";
import type { Registry } from "prom-client";
import type { EventBus } from "../observe/events.ts";
import type { AdminView } from "../observe/state-view.ts";
import { pinsAnswer, stateAnswer } from "./answers.ts";
import { EventStreams } from "./event-streams.ts";
import { isLocalHost } from "./host-guard.ts";
import { OPENAPI } from "./openapi.ts";

const SESSIONS_SHOWN = 1_000;
const SESSIONS_SHOWN_MAX = 10_000;

export interface AdminOptions {
  readonly view: AdminView;
  readonly registry: Registry;
  readonly events: EventBus;
  /** Answer only requests that name this machine or an address: for servers on loopback. */
  readonly localOnly: boolean;
  /** Gets what went wrong where a request failed through our fault. */
  readonly onBug: (error: Error) => void;
}

export interface Admin {
  readonly app: Hono;
  /** Ends all event streams and opens no new ones. */
  close(): void;
}

/** The admin API as an application without a socket. */
export function createAdmin(options: AdminOptions): Admin {
  const streams = new EventStreams(options.events);
  const app = new Hono();
  let closed = false;
  guard(app, options);
  status(app, options);
  views(app, options.view);
  app.get("/api/v1/events", (c) => {
    const body = closed ? null : streams.open();
    if (body === null)
      return fault(c, 503, "unavailable", "No more event streams can be opened now.");
    return c.body(body, 200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  });
  return {
    app,
    close: () => {
      closed = true;
      streams.close();
    },
  };
}

function guard(app: Hono, { localOnly, onBug }: AdminOptions): void {
  app.use(async (c, next) => {
    if (localOnly && !isLocalHost(c.req.header("host"))) {
      return fault(c, 403, "forbidden-host", "Use localhost or an address as host name.");
    }
    await next();
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
    c.header("content-security-policy", "default-src 'none'");
    return undefined;
  });
  app.notFound((c) => {
    const known = c.req.path in OPENAPI.paths;
    if (known) return fault(c, 405, "method-not-allowed", "The admin API is read-only: use GET.");
    return fault(c, 404, "not-found", "There is nothing here; see / for what there is.");
  });
  app.onError((error, c) => {
    onBug(error);
    return fault(
      c,
      500,
      "bug",
      "The request failed through a defect of the proxy; its log says more.",
    );
  });
}

function status(app: Hono, { view, registry }: AdminOptions): void {
  app.get("/", (c) => {
    const links = Object.entries(OPENAPI.paths)
      .filter(([path]) => path !== "/")
      .map(([path, { get }]) => `<li><a href="${path}">${path}</a> ${get.summary}</li>`);
    return c.html(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sluice</title><h1>Sluice</h1><ul>${links.join("")}</ul></html>`,
    );
  });
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => {
    const { ready, reason } = view.ready();
    return c.json({ ready, reason }, ready ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await registry.metrics(), 200, { "content-type": registry.contentType }),
  );
  app.get("/api/v1/openapi.json", (c) => c.json(OPENAPI));
}

function views(app: Hono, view: AdminView): void {
  app.get("/api/v1/state", (c) => {
    const limit = c.req.query("limit") ?? String(SESSIONS_SHOWN);
    if (!/^\d{1,5}$/.test(limit) || Number(limit) > SESSIONS_SHOWN_MAX) {
      return fault(
        c,
        400,
        "wrong-limit",
        `limit must be a whole number from 0 to ${SESSIONS_SHOWN_MAX}.`,
      );
    }
    return c.json(stateAnswer(view.state(Number(limit))));
  });
  app.get("/api/v1/pins", (c) => c.json(pinsAnswer(view.pins())));
}

type FaultStatus = 400 | 403 | 404 | 405 | 500 | 503;

function fault(c: Context, status: FaultStatus, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status);
}
