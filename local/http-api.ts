import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { InvocationOutcome } from "./function-environment.ts";
import {
  type HttpAnswer,
  internalError,
  messageAnswer,
  serviceUnavailable,
  toAnswer,
} from "./http-api-answer.ts";
import { type HttpApiEvent, type ReceivedRequest, toEvent, toLogTime } from "./http-api-event.ts";

/** One line of the access log, in the names of the service's own context variables. */
export interface AccessLogEntry {
  readonly requestId: string;
  readonly ip: string;
  readonly requestTime: string;
  readonly httpMethod: string;
  readonly path: string;
  readonly routeKey: "$default";
  readonly protocol: string;
  readonly status: number;
  readonly responseLength: number;
  /** Milliseconds from the request's last byte to the answer. */
  readonly responseLatency: number;
  readonly integrationError?: string;
}

export interface HttpApiOptions {
  readonly invoke: (event: HttpApiEvent) => Promise<InvocationOutcome>;
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  readonly onAccess?: (entry: AccessLogEntry) => void;
  /** Milliseconds the function may take before the API gives up on it; it runs on all the same. */
  readonly integrationTimeoutMs?: number;
}

/** The service's limits: body in bytes, integration in milliseconds. */
const BODY_BYTES = 10_000_000;
const INTEGRATION_TIMEOUT_MS = 30_000;
/** Milliseconds that an idle connection is kept: longer than clients keep theirs, so that they are the ones to close. */
const KEEP_ALIVE_MS = 75_000;
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/** An HTTP API whose every route goes to one function. */
export class HttpApi {
  readonly #server: Server;
  readonly #options: HttpApiOptions;

  private constructor(options: HttpApiOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  static async start(options: HttpApiOptions): Promise<HttpApi> {
    const api = new HttpApi(options);
    await new Promise<void>((resolve, reject) => {
      api.#server.once("error", reject);
      api.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
    });
    return api;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}/`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === "broken") {
      response.destroy();
      return;
    }
    const received = describe(request, body === "too-large" ? Buffer.alloc(0) : body);
    const answer = body === "too-large" ? tooLarge() : await this.#integrate(received);
    send(response, received, answer);
    this.#options.onAccess?.(toAccessLogEntry(received, answer));
  }

  async #integrate(received: ReceivedRequest): Promise<HttpAnswer> {
    const limitMs = this.#options.integrationTimeoutMs ?? INTEGRATION_TIMEOUT_MS;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<HttpAnswer>((resolve) => {
      timer = setTimeout(() => resolve(serviceUnavailable("the integration timed out")), limitMs);
    });
    const answer = this.#options
      .invoke(toEvent(received))
      .then(toAnswer, (error: unknown) => internalError(String(error)));
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function tooLarge(): HttpAnswer {
  const answer = messageAnswer(413, "Request Entity Too Large");
  return { ...answer, headers: [...answer.headers, ["connection", "close"]] };
}

async function readBody(request: IncomingMessage): Promise<Buffer | "too-large" | "broken"> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // What is over the limit is read and dropped: a client that is still sending would not see an answer.
      if (bytes <= BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    return "broken";
  }
  return bytes > BODY_BYTES ? "too-large" : Buffer.concat(chunks);
}

function describe(request: IncomingMessage, body: Buffer): ReceivedRequest {
  return {
    requestId: randomBytes(11).toString("base64"),
    method: request.method ?? "GET",
    target: request.url ?? "/",
    protocol: `HTTP/${request.httpVersion}`,
    headers: request.headersDistinct,
    sourceIp: request.socket.remoteAddress ?? "",
    body,
    at: new Date(),
  };
}

function send(response: ServerResponse, received: ReceivedRequest, answer: HttpAnswer): void {
  const body =
    BODILESS.has(answer.status) || received.method === "HEAD" ? Buffer.alloc(0) : answer.body;
  for (const [name, value] of answer.headers) response.appendHeader(name, value);
  response.setHeader("apigw-requestid", received.requestId);
  if (body.length > 0 || received.method !== "HEAD")
    response.setHeader("content-length", body.length);
  response.writeHead(answer.status);
  response.end(body);
}

function toAccessLogEntry(received: ReceivedRequest, answer: HttpAnswer): AccessLogEntry {
  return {
    requestId: received.requestId,
    ip: received.sourceIp,
    requestTime: toLogTime(received.at),
    httpMethod: received.method,
    path: received.target.split("?")[0]!,
    routeKey: "$default",
    protocol: received.protocol,
    status: answer.status,
    responseLength: answer.body.length,
    responseLatency: Date.now() - received.at.getTime(),
    ...(answer.problem === undefined ? {} : { integrationError: answer.problem }),
  };
}
