import type { Role, User } from "@aws-sdk/client-iam";
import { pageOf } from "../pages.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Identities } from "./identities.ts";
import { isManaged, managedPolicyText } from "./managed-policies.ts";
import { parsePolicy } from "./policy.ts";
import type { RoleRecord, Tag, UserRecord } from "./records.ts";

export function noSuchEntity(message: string): AwsFault {
  return new AwsFault("NoSuchEntityException", message);
}

export function roleNamed(identities: Identities, name: string | undefined): RoleRecord {
  const role = identities.roles.get(name ?? "");
  if (role === undefined) throw noSuchEntity(`The role with name ${name} cannot be found.`);
  return role;
}

export function userNamed(identities: Identities, name: string | undefined): UserRecord {
  const user = identities.users.get(name ?? "");
  if (user === undefined) throw noSuchEntity(`The user with name ${name} cannot be found.`);
  return user;
}

/** Policies may also be AWS's own, as far as they are known. */
export function requirePolicy(identities: Identities, arn: string | undefined): string {
  const known = managedPolicyText(arn ?? "") ?? identities.policies.get(arn ?? "")?.text;
  if (known === undefined) {
    const why = isManaged(arn ?? "") ? " What it allows is not known here." : "";
    throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.${why}`);
  }
  return known;
}

export function requireDocument(text: string | undefined): string {
  const parsed = parsePolicy(text ?? "");
  if (!parsed.ok) throw new AwsFault("MalformedPolicyDocumentException", parsed.reason);
  return text ?? "";
}

/** Documents come back percent-encoded. */
export function encodeDocument(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function describeRole(role: RoleRecord): Role {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(role.trust),
    ...(role.description === null ? {} : { Description: role.description }),
    MaxSessionDuration: role.maxSessionSeconds,
    Tags: [...role.tags],
    RoleLastUsed: {},
  };
}

export function describeUser(user: UserRecord): User {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: user.arn,
    CreateDate: new Date(user.createdAt),
    Tags: [...user.tags],
  };
}

interface Asked {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/** A list as IAM pages it. */
export function listed<T>(
  items: readonly T[],
  { Marker, MaxItems }: Asked,
): { readonly items: T[]; readonly more: { IsTruncated: boolean; Marker?: string } } {
  const page = pageOf(items, { marker: Marker, size: MaxItems ?? 100 });
  if (page === null) throw new AwsFault("InvalidInputException", "The marker is not valid.");
  const { next } = page;
  return {
    items: page.items,
    more: next === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: next },
  };
}

interface GivenTag {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

/** Tags given twice count as the later ones. */
export function withTags(tags: readonly Tag[], more: readonly GivenTag[] | undefined): Tag[] {
  const byKey = new Map(tags.map((tag) => [tag.Key, tag]));
  for (const { Key, Value } of more ?? [])
    if (Key !== undefined) byKey.set(Key, { Key, Value: Value ?? "" });
  return [...byKey.values()];
}
