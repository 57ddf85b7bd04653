import { randomUUID } from "node:crypto";
import type * as sdk from "@aws-sdk/client-secrets-manager";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import { CURRENT, PENDING, staged } from "./secret-record.ts";
import type { Vault } from "./vault.ts";

/** Functions on this machine that may rotate secrets. */
export interface RotationFunctions {
  has(functionArn: string): boolean;
  invoke(functionArn: string, event: Readonly<Record<string, string>>): Promise<void>;
}

/** What a rotation function is called for, in order. */
const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"];

export function rotationHandlers(
  vault: Vault,
  functions: RotationFunctions | null,
): Record<string, Handler> {
  return {
    RotateSecret: (input: sdk.RotateSecretRequest) => rotate(vault, functions, input),
    CancelRotateSecret: (input: sdk.CancelRotateSecretRequest): sdk.CancelRotateSecretResponse => {
      const secret = vault.need(input.SecretId);
      if (secret.rotation === null)
        throw new AwsFault(
          "InvalidRequestException",
          "You tried to cancel the rotation of a secret that has none.",
        );
      const rotation = { ...secret.rotation, enabled: false };
      vault.secrets.set(secret.name, { ...secret, rotation });
      const pending = staged(secret, PENDING);
      const version = pending === null ? {} : { VersionId: pending };
      return { ARN: secret.arn, Name: secret.name, ...version };
    },
  };
}

async function rotate(
  vault: Vault,
  functions: RotationFunctions | null,
  input: sdk.RotateSecretRequest,
): Promise<sdk.RotateSecretResponse> {
  const secret = vault.need(input.SecretId);
  const functionArn = input.RotationLambdaARN ?? secret.rotation?.functionArn;
  if (functionArn === undefined)
    throw new AwsFault(
      "InvalidRequestException",
      "No Lambda rotation function ARN is associated with this secret.",
    );
  if (functions?.has(functionArn) !== true)
    throw new AwsFault(
      "AccessDeniedException",
      "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.",
    );
  const days = input.RotationRules?.AutomaticallyAfterDays ?? secret.rotation?.days ?? null;
  const rotatedAt = secret.rotation?.rotatedAt ?? null;
  const rotation = { functionArn, days, rotatedAt, enabled: true };
  vault.secrets.set(secret.name, { ...secret, rotation });
  const answer = { ARN: secret.arn, Name: secret.name };
  if (input.RotateImmediately === false) return answer;
  const token = input.ClientRequestToken ?? randomUUID();
  for (const step of STEPS)
    await functions.invoke(functionArn, {
      Step: step,
      SecretId: secret.arn,
      ClientRequestToken: token,
    });
  const after = vault.need(secret.name);
  if (staged(after, CURRENT) === token)
    vault.secrets.set(after.name, {
      ...after,
      rotation: { ...rotation, rotatedAt: vault.ground.nowMs() },
    });
  return { ...answer, VersionId: token };
}
