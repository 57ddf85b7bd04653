import type * as sdk from "@aws-sdk/client-secrets-manager";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import type { SecretRecord } from "./secret-record.ts";
import { givenValue } from "./value-handlers.ts";
import type { Vault } from "./vault.ts";

const DAY_MS = 86_400_000;
const WINDOW_DAYS = { least: 7, most: 30 };

/** Making, changing and deleting of secrets. */
export function lifecycleHandlers(vault: Vault): Record<string, Handler> {
  return {
    CreateSecret: (input: sdk.CreateSecretRequest) => createSecret(vault, input),
    UpdateSecret: (input: sdk.UpdateSecretRequest) => updateSecret(vault, input),
    DeleteSecret: (input: sdk.DeleteSecretRequest) => deleteSecret(vault, input),
    RestoreSecret: (input: sdk.RestoreSecretRequest): sdk.RestoreSecretResponse => {
      const secret = vault.needEvenDeleted(input.SecretId);
      vault.secrets.set(secret.name, { ...secret, deletedAt: null, goneAt: null });
      return { ARN: secret.arn, Name: secret.name };
    },
    TagResource: (input: sdk.TagResourceRequest): void => {
      const secret = vault.need(input.SecretId);
      vault.secrets.set(secret.name, { ...secret, tags: withTags(secret.tags, input.Tags) });
    },
    UntagResource: (input: sdk.UntagResourceRequest): void => {
      const secret = vault.need(input.SecretId);
      const tags = secret.tags.filter(({ Key }) => !input.TagKeys!.includes(Key));
      vault.secrets.set(secret.name, { ...secret, tags });
    },
  };
}

function createSecret(vault: Vault, input: sdk.CreateSecretRequest): sdk.CreateSecretResponse {
  const name = input.Name!;
  if (input.AddReplicaRegions !== undefined && input.AddReplicaRegions.length > 0)
    throw new AwsFault("InvalidParameterException", "There is one region only: no replicas.");
  const value = givenValue(input);
  const known = vault.find(name);
  if (known !== null) return createdBefore(known, input, value);
  const secret = vault.create(name, {
    description: input.Description ?? null,
    kmsKeyId: input.KmsKeyId ?? null,
    tags: withTags([], input.Tags),
  });
  if (value === null) return { ARN: secret.arn, Name: name };
  const { versionId } = vault.put(secret, value, { token: input.ClientRequestToken });
  return { ARN: secret.arn, Name: name, VersionId: versionId };
}

/** Clients that lost the answer ask once more, with the same token. */
function createdBefore(
  known: SecretRecord,
  input: sdk.CreateSecretRequest,
  value: { readonly text: string | null; readonly binary: string | null } | null,
): sdk.CreateSecretResponse {
  if (known.goneAt !== null)
    throw new AwsFault(
      "InvalidRequestException",
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    );
  const token = input.ClientRequestToken ?? "";
  const version = Object.hasOwn(known.versions, token) ? known.versions[token] : undefined;
  const isSame = version?.text === value?.text && version?.binary === value?.binary;
  if (version === undefined || !isSame)
    throw new AwsFault(
      "ResourceExistsException",
      `The operation failed because the secret ${known.name} already exists.`,
    );
  return { ARN: known.arn, Name: known.name, VersionId: token };
}

function updateSecret(vault: Vault, input: sdk.UpdateSecretRequest): sdk.UpdateSecretResponse {
  const old = vault.need(input.SecretId);
  const secret: SecretRecord = {
    ...old,
    description: input.Description ?? old.description,
    kmsKeyId: input.KmsKeyId ?? old.kmsKeyId,
    changedAt: vault.ground.nowMs(),
  };
  const value = givenValue(input);
  const answer = { ARN: secret.arn, Name: secret.name };
  if (value === null) {
    vault.secrets.set(secret.name, secret);
    return answer;
  }
  const { versionId } = vault.put(secret, value, { token: input.ClientRequestToken });
  return { ...answer, VersionId: versionId };
}

function deleteSecret(vault: Vault, input: sdk.DeleteSecretRequest): sdk.DeleteSecretResponse {
  const { RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force } = input;
  if (days !== undefined && force === true)
    throw new AwsFault(
      "InvalidParameterException",
      "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    );
  if (days !== undefined && (days < WINDOW_DAYS.least || days > WINDOW_DAYS.most))
    throw new AwsFault(
      "InvalidParameterException",
      "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    );
  const now = vault.ground.nowMs();
  if (force === true) {
    const secret = vault.find(input.SecretId!);
    if (secret === null) vault.needEvenDeleted(input.SecretId);
    else vault.secrets.delete(secret.name);
    return { ARN: secret?.arn, Name: secret?.name, DeletionDate: new Date(now) };
  }
  const secret = vault.need(input.SecretId);
  const goneAt = now + (days ?? WINDOW_DAYS.most) * DAY_MS;
  vault.secrets.set(secret.name, { ...secret, deletedAt: now, goneAt });
  return { ARN: secret.arn, Name: secret.name, DeletionDate: new Date(goneAt) };
}

function withTags(
  tags: SecretRecord["tags"],
  more: readonly sdk.Tag[] | undefined,
): SecretRecord["tags"] {
  const byKey = new Map(tags.map((tag) => [tag.Key, tag]));
  for (const { Key = "", Value = "" } of more ?? []) byKey.set(Key, { Key, Value });
  return [...byKey.values()];
}
