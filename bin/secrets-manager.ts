/**
 * Credentials from AWS Secrets Manager. The SDK is loaded with the first secret: it is large, and most proxies on a
 * laptop need none. AWS_ENDPOINT_URL and the usual sources of AWS credentials are the SDK's own business.
 */
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type DatabaseSecret, MalformedSecret } from "../proxy/ports.ts";

const CONNECT_MS = 3_000;
const ANSWER_MS = 5_000;

/** Makes the `fetchSecret` of the data plane. One client serves each region. */
export function createSecretFetcher(
  env: Readonly<Record<string, string | undefined>>,
): (secretArn: string) => Promise<DatabaseSecret> {
  const clients = new Map<string, Promise<SecretsManagerClient>>();
  return async (secretArn) => {
    const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? regionOf(secretArn);
    let client = clients.get(region);
    if (client === undefined) {
      client = openClient(region);
      clients.set(region, client);
    }
    const { GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
    const answer = await (await client).send(new GetSecretValueCommand({ SecretId: secretArn }));
    return parseSecret(answer.SecretString);
  };
}

async function openClient(region: string): Promise<SecretsManagerClient> {
  const { SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  return new SecretsManagerClient({
    region,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
    },
  });
}

/** `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`. */
function regionOf(secretArn: string): string {
  return secretArn.split(":")[3] || "us-east-1";
}

/** RDS reads `username` and `password` and leaves other keys alone. The text itself is never part of an error. */
export function parseSecret(text: string | undefined): DatabaseSecret {
  const { username, password } = jsonMapOf(text);
  if (typeof username !== "string" || username === "" || typeof password !== "string") {
    throw new MalformedSecret("the secret is not JSON with the texts username and password");
  }
  return { username, password };
}

function jsonMapOf(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
