import type * as sdk from "@aws-sdk/client-iam";
import { randomUpper } from "../ground.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import { encodeDocument, listed, noSuchEntity, requireDocument, withTags } from "./answers.ts";
import type { Identities } from "./identities.ts";
import { isManaged, managedPolicyText } from "./managed-policies.ts";
import type { PolicyRecord } from "./records.ts";

/** Policies are kept in one version. */
const VERSION = "v1";

export function policyHandlers(identities: Identities): Record<string, Handler> {
  const { policies, ground } = identities;
  const describe = (policy: PolicyRecord): sdk.Policy => describePolicy(identities, policy);
  return {
    CreatePolicy: (input: sdk.CreatePolicyRequest): sdk.CreatePolicyResponse => {
      const path = input.Path ?? "/";
      const name = input.PolicyName!;
      const arn = `arn:aws:iam::${ground.accountId}:policy${path}${name}`;
      if (policies.has(arn))
        throw new AwsFault(
          "EntityAlreadyExistsException",
          `A policy called ${name} already exists. Duplicate names are not allowed.`,
        );
      const policy: PolicyRecord = {
        name,
        path,
        id: `ANPA${randomUpper(17)}`,
        arn,
        createdAt: ground.nowMs(),
        text: requireDocument(input.PolicyDocument),
        description: input.Description ?? null,
        tags: withTags([], input.Tags),
      };
      policies.set(arn, policy);
      return { Policy: describe(policy) };
    },
    GetPolicy: (input: sdk.GetPolicyRequest): sdk.GetPolicyResponse => ({
      Policy: describe(policyAt(identities, input.PolicyArn!)),
    }),
    GetPolicyVersion: (input: sdk.GetPolicyVersionRequest): sdk.GetPolicyVersionResponse => {
      const policy = policyAt(identities, input.PolicyArn!);
      if (input.VersionId !== VERSION)
        throw noSuchEntity(`Policy ${policy.arn} version ${input.VersionId} does not exist.`);
      const CreateDate = new Date(policy.createdAt);
      const Document = encodeDocument(policy.text);
      return {
        PolicyVersion: { Document, VersionId: VERSION, IsDefaultVersion: true, CreateDate },
      };
    },
    ListPolicyVersions: (input: sdk.ListPolicyVersionsRequest): sdk.ListPolicyVersionsResponse => {
      const { createdAt } = policyAt(identities, input.PolicyArn!);
      const CreateDate = new Date(createdAt);
      return {
        Versions: [{ VersionId: VERSION, IsDefaultVersion: true, CreateDate }],
        IsTruncated: false,
      };
    },
    ListPolicies: (input: sdk.ListPoliciesRequest): sdk.ListPoliciesResponse => {
      const own = input.Scope === "AWS" ? [] : [...policies.values()];
      const { items, more } = listed(own, input);
      return { Policies: items.map(describe), ...more };
    },
    DeletePolicy: (input: sdk.DeletePolicyRequest): void => {
      const policy = policyAt(identities, input.PolicyArn!);
      if (attachmentsOf(identities, policy.arn) > 0)
        throw new AwsFault(
          "DeleteConflictException",
          "Cannot delete a policy attached to entities.",
        );
      policies.delete(policy.arn);
    },
  };
}

function policyAt({ policies }: Identities, arn: string): PolicyRecord {
  const own = policies.get(arn);
  if (own !== undefined) return own;
  const text = managedPolicyText(arn);
  if (text === null || !isManaged(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
  const name = arn.split("/").at(-1)!;
  return { name, path: "/", id: "", arn, createdAt: 0, text, description: null, tags: [] };
}

function attachmentsOf({ roles, users }: Identities, arn: string): number {
  return [...roles.values(), ...users.values()].filter(({ attached }) => attached.includes(arn))
    .length;
}

function describePolicy(identities: Identities, policy: PolicyRecord): sdk.Policy {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: VERSION,
    AttachmentCount: attachmentsOf(identities, policy.arn),
    IsAttachable: true,
    ...(policy.description === null ? {} : { Description: policy.description }),
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.createdAt),
    Tags: [...policy.tags],
  };
}
