import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { IAMClient } from "@aws-sdk/client-iam";
import { RDSClient } from "@aws-sdk/client-rds";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { STSClient } from "@aws-sdk/client-sts";
import { afterEach } from "vitest";
import { ControlPlane, type ControlPlaneOptions } from "../../../control/index.ts";

process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type Clients = ReturnType<typeof clientsOf>;

const running: ControlPlane[] = [];
const bugs: unknown[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((control) => control.stop()));
  if (bugs.length > 0) throw bugs.splice(0)[0];
});

/** A control plane for one test; what it reports as its own defect fails the test. */
export async function startControl(
  options: ControlPlaneOptions = {},
): Promise<{ control: ControlPlane; clients: Clients }> {
  const control = await ControlPlane.start({ onBug: (error) => bugs.push(error), ...options });
  running.push(control);
  return { control, clients: clientsOf(control, control.rootKey) };
}

/** The SDK's clients against an endpoint, signing with a key. Nothing is tried twice. The offset is in milliseconds. */
export function clientsOf(
  { url, region }: { readonly url: string; readonly region: string },
  credentials: Signer,
  systemClockOffset = 0,
) {
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
