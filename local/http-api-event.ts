/** An event of an HTTP API in payload format 2.0, for its `$default` route. */
export interface HttpApiEvent {
  readonly version: "2.0";
  readonly routeKey: "$default";
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: RequestContext;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

interface RequestContext {
  readonly accountId: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly domainPrefix: string;
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly protocol: string;
    readonly sourceIp: string;
    readonly userAgent: string;
  };
  readonly requestId: string;
  readonly routeKey: "$default";
  readonly stage: "$default";
  readonly time: string;
  readonly timeEpoch: number;
}

/** What arrived, before it is an event. */
export interface ReceivedRequest {
  readonly requestId: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly protocol: string;
  /** Names in lower case, every value. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly sourceIp: string;
  readonly body: Buffer;
  readonly at: Date;
}

const ACCOUNT_ID = "000000000000";
const API_ID = "local";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Headers that speak of the connection to the API, not of the request. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split(" "),
);

/** Seen on the service: these types, with or without parameters, arrive as text; all others, and none, in base64. */
const TEXT_TYPE = /^\s*(text\/[^;]+|application\/(json|xml|javascript))\s*(;|$)/i;

export function toEvent(request: ReceivedRequest): HttpApiEvent {
  const [path, rawQueryString] = splitTarget(request.target);
  const rawPath = toRawPath(path);
  const cookies = toCookies(request.headers["cookie"]);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers: toHeaders(request),
    ...(rawQueryString === "" ? {} : { queryStringParameters: toParameters(rawQueryString) }),
    requestContext: toRequestContext(request, rawPath),
    ...toBody(request),
  };
}

/** Also of the absolute form (`GET http://host/path`) that proxies send. */
function splitTarget(target: string): [path: string, query: string] {
  const local = target.startsWith("/")
    ? target
    : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  return [path === "" ? "/" : path, mark < 0 ? "" : local.slice(mark + 1)];
}

/** The service decodes the path, and cuts what it decoded at a question mark. */
function toRawPath(path: string): string {
  try {
    return decodeURIComponent(path).split("?")[0]!;
  } catch {
    return path;
  }
}

function toCookies(values: readonly string[] | undefined): string[] {
  return (values ?? [])
    .flatMap((value) => value.split(";"))
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== "");
}

function toHeaders(request: ReceivedRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headers)) {
    if (values !== undefined && name !== "cookie" && !HOP_BY_HOP.has(name))
      headers[name] = values.join(",");
  }
  const forwarded = headers["x-forwarded-for"];
  headers["x-forwarded-for"] =
    forwarded === undefined ? request.sourceIp : `${forwarded}, ${request.sourceIp}`;
  headers["x-forwarded-proto"] = "http";
  return headers;
}

function toParameters(query: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const before = Object.hasOwn(parameters, name) ? `${parameters[name]},` : "";
    // A parameter may be called __proto__.
    Object.defineProperty(parameters, name, {
      value: before + value,
      enumerable: true,
      configurable: true,
    });
  }
  return parameters;
}

function toRequestContext(request: ReceivedRequest, path: string): RequestContext {
  const domainName = request.headers["host"]?.[0] ?? "localhost";
  return {
    accountId: ACCOUNT_ID,
    apiId: API_ID,
    domainName,
    domainPrefix: domainName.split(".")[0]!,
    http: {
      method: request.method,
      path,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.headers["user-agent"]?.[0] ?? "",
    },
    requestId: request.requestId,
    routeKey: "$default",
    stage: "$default",
    time: toLogTime(request.at),
    timeEpoch: request.at.getTime(),
  };
}

/** `12/Mar/2020:19:03:58 +0000`, the time form of access logs. */
export function toLogTime(at: Date): string {
  const day = String(at.getUTCDate()).padStart(2, "0");
  const clock = at.toISOString().slice(11, 19);
  return `${day}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}:${clock} +0000`;
}

function toBody(request: ReceivedRequest): { body?: string; isBase64Encoded: boolean } {
  if (request.body.length === 0) return { isBase64Encoded: false };
  const isText = TEXT_TYPE.test(request.headers["content-type"]?.[0] ?? "");
  return { body: request.body.toString(isText ? "utf8" : "base64"), isBase64Encoded: !isText };
}
