/** The OpenAPI document of the admin API. Kept by hand; a test compares it with the routes and their answers. */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const count: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };

function oneOf(...values: string[]): Schema {
  return { type: "string", enum: values };
}

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

function listOf(items: Schema): Schema {
  return { type: "array", items };
}

function map(properties: Readonly<Record<string, Schema>>): Schema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

const endpointRole = oneOf("READ_WRITE", "READ_ONLY");
const targetRole = oneOf("READ_WRITE", "READ_ONLY", "UNKNOWN");

const endpoint = map({
  name: text,
  targetRole: endpointRole,
  host: text,
  port: count,
  clientConnections: count,
});

const target = map({
  id: text,
  host: text,
  port: count,
  role: targetRole,
  state: oneOf("REGISTERING", "AVAILABLE", "UNAVAILABLE", "UNUSED"),
  reason: orNull(
    oneOf(
      "UNREACHABLE",
      "CONNECTION_FAILED",
      "AUTH_FAILURE",
      "PENDING_PROXY_CAPACITY",
      "INVALID_REPLICATION_STATE",
      "PROMOTED",
    ),
  ),
  description: orNull(text),
  serverMaxConnections: orNull(count),
  maxConnections: count,
  lagMs: orNull({ type: "number", minimum: 0 }),
});

const pool = map({
  target: text,
  role: targetRole,
  user: text,
  open: count,
  opening: count,
  idle: count,
  lent: count,
  pinned: count,
  inTransaction: count,
});

const session = map({
  id: count,
  user: orNull(text),
  clientAddress: text,
  endpoint: text,
  tls: flag,
  state: oneOf("logging-in", "idle", "waiting", "running", "in-transaction", "pinned"),
  schema: orNull(text),
  connectedAt: time,
  since: time,
  backend: orNull(count),
  target: orNull(text),
});

const state = map({
  proxyName: text,
  version: text,
  pinning: oneOf("rds", "adaptive"),
  startedAt: time,
  draining: flag,
  endpoints: listOf(endpoint),
  targets: listOf(target),
  pools: listOf(pool),
  waiters: listOf(map({ role: endpointRole, count, oldestWaitMs: { type: "number", minimum: 0 } })),
  sessions: listOf(session),
  sessionsTotal: count,
});

const pins = map({
  pins: listOf(
    map({
      session: count,
      user: text,
      clientAddress: text,
      endpoint: text,
      target: text,
      backend: count,
      time,
      endedAt: orNull(time),
      rule: text,
      reason: text,
      digest: orNull(text),
      fix: text,
    }),
  ),
});

const fault = map({ error: map({ code: text, message: text }) });
const readiness = map({ ready: flag, reason: text });

interface JsonAnswer {
  readonly description: string;
  readonly content: { readonly "application/json": { readonly schema: Schema } };
}

function json(description: string, schema: Schema): JsonAnswer {
  return { description, content: { "application/json": { schema } } };
}

function of(type: string, description: string): Schema {
  return { description, content: { [type]: { schema: text } } };
}

const limit: Schema = {
  name: "limit",
  in: "query",
  description: "Most sessions to list",
  schema: { type: "integer", minimum: 0, maximum: 10_000, default: 1_000 },
};

export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Sluice admin API",
    version: "1",
    description: "Read-only. Holds no secrets and no values of statements.",
  },
  paths: {
    "/": { get: { summary: "Links", responses: { 200: of("text/html", "A page of links") } } },
    "/healthz": {
      get: {
        summary: "Whether the process lives",
        responses: { 200: json("It does", map({ status: oneOf("ok") })) },
      },
    },
    "/readyz": {
      get: {
        summary: "Whether new clients would be served",
        responses: { 200: json("They would", readiness), 503: json("They would not", readiness) },
      },
    },
    "/metrics": {
      get: { summary: "Metrics", responses: { 200: of("text/plain", "Prometheus text") } },
    },
    "/api/v1/state": {
      get: {
        summary: "Endpoints, targets, pools, waiters and sessions",
        parameters: [limit],
        responses: { 200: json("The state", state), 400: json("A wrong limit", fault) },
      },
    },
    "/api/v1/pins": {
      get: {
        summary: "Live pins, then those that ended lately; the latest first",
        responses: { 200: json("The pins", pins) },
      },
    },
    "/api/v1/events": {
      get: {
        summary: "Events as they happen; `events-lost` where the reader was too slow",
        responses: {
          200: of("text/event-stream", "Server-sent events: the kind as event, the rest as JSON"),
          503: json("Too many streams, or stopping", fault),
        },
      },
    },
    "/api/v1/openapi.json": {
      get: {
        summary: "This document",
        responses: { 200: json("OpenAPI 3.1", { type: "object" }) },
      },
    },
  },
} as const;
