import type * as sdk from "@aws-sdk/client-iam";
import { randomUpper } from "../ground.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import {
  describeRole,
  encodeDocument,
  listed,
  noSuchEntity,
  requireDocument,
  requirePolicy,
  roleNamed,
  withTags,
} from "./answers.ts";
import type { Identities } from "./identities.ts";
import type { RoleRecord } from "./records.ts";

export function roleHandlers(identities: Identities): Record<string, Handler> {
  return {
    ...roles(identities),
    ...inlinePolicies(identities),
    ...attachments(identities),
    ...tags(identities),
  };
}

function roles(identities: Identities): Record<string, Handler> {
  const { roles, ground } = identities;
  return {
    CreateRole: (input: sdk.CreateRoleRequest): sdk.CreateRoleResponse => {
      const name = input.RoleName!;
      if (roles.has(name))
        throw new AwsFault(
          "EntityAlreadyExistsException",
          `Role with name ${name} already exists.`,
        );
      const path = input.Path ?? "/";
      const role: RoleRecord = {
        name,
        path,
        id: `AROA${randomUpper(17)}`,
        arn: `arn:aws:iam::${ground.accountId}:role${path}${name}`,
        createdAt: ground.nowMs(),
        trust: requireDocument(input.AssumeRolePolicyDocument),
        description: input.Description ?? null,
        maxSessionSeconds: input.MaxSessionDuration ?? 3_600,
        inline: {},
        attached: [],
        tags: withTags([], input.Tags),
      };
      roles.set(name, role);
      return { Role: describeRole(role) };
    },
    GetRole: (input: sdk.GetRoleRequest): sdk.GetRoleResponse => ({
      Role: describeRole(roleNamed(identities, input.RoleName)),
    }),
    ListRoles: (input: sdk.ListRolesRequest): sdk.ListRolesResponse => {
      const under = [...roles.values()].filter(({ path }) =>
        path.startsWith(input.PathPrefix ?? "/"),
      );
      const { items, more } = listed(under, input);
      return { Roles: items.map(describeRole), ...more };
    },
    UpdateRole: (input: sdk.UpdateRoleRequest): sdk.UpdateRoleResponse => {
      const role = roleNamed(identities, input.RoleName);
      roles.set(role.name, {
        ...role,
        description: input.Description ?? role.description,
        maxSessionSeconds: input.MaxSessionDuration ?? role.maxSessionSeconds,
      });
      return {};
    },
    UpdateAssumeRolePolicy: (input: sdk.UpdateAssumeRolePolicyRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      roles.set(role.name, { ...role, trust: requireDocument(input.PolicyDocument) });
    },
    DeleteRole: (input: sdk.DeleteRoleRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      if (role.attached.length > 0 || Object.keys(role.inline).length > 0)
        throw new AwsFault(
          "DeleteConflictException",
          `Cannot delete entity, must ${role.attached.length > 0 ? "detach" : "delete"} all policies first.`,
        );
      roles.delete(role.name);
    },
    ListInstanceProfilesForRole: (
      input: sdk.ListInstanceProfilesForRoleRequest,
    ): sdk.ListInstanceProfilesForRoleResponse => {
      roleNamed(identities, input.RoleName);
      return { InstanceProfiles: [], IsTruncated: false };
    },
  };
}

function inlinePolicies(identities: Identities): Record<string, Handler> {
  const { roles } = identities;
  return {
    PutRolePolicy: (input: sdk.PutRolePolicyRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      const text = requireDocument(input.PolicyDocument);
      roles.set(role.name, { ...role, inline: { ...role.inline, [input.PolicyName!]: text } });
    },
    GetRolePolicy: (input: sdk.GetRolePolicyRequest): sdk.GetRolePolicyResponse => {
      const role = roleNamed(identities, input.RoleName);
      const text = inlineOf(role, input.PolicyName!);
      return {
        RoleName: role.name,
        PolicyName: input.PolicyName,
        PolicyDocument: encodeDocument(text),
      };
    },
    ListRolePolicies: (input: sdk.ListRolePoliciesRequest): sdk.ListRolePoliciesResponse => {
      const role = roleNamed(identities, input.RoleName);
      const { items, more } = listed(Object.keys(role.inline), input);
      return { PolicyNames: items, ...more };
    },
    DeleteRolePolicy: (input: sdk.DeleteRolePolicyRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      inlineOf(role, input.PolicyName!);
      const { [input.PolicyName!]: _, ...inline } = role.inline;
      roles.set(role.name, { ...role, inline });
    },
  };
}

function inlineOf(role: RoleRecord, name: string): string {
  const text = Object.hasOwn(role.inline, name) ? role.inline[name] : undefined;
  if (text === undefined) throw noSuchEntity(`The role policy with name ${name} cannot be found.`);
  return text;
}

function attachments(identities: Identities): Record<string, Handler> {
  const { roles } = identities;
  return {
    AttachRolePolicy: (input: sdk.AttachRolePolicyRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      requirePolicy(identities, input.PolicyArn);
      const attached = new Set([...role.attached, input.PolicyArn!]);
      roles.set(role.name, { ...role, attached: [...attached] });
    },
    DetachRolePolicy: (input: sdk.DetachRolePolicyRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      if (!role.attached.includes(input.PolicyArn!))
        throw noSuchEntity(`Policy ${input.PolicyArn} was not found.`);
      roles.set(role.name, {
        ...role,
        attached: role.attached.filter((arn) => arn !== input.PolicyArn),
      });
    },
    ListAttachedRolePolicies: (
      input: sdk.ListAttachedRolePoliciesRequest,
    ): sdk.ListAttachedRolePoliciesResponse => {
      const role = roleNamed(identities, input.RoleName);
      const { items, more } = listed(role.attached, input);
      const AttachedPolicies = items.map((PolicyArn) => ({
        PolicyArn,
        PolicyName: PolicyArn.split("/").at(-1)!,
      }));
      return { AttachedPolicies, ...more };
    },
  };
}

function tags(identities: Identities): Record<string, Handler> {
  const { roles } = identities;
  return {
    TagRole: (input: sdk.TagRoleRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      roles.set(role.name, { ...role, tags: withTags(role.tags, input.Tags) });
    },
    UntagRole: (input: sdk.UntagRoleRequest): void => {
      const role = roleNamed(identities, input.RoleName);
      const kept = role.tags.filter(({ Key }) => !input.TagKeys!.includes(Key));
      roles.set(role.name, { ...role, tags: kept });
    },
    ListRoleTags: (input: sdk.ListRoleTagsRequest): sdk.ListRoleTagsResponse => {
      const { items, more } = listed(roleNamed(identities, input.RoleName).tags, input);
      return { Tags: items, ...more };
    },
  };
}
