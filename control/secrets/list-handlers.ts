import type * as sdk from "@aws-sdk/client-secrets-manager";
import { pageOf } from "../pages.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import type { SecretRecord } from "./secret-record.ts";
import type { Vault } from "./vault.ts";

const PAGE = 100;

/** What there is. */
export function listHandlers(vault: Vault): Record<string, Handler> {
  return {
    DescribeSecret: (input: sdk.DescribeSecretRequest): sdk.DescribeSecretResponse => {
      const secret = vault.needEvenDeleted(input.SecretId);
      return { ...entryOf(secret), VersionIdsToStages: stagesOf(secret) };
    },
    ListSecrets: (input: sdk.ListSecretsRequest): sdk.ListSecretsResponse => {
      const found = [...vault.secrets.values()]
        .filter(({ goneAt }) => goneAt === null || input.IncludePlannedDeletion === true)
        .filter((secret) => (input.Filters ?? []).every((filter) => fits(secret, filter)))
        .sort((one, other) => one.createdAt - other.createdAt);
      if (input.SortOrder !== "asc") found.reverse();
      const { items, next } = pageAt(found, input);
      return {
        SecretList: items.map((secret) => ({
          ...entryOf(secret),
          SecretVersionsToStages: stagesOf(secret),
        })),
        ...(next === undefined ? {} : { NextToken: next }),
      };
    },
    ListSecretVersionIds: (
      input: sdk.ListSecretVersionIdsRequest,
    ): sdk.ListSecretVersionIdsResponse => {
      const secret = vault.needEvenDeleted(input.SecretId);
      const shown = Object.entries(secret.versions).filter(
        ([, { stages }]) => stages.length > 0 || input.IncludeDeprecated === true,
      );
      const { items, next } = pageAt(shown, input);
      const Versions = items.map(([VersionId, { stages, createdAt, accessedAt }]) => ({
        VersionId,
        VersionStages: [...stages],
        CreatedDate: new Date(createdAt),
        ...(accessedAt === null ? {} : { LastAccessedDate: new Date(accessedAt) }),
      }));
      return {
        ARN: secret.arn,
        Name: secret.name,
        Versions,
        ...(next === undefined ? {} : { NextToken: next }),
      };
    },
  };
}

interface Asked {
  readonly NextToken?: string | undefined;
  readonly MaxResults?: number | undefined;
}

function pageAt<T>(items: readonly T[], { NextToken, MaxResults }: Asked) {
  const page = pageOf(items, { marker: NextToken, size: MaxResults ?? PAGE });
  if (page === null)
    throw new AwsFault("InvalidNextTokenException", "The NextToken value is invalid.");
  return page;
}

function stagesOf({ versions }: SecretRecord): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(versions)
      .filter(([, { stages }]) => stages.length > 0)
      .map(([id, { stages }]) => [id, [...stages]]),
  );
}

function entryOf(secret: SecretRecord): sdk.SecretListEntry {
  const { rotation } = secret;
  const time = (ms: number | null | undefined) => (ms == null ? undefined : new Date(ms));
  return {
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description ?? undefined,
    KmsKeyId: secret.kmsKeyId ?? undefined,
    RotationEnabled: rotation?.enabled,
    RotationLambdaARN: rotation?.functionArn,
    RotationRules: rotation?.days == null ? undefined : { AutomaticallyAfterDays: rotation.days },
    LastRotatedDate: time(rotation?.rotatedAt),
    LastChangedDate: time(secret.changedAt),
    LastAccessedDate: time(secret.accessedAt),
    DeletedDate: time(secret.deletedAt),
    CreatedDate: time(secret.createdAt),
    Tags: secret.tags.length === 0 ? undefined : [...secret.tags],
  };
}

/** Values are beginnings; with an exclamation mark those that do not begin so. */
function fits(secret: SecretRecord, { Key: key, Values: values = [] }: sdk.Filter): boolean {
  const texts: Record<string, readonly string[]> = {
    name: [secret.name],
    description: secret.description === null ? [] : [secret.description],
    "tag-key": secret.tags.map((tag) => tag.Key),
    "tag-value": secret.tags.map((tag) => tag.Value),
    "primary-region": [secret.arn.split(":")[3]!],
    "owning-service": [],
  };
  const ours = key === "all" ? Object.values(texts).flat() : texts[key ?? ""];
  if (ours === undefined)
    throw new AwsFault("InvalidParameterException", `There is no filter ${key}.`);
  return values.some((value) =>
    value.startsWith("!")
      ? !ours.some((text) => text.startsWith(value.slice(1)))
      : ours.some((text) => text.toLowerCase().startsWith(value.toLowerCase())),
  );
}
