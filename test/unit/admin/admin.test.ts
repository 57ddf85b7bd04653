import { request } from "node:http";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { type Admin, createAdmin } from "../../../proxy/admin/create-admin.ts";
import { type ListeningAdmin, listenAdmin } from "../../../proxy/admin/listen.ts";
import { OPENAPI } from "../../../proxy/admin/openapi.ts";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";
import { EventBus, type ProxyEvent } from "../../../proxy/observe/events.ts";
import { createRegistry } from "../../../proxy/observe/exposition.ts";
import type {
  AdminView,
  PinView,
  SessionView,
  StateView,
} from "../../../proxy/observe/state-view.ts";

const PIN: PinView = {
  session: 7,
  user: "app",
  clientAddress: "10.0.0.9:5",
  endpoint: "default",
  target: "db-1",
  backend: 9,
  at: 0,
  endedAt: null,
  rule: "get-lock",
  reason: "A lock was taken.",
  digest: "SELECT `GET_LOCK` (...)",
  fix: "Lock rows.",
};

function session(id: number): SessionView {
  return {
    id,
    user: "app",
    clientAddress: "10.0.0.9:5",
    endpoint: "default",
    tls: true,
    state: "pinned",
    schema: null,
    connectedAt: 0,
    since: 1_000,
    backend: 9,
    target: "db-1",
  };
}

const STATE: StateView = {
  proxyName: "app",
  version: "0.1.0",
  pinning: "rds",
  startedAt: 0,
  draining: false,
  endpoints: [
    {
      name: "default",
      targetRole: "READ_WRITE",
      host: "127.0.0.1",
      port: 6033,
      clientConnections: 2,
    },
  ],
  targets: [
    {
      id: "db-1",
      host: "127.0.0.1",
      port: 3306,
      role: "READ_WRITE",
      state: "UNAVAILABLE",
      reason: "UNREACHABLE",
      description: "connect ECONNREFUSED",
      serverMaxConnections: 100,
      maxConnections: 100,
      lagMs: null,
    },
  ],
  pools: [
    {
      target: "db-1",
      role: "READ_WRITE",
      user: "app",
      open: 3,
      opening: 0,
      idle: 1,
      lent: 2,
      pinned: 1,
      inTransaction: 1,
    },
  ],
  waiters: [{ role: "READ_WRITE", count: 1, oldestWaitMs: 12.5 }],
  sessions: [session(7), session(8)],
  sessionsTotal: 2,
};

const opened: ListeningAdmin[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

interface Running {
  readonly admin: Admin;
  readonly events: EventBus;
  readonly at: ListeningAdmin;
  readonly bugs: Error[];
}

async function start(over: Partial<AdminView> = {}, localOnly = true): Promise<Running> {
  const events = new EventBus();
  const bugs: Error[] = [];
  const view: AdminView = {
    ready: () => ({ ready: true, reason: "The endpoints listen." }),
    state: (sessionsMax) => ({ ...STATE, sessions: STATE.sessions.slice(0, sessionsMax) }),
    pins: () => [PIN],
    ...over,
  };
  const counters = new ProxyCounters("app");
  counters.endpoint("default").clientConnections = 2;
  const registry = createRegistry({ counters, nowMs: () => 0, registry: new Registry() });
  const admin = createAdmin({
    view,
    registry,
    events,
    localOnly,
    onBug: (error) => bugs.push(error),
  });
  const at = await listenAdmin(admin, "127.0.0.1", 0);
  opened.push(at);
  return { admin, events, at, bugs };
}

function login(n: number): ProxyEvent {
  return {
    kind: "client-logged-in",
    at: 0,
    endpoint: "default",
    session: n,
    user: "app",
    tls: true,
    schema: null,
  };
}

/** Fetch does not let one choose the Host header. */
function statusWithHost(at: ListeningAdmin, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: at.host, port: at.port, path: "/healthz", headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  wanted: string,
): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended before ${wanted}: ${text}`);
    text += new TextDecoder().decode(value);
  }
  return text;
}

describe("the admin API", () => {
  it("says that it lives, and whether it is ready", async () => {
    let ready = true;
    const { at } = await start({ ready: () => ({ ready, reason: "because" }) });
    expect((await fetch(`${at.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${at.url}/readyz`)).status).toBe(200);
    ready = false;
    const answer = await fetch(`${at.url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { ready: false, reason: "because" },
    ]);
    expect((await fetch(`${at.url}/healthz`)).status).toBe(200);
  });

  it("shows metrics as Prometheus reads them", async () => {
    const { at } = await start();
    const answer = await fetch(`${at.url}/metrics`);
    expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await answer.text()).toContain(
      'sluice_client_connections{proxy_name="app",endpoint_name="default"} 2',
    );
  });

  it("shows the state with as many sessions as asked for", async () => {
    const { at } = await start();
    const all = (await (await fetch(`${at.url}/api/v1/state`)).json()) as StateView;
    expect(all.sessions[0]).toMatchObject({ id: 7, since: "1970-01-01T00:00:01.000Z" });
    const one = (await (await fetch(`${at.url}/api/v1/state?limit=1`)).json()) as StateView;
    expect([one.sessions.length, one.sessionsTotal]).toEqual([1, 2]);
    for (const limit of ["-1", "x", "10001", "1e3", ""]) {
      expect((await fetch(`${at.url}/api/v1/state?limit=${limit}`)).status, limit).toBe(400);
    }
  });

  it("shows pins with their time, rule, reason and fix", async () => {
    const { at } = await start();
    const { pins } = (await (await fetch(`${at.url}/api/v1/pins`)).json()) as { pins: unknown[] };
    expect(pins).toMatchObject([
      { session: 7, rule: "get-lock", time: "1970-01-01T00:00:00.000Z", endedAt: null },
    ]);
  });

  it("answers errors in JSON", async () => {
    const { at, bugs } = await start({
      pins: () => {
        throw new Error("inside");
      },
    });
    for (const [path, method, status] of [
      ["/nothing", "GET", 404],
      ["/api/v1/state", "POST", 405],
      ["/api/v1/pins", "GET", 500],
    ] as const) {
      const answer = await fetch(`${at.url}${path}`, { method });
      expect(answer.status, path).toBe(status);
      expect(await answer.text(), path).toMatch(
        /^\{"error":\{"code":"[a-z-]+","message":"[^"]+"\}\}$/,
      );
    }
    expect(bugs.map((bug) => bug.message)).toEqual(["inside"]);
  });

  it("on loopback answers nobody who calls it by a foreign name", async () => {
    const { at } = await start();
    expect(await statusWithHost(at, "rebound.example:6080")).toBe(403);
    expect(await statusWithHost(at, "127.0.0.1.rebound.example")).toBe(403);
    for (const host of ["localhost:6080", "127.0.0.1", "[::1]:6080", "app.localhost"]) {
      expect(await statusWithHost(at, host), host).toBe(200);
    }
    const open = await start({}, false);
    expect(await statusWithHost(open.at, "sluice.internal.example")).toBe(200);
  });

  it("links to everything from its root", async () => {
    const { at } = await start();
    const page = await (await fetch(at.url)).text();
    for (const path of Object.keys(OPENAPI.paths))
      expect(page).toContain(`"${path === "/" ? "/healthz" : path}"`);
  });
});

describe("the event stream", () => {
  it("brings events as they happen, to everybody", async () => {
    const { at, events } = await start();
    const readers = await Promise.all(
      [1, 2].map(async () => (await fetch(`${at.url}/api/v1/events`)).body!.getReader()),
    );
    for (const reader of readers) await readUntil(reader, "retry:");
    events.emit(login(5));
    for (const reader of readers) {
      const text = await readUntil(reader, "\n\n");
      expect(text).toMatch(/^event: client-logged-in\ndata: \{.*\}\n\n$/);
      expect(JSON.parse(text.split("data: ")[1]!)).toMatchObject({
        session: 5,
        kind: "client-logged-in",
        level: "INFO",
      });
      await reader.cancel();
    }
  });

  it("keeps the latest events for a slow reader and tells how many are lost", async () => {
    const { admin, events } = await start();
    const answer = await admin.app.request("/api/v1/events", { headers: { host: "localhost" } });
    for (let n = 1; n <= 3_000; n += 1) events.emit(login(n));
    const text = await readUntil(answer.body!.getReader(), '"session":3000,');
    const lost = Number(/event: events-lost\ndata: \{"count":(\d+)\}/.exec(text)?.[1]);
    expect(text.match(/event: client-logged-in/g)?.length).toBe(3_000 - lost);
    expect(lost).toBeGreaterThan(1_900);
  });

  it("has an end when the server closes, which then is quick", async () => {
    const { at } = await start();
    const reader = (await fetch(`${at.url}/api/v1/events`)).body!.getReader();
    await readUntil(reader, "retry:");
    const before = performance.now();
    await at.close();
    expect((await reader.read()).done).toBe(true);
    expect(performance.now() - before).toBeLessThan(1_900);
  });

  it("lets go of the bus when its reader leaves", async () => {
    const { admin, events } = await start();
    const subscribe = vi.spyOn(events, "subscribe");
    const answer = await admin.app.request("/api/v1/events", { headers: { host: "localhost" } });
    await answer.body!.cancel();
    events.emit(login(1));
    expect(subscribe).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 200; n += 1) {
      const again = await admin.app.request("/api/v1/events");
      expect(again.status).toBe(200);
      await again.body!.cancel();
    }
  });

  it("is refused when there are too many", async () => {
    const { admin } = await start();
    const statuses: number[] = [];
    for (let n = 0; n < 70; n += 1)
      statuses.push((await admin.app.request("/api/v1/events")).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(64);
    expect(statuses.at(-1)).toBe(503);
  });
});

function contentOf(get: { readonly responses: object }): Record<string, { schema: object }> {
  return (get.responses as Record<string, { content: Record<string, { schema: object }> }>)["200"]!
    .content;
}

describe("the OpenAPI document", () => {
  it("has exactly the routes that there are", async () => {
    const { admin } = await start();
    const routes = admin.app.routes
      .filter((route) => route.method === "GET")
      .map((route) => route.path);
    expect(routes.length).toBeGreaterThan(7);
    expect(new Set(routes)).toEqual(new Set(Object.keys(OPENAPI.paths)));
  });

  it("describes the real answers, whole", async () => {
    const { at } = await start();
    let checked = 0;
    for (const [path, { get }] of Object.entries(OPENAPI.paths)) {
      const content = contentOf(get);
      const schema = content["application/json"]?.schema;
      if (schema === undefined) continue;
      const answer = await fetch(`${at.url}${path}`);
      const body = await answer.json();
      const parsed = z.fromJSONSchema(schema as never).safeParse(body);
      expect(parsed.error?.issues ?? [], path).toEqual([]);
      checked += 1;
    }
    expect(checked).toBe(5);
  });

  it("would not fit an answer with a key too many", () => {
    const { schema } = contentOf(OPENAPI.paths["/healthz"].get)["application/json"]!;
    expect(z.fromJSONSchema(schema as never).safeParse({ status: "ok", more: 1 }).success).toBe(
      false,
    );
  });
});
