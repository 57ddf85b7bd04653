import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { IAMClient } from "@aws-sdk/client-iam";
import { RDSClient } from "@aws-sdk/client-rds";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { STSClient } from "@aws-sdk/client-sts";
import type { AccessKey } from "../../control/index.ts";

// The SDK's advice to use another Node is not for the reader of test results.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Endpoint {
  readonly url: string;
  readonly region: string;
}

/** The SDK's clients against an endpoint, signing with a key. Nothing is tried twice. The offset is in milliseconds. */
export function clientsOf({ url, region }: Endpoint, credentials: Signer, systemClockOffset = 0) {
  const config = { endpoint: url, region, credentials, maxAttempts: 1, systemClockOffset };
  return {
    iam: new IAMClient(config),
    sts: new STSClient(config),
    secrets: new SecretsManagerClient(config),
    rds: new RDSClient(config),
    cloudwatch: new CloudWatchClient(config),
    logs: new CloudWatchLogsClient(config),
  };
}

/** Signing with the account's own key. */
export function awsClients(control: Endpoint & { readonly rootKey: AccessKey }): AwsClients {
  return clientsOf(control, control.rootKey);
}

export type AwsClients = ReturnType<typeof clientsOf>;
