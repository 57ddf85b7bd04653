import { randomBytes, randomUUID } from "node:crypto";
import type { StoredSecret } from "../../local/index.ts";

/** What a program needs to call the local AWS API. */
export interface AwsAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const REGION = "us-east-1";
const ACCOUNT_ID = "000000000000";
const SUFFIX_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** A key pair of the usual form. */
export function newAccessKey(): { accessKeyId: string; secretAccessKey: string } {
  return {
    accessKeyId: `AKIA${randomLetters(16)}`,
    secretAccessKey: randomBytes(30).toString("base64"),
  };
}

export function newSecret(name: string, content: Readonly<Record<string, unknown>>): StoredSecret {
  return {
    name,
    arn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT_ID}:secret:${name}-${randomLetters(6)}`,
    versionId: randomUUID(),
    createdAt: new Date(),
    text: JSON.stringify(content),
  };
}

/** The environment in which every AWS SDK talks to the local API, and nothing of the user's own set-up is read. */
export function awsVariables(access: AwsAccess): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: access.endpoint,
    AWS_REGION: access.region,
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
}

function randomLetters(count: number): string {
  return Array.from(randomBytes(count), (byte) => SUFFIX_CHARS[byte % SUFFIX_CHARS.length]).join(
    "",
  );
}
