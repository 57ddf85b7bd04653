import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One secret and what is known of it. */
export interface StoredSecret {
  readonly name: string;
  readonly arn: string;
  readonly versionId: string;
  readonly createdAt: Date;
  readonly text: string;
}

/** Where `up` finds an AWS API: this endpoint today, the whole control plane later. */
export interface AwsEndpoint {
  readonly url: string;
  stop(): Promise<void>;
}

export interface SecretsEndpointOptions {
  readonly secrets: readonly StoredSecret[];
  /** The access key that callers must sign with. The signature itself is not checked; the key is random. */
  readonly accessKeyId: string;
  /** Other callers by their access keys, each with what it may do. */
  readonly callers?: ReadonlyMap<string, MayCall>;
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
}

/** Whether a caller may do something with a secret: `secretsmanager:GetSecretValue` and its ARN. */
export type MayCall = (action: string, secretArn: string) => boolean;

interface Answer {
  readonly status: number;
  readonly document: unknown;
  readonly errorType?: string;
}

const TARGET_PREFIX = "secretsmanager.";
const STAGE = "AWSCURRENT";
/** Bytes of the longest request read; the service's own is 64 KiB of secret. */
const REQUEST_BYTES = 128 * 1024;

/** The part of Secrets Manager that a function needs to read its secret, in the service's JSON 1.1 protocol. */
export class SecretsEndpoint implements AwsEndpoint {
  readonly #server: Server;
  readonly #options: SecretsEndpointOptions;

  private constructor(options: SecretsEndpointOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(options: SecretsEndpointOptions): Promise<SecretsEndpoint> {
    const endpoint = new SecretsEndpoint(options);
    await new Promise<void>((resolve, reject) => {
      endpoint.#server.once("error", reject);
      endpoint.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
    });
    return endpoint;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readText(request);
    if (text === null) {
      response.destroy();
      return;
    }
    const answer = this.#answer(request, text);
    response.writeHead(answer.status, {
      "content-type": "application/x-amz-json-1.1",
      ...(answer.errorType === undefined ? {} : { "x-amzn-errortype": answer.errorType }),
    });
    response.end(JSON.stringify(answer.document));
  }

  #answer(request: IncomingMessage, text: string): Answer {
    const mayCall = this.#callerOf(request.headers.authorization ?? "");
    if (mayCall === null) {
      return refuse(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
      );
    }
    const target = String(request.headers["x-amz-target"] ?? "");
    const operation = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : null;
    if (operation !== "GetSecretValue" && operation !== "DescribeSecret") {
      return refuse(
        "UnknownOperationException",
        `Sluice's local AWS endpoint does not know the operation ${target}.`,
      );
    }
    const input = parseObject(text);
    if (input === null) return refuse("SerializationException", "The request is no JSON object.");
    const id = input["SecretId"];
    if (typeof id !== "string" || id === "")
      return refuse("InvalidParameterException", "SecretId is required.");
    const secret = this.#options.secrets.find(
      (candidate) => candidate.name === id || candidate.arn === id,
    );
    if (secret === undefined) {
      return refuse(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
      );
    }
    if (!mayCall(`secretsmanager:${operation}`, secret.arn)) {
      const message = `User is not authorized to perform: secretsmanager:${operation} on resource: ${secret.arn}`;
      return refuse("AccessDeniedException", message);
    }
    return operation === "DescribeSecret" ? describeSecret(secret) : getSecretValue(secret, input);
  }

  #callerOf(authorization: string): MayCall | null {
    const key = /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(authorization)?.[1];
    if (key === this.#options.accessKeyId) return () => true;
    return this.#options.callers?.get(key ?? "") ?? null;
  }
}

function getSecretValue(secret: StoredSecret, input: Record<string, unknown>): Answer {
  const { VersionId: version = secret.versionId, VersionStage: stage = STAGE } = input;
  if (version !== secret.versionId || stage !== STAGE) {
    return refuse(
      "ResourceNotFoundException",
      "Secrets Manager can't find the specified secret value.",
    );
  }
  return succeed({
    ARN: secret.arn,
    Name: secret.name,
    VersionId: secret.versionId,
    SecretString: secret.text,
    VersionStages: [STAGE],
    CreatedDate: toEpochSeconds(secret.createdAt),
  });
}

function describeSecret(secret: StoredSecret): Answer {
  const createdAt = toEpochSeconds(secret.createdAt);
  return succeed({
    ARN: secret.arn,
    Name: secret.name,
    CreatedDate: createdAt,
    LastChangedDate: createdAt,
    VersionIdsToStages: { [secret.versionId]: [STAGE] },
  });
}

function succeed(document: unknown): Answer {
  return { status: 200, document };
}

function refuse(errorType: string, message: string): Answer {
  return { status: 400, document: { __type: errorType, Message: message, message }, errorType };
}

function toEpochSeconds(time: Date): number {
  return time.getTime() / 1000;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

async function readText(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > REQUEST_BYTES) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString("utf8");
}
