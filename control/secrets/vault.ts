import { randomUUID } from "node:crypto";
import { type Ground, randomMixed } from "../ground.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Table } from "../store.ts";
import { CURRENT, moveStage, prune, type SecretRecord, staged } from "./secret-record.ts";

export interface NewValue {
  readonly text: string | null;
  readonly binary: string | null;
}

/** What Secrets Manager keeps. */
export class Vault {
  readonly ground: Ground;
  readonly secrets: Table<SecretRecord>;

  constructor(ground: Ground) {
    this.ground = ground;
    this.secrets = ground.store.table("secrets");
  }

  /** By name, ARN, or ARN without its random end; null: none. Secrets whose window is over are gone. */
  find(id: string): SecretRecord | null {
    const secret = this.secrets.get(id) ?? this.#byArn(id);
    if (secret === null) return null;
    if (secret.goneAt === null || secret.goneAt > this.ground.nowMs()) return secret;
    this.secrets.delete(secret.name);
    return null;
  }

  #byArn(id: string): SecretRecord | null {
    if (!id.startsWith("arn:")) return null;
    for (const secret of this.secrets.values())
      if (secret.arn === id || secret.arn.slice(0, -7) === id) return secret;
    return null;
  }

  /** Of every operation but those that deal with deleted ones. */
  need(id: string | undefined): SecretRecord {
    const secret = this.needEvenDeleted(id);
    if (secret.goneAt !== null)
      throw new AwsFault(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    return secret;
  }

  needEvenDeleted(id: string | undefined): SecretRecord {
    const secret = this.find(id ?? "");
    if (secret === null)
      throw new AwsFault(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
      );
    return secret;
  }

  create(
    name: string,
    rest: Partial<Pick<SecretRecord, "description" | "kmsKeyId" | "tags">> = {},
  ): SecretRecord {
    const { accountId, region, nowMs } = this.ground;
    const at = nowMs();
    const secret: SecretRecord = {
      name,
      arn: `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${randomMixed(6)}`,
      description: null,
      kmsKeyId: null,
      createdAt: at,
      changedAt: at,
      accessedAt: null,
      deletedAt: null,
      goneAt: null,
      tags: [],
      policy: null,
      rotation: null,
      versions: {},
      ...rest,
    };
    this.secrets.set(name, secret);
    return secret;
  }

  /** Adds a version. The same token with the same value is the same request once more. */
  put(
    secret: SecretRecord,
    value: NewValue,
    { token = randomUUID(), stages = [CURRENT] }: PutOptions = {},
  ): { readonly secret: SecretRecord; readonly versionId: string } {
    const known = secret.versions[token];
    if (known !== undefined) {
      if (known.text === value.text && known.binary === value.binary)
        return { secret, versionId: token };
      throw new AwsFault(
        "ResourceExistsException",
        `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
      );
    }
    const at = this.ground.nowMs();
    let next: SecretRecord = {
      ...secret,
      changedAt: at,
      versions: {
        ...secret.versions,
        [token]: { ...value, createdAt: at, stages: [], accessedAt: null },
      },
    };
    // The first version is current whatever is asked for.
    const isFirst = staged(secret, CURRENT) === null;
    for (const stage of isFirst ? new Set([...stages, CURRENT]) : stages)
      next = moveStage(next, stage, token);
    next = prune(next);
    this.secrets.set(next.name, next);
    return { secret: next, versionId: token };
  }
}

export interface PutOptions {
  readonly token?: string | undefined;
  readonly stages?: readonly string[] | undefined;
}
