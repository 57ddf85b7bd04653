import type * as sdk from "@aws-sdk/client-secrets-manager";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import { randomPassword } from "./random-password.ts";
import { CURRENT, moveStage, type SecretRecord, staged } from "./secret-record.ts";
import type { NewValue, Vault } from "./vault.ts";

/** Values of secrets and their stages. */
export function valueHandlers(vault: Vault): Record<string, Handler> {
  return {
    GetSecretValue: (input: sdk.GetSecretValueRequest) => getSecretValue(vault, input),
    PutSecretValue: (input: sdk.PutSecretValueRequest) => putSecretValue(vault, input),
    UpdateSecretVersionStage: (input: sdk.UpdateSecretVersionStageRequest) =>
      updateStage(vault, input),
    GetRandomPassword: (input: sdk.GetRandomPasswordRequest): sdk.GetRandomPasswordResponse => ({
      RandomPassword: randomPassword(input),
    }),
  };
}

interface Valued {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}

/** null: no value is given. */
export function givenValue({ SecretString: text, SecretBinary: binary }: Valued): NewValue | null {
  if (text !== undefined && binary !== undefined)
    throw new AwsFault(
      "InvalidParameterException",
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  if (text !== undefined) return { text, binary: null };
  return binary === undefined
    ? null
    : { text: null, binary: Buffer.from(binary).toString("base64") };
}

const DAY_MS = 86_400_000;

function getSecretValue(
  vault: Vault,
  input: sdk.GetSecretValueRequest,
): sdk.GetSecretValueResponse {
  const secret = vault.need(input.SecretId);
  const id = versionOf(secret, input);
  const version = secret.versions[id]!;
  // As in the service, the date has the precision of a day.
  const today = Math.floor(vault.ground.nowMs() / DAY_MS) * DAY_MS;
  if (version.accessedAt !== today || secret.accessedAt !== today) {
    const versions = { ...secret.versions, [id]: { ...version, accessedAt: today } };
    vault.secrets.set(secret.name, { ...secret, accessedAt: today, versions });
  }
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: id,
    ...(version.text === null ? {} : { SecretString: version.text }),
    ...(version.binary === null
      ? {}
      : { SecretBinary: new Uint8Array(Buffer.from(version.binary, "base64")) }),
    VersionStages: [...version.stages],
    CreatedDate: new Date(version.createdAt),
  };
}

function versionOf(
  secret: SecretRecord,
  { VersionId: id, VersionStage: stage }: sdk.GetSecretValueRequest,
): string {
  if (id !== undefined) {
    const version = Object.hasOwn(secret.versions, id) ? secret.versions[id] : undefined;
    if (version === undefined) throw noValue(`VersionId: ${id}`);
    if (stage !== undefined && !version.stages.includes(stage))
      throw new AwsFault(
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
      );
    return id;
  }
  const found = staged(secret, stage ?? CURRENT);
  if (found === null) throw noValue(`staging label: ${stage ?? CURRENT}`);
  return found;
}

function noValue(of: string): AwsFault {
  return new AwsFault(
    "ResourceNotFoundException",
    `Secrets Manager can't find the specified secret value for ${of}`,
  );
}

function putSecretValue(
  vault: Vault,
  input: sdk.PutSecretValueRequest,
): sdk.PutSecretValueResponse {
  const secret = vault.need(input.SecretId);
  const value = givenValue(input);
  if (value === null)
    throw new AwsFault(
      "InvalidRequestException",
      "You must provide either SecretString or SecretBinary.",
    );
  const put = vault.put(secret, value, {
    token: input.ClientRequestToken,
    stages: input.VersionStages,
  });
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: put.versionId,
    VersionStages: [...put.secret.versions[put.versionId]!.stages],
  };
}

function updateStage(
  vault: Vault,
  input: sdk.UpdateSecretVersionStageRequest,
): sdk.UpdateSecretVersionStageResponse {
  const secret = vault.need(input.SecretId);
  const stage = input.VersionStage!;
  const { MoveToVersionId: to = null, RemoveFromVersionId: from = null } = input;
  const present = staged(secret, stage);
  for (const id of [to, from])
    if (id !== null && !Object.hasOwn(secret.versions, id)) throw noValue(`VersionId: ${id}`);
  if (from !== null && from !== present)
    throw new AwsFault(
      "InvalidParameterException",
      `The parameter RemoveFromVersionId can't be ${from}: the staging label ${stage} is not attached to it.`,
    );
  if (to !== null && present !== null && present !== to && from === null)
    throw new AwsFault(
      "InvalidParameterException",
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${present}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  if (to === null && stage === CURRENT)
    throw new AwsFault(
      "InvalidParameterException",
      `You can only move staging label ${CURRENT} to a different secret version. It can't be completely removed.`,
    );
  vault.secrets.set(secret.name, moveStage(secret, stage, to));
  return { ARN: secret.arn, Name: secret.name };
}
