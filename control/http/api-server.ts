import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AwsFault, commonFault } from "../protocol/fault.ts";
import { type HttpRequest, wireOf } from "../protocol/request-shape.ts";
import type { Reply } from "../protocol/wires.ts";
import type { SignedRequest } from "../signing/verify-signature.ts";
import type { Answerer } from "./answerer.ts";

export interface ApiServerOptions {
  readonly answerer: Answerer;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Gets what is a defect of ours. */
  readonly onBug: (error: unknown) => void;
}

/** Bytes of a request as sent, and after decompression. */
const BODY_BYTES_MAX = 4 * 1_024 * 1_024;
const PLAIN_BYTES_MAX = 16 * 1_024 * 1_024;

const unzip = promisify(gunzip);

/** The one HTTP endpoint of all services. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #server: Server;

  private constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const api = new ApiServer(options);
    await new Promise<void>((resolve, reject) => {
      api.#server.once("error", reject);
      api.#server.listen(options.port, options.host, resolve);
    });
    return api;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const body = await readBody(request);
    if (body === null) {
      response.writeHead(413, { connection: "close" }).end();
      return;
    }
    const reply = await this.#answer(request, body, requestId);
    const { status, headers } = reply;
    const bytes = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
    response.writeHead(status, { ...headers, "content-length": bytes.length }).end(bytes);
  }

  async #answer(request: IncomingMessage, body: Buffer, requestId: string): Promise<Reply> {
    const { answerer, onBug } = this.#options;
    const signed = signedRequest(request, body);
    const shaped: HttpRequest = {
      ...signed,
      header: (name) => request.headers[name]?.toString(),
    };
    try {
      const plain = await decompressed(body, shaped.header("content-encoding"));
      return await answerer.answer(signed, { ...shaped, body: plain }, requestId);
    } catch (error) {
      if (error instanceof AwsFault) return wireOf(shaped).refuse(null, error, requestId);
      onBug(error);
      const fault = commonFault("InternalFailure", "The request failed for an unknown reason");
      return wireOf(shaped).refuse(null, fault, requestId);
    }
  }
}

function signedRequest(request: IncomingMessage, body: Uint8Array): SignedRequest {
  const url = request.url ?? "/";
  const at = url.indexOf("?");
  return {
    method: request.method ?? "GET",
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? "" : url.slice(at + 1),
    rawHeaders: request.rawHeaders,
    body,
  };
}

async function decompressed(body: Buffer, encoding: string | undefined): Promise<Uint8Array> {
  if (encoding === undefined || encoding === "identity") return body;
  if (encoding !== "gzip")
    throw commonFault("MalformedRequest", `The content encoding ${encoding} is not supported`);
  try {
    return await unzip(body, { maxOutputLength: PLAIN_BYTES_MAX });
  } catch {
    throw commonFault("MalformedRequest", "The request is not what its content encoding says");
  }
}

/** null: too long, or the client is gone. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}
