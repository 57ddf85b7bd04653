import type * as sdk from "@aws-sdk/client-iam";
import { randomUpper } from "../ground.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Call, Handler } from "../service.ts";
import {
  describeUser,
  encodeDocument,
  listed,
  noSuchEntity,
  requireDocument,
  requirePolicy,
  userNamed,
  withTags,
} from "./answers.ts";
import type { Identities } from "./identities.ts";
import type { UserRecord } from "./records.ts";

export function userHandlers(identities: Identities): Record<string, Handler> {
  return {
    ...users(identities),
    ...userPolicies(identities),
    ...attachments(identities),
    ...accessKeys(identities),
  };
}

/** Without a name the caller is meant. */
function nameOr(name: string | undefined, { caller }: Call): string | undefined {
  return name ?? (caller.kind === "user" ? caller.userName : undefined);
}

function users(identities: Identities): Record<string, Handler> {
  const { users, keys, ground } = identities;
  return {
    CreateUser: (input: sdk.CreateUserRequest): sdk.CreateUserResponse => {
      const name = input.UserName!;
      if (users.has(name))
        throw new AwsFault(
          "EntityAlreadyExistsException",
          `User with name ${name} already exists.`,
        );
      const path = input.Path ?? "/";
      const user: UserRecord = {
        name,
        path,
        id: `AIDA${randomUpper(17)}`,
        arn: `arn:aws:iam::${ground.accountId}:user${path}${name}`,
        createdAt: ground.nowMs(),
        inline: {},
        attached: [],
        tags: withTags([], input.Tags),
      };
      users.set(name, user);
      return { User: describeUser(user) };
    },
    GetUser: (input: sdk.GetUserRequest, call: Call): sdk.GetUserResponse => ({
      User: describeUser(userNamed(identities, nameOr(input.UserName, call))),
    }),
    ListUsers: (input: sdk.ListUsersRequest): sdk.ListUsersResponse => {
      const { items, more } = listed([...users.values()], input);
      return { Users: items.map(describeUser), ...more };
    },
    DeleteUser: (input: sdk.DeleteUserRequest): void => {
      const user = userNamed(identities, input.UserName);
      const hasKeys = [...keys.values()].some((key) => key.user === user.name);
      if (hasKeys || user.attached.length > 0 || Object.keys(user.inline).length > 0)
        throw new AwsFault(
          "DeleteConflictException",
          `Cannot delete entity, must ${hasKeys ? "delete access keys" : "delete policies"} first.`,
        );
      users.delete(user.name);
    },
  };
}

function userPolicies(identities: Identities): Record<string, Handler> {
  const { users } = identities;
  return {
    PutUserPolicy: (input: sdk.PutUserPolicyRequest): void => {
      const user = userNamed(identities, input.UserName);
      const text = requireDocument(input.PolicyDocument);
      users.set(user.name, { ...user, inline: { ...user.inline, [input.PolicyName!]: text } });
    },
    GetUserPolicy: (input: sdk.GetUserPolicyRequest): sdk.GetUserPolicyResponse => {
      const user = userNamed(identities, input.UserName);
      return {
        UserName: user.name,
        PolicyName: input.PolicyName,
        PolicyDocument: encodeDocument(inlineOf(user, input.PolicyName!)),
      };
    },
    ListUserPolicies: (input: sdk.ListUserPoliciesRequest): sdk.ListUserPoliciesResponse => {
      const user = userNamed(identities, input.UserName);
      const { items, more } = listed(Object.keys(user.inline), input);
      return { PolicyNames: items, ...more };
    },
    DeleteUserPolicy: (input: sdk.DeleteUserPolicyRequest): void => {
      const user = userNamed(identities, input.UserName);
      inlineOf(user, input.PolicyName!);
      const { [input.PolicyName!]: _, ...inline } = user.inline;
      users.set(user.name, { ...user, inline });
    },
  };
}

function inlineOf(user: UserRecord, name: string): string {
  const text = Object.hasOwn(user.inline, name) ? user.inline[name] : undefined;
  if (text === undefined) throw noSuchEntity(`The user policy with name ${name} cannot be found.`);
  return text;
}

function attachments(identities: Identities): Record<string, Handler> {
  const { users } = identities;
  return {
    AttachUserPolicy: (input: sdk.AttachUserPolicyRequest): void => {
      const user = userNamed(identities, input.UserName);
      requirePolicy(identities, input.PolicyArn);
      const attached = new Set([...user.attached, input.PolicyArn!]);
      users.set(user.name, { ...user, attached: [...attached] });
    },
    DetachUserPolicy: (input: sdk.DetachUserPolicyRequest): void => {
      const user = userNamed(identities, input.UserName);
      if (!user.attached.includes(input.PolicyArn!))
        throw noSuchEntity(`Policy ${input.PolicyArn} was not found.`);
      users.set(user.name, {
        ...user,
        attached: user.attached.filter((arn) => arn !== input.PolicyArn),
      });
    },
    ListAttachedUserPolicies: (
      input: sdk.ListAttachedUserPoliciesRequest,
    ): sdk.ListAttachedUserPoliciesResponse => {
      const { items, more } = listed(userNamed(identities, input.UserName).attached, input);
      const AttachedPolicies = items.map((PolicyArn) => ({
        PolicyArn,
        PolicyName: PolicyArn.split("/").at(-1)!,
      }));
      return { AttachedPolicies, ...more };
    },
  };
}

function accessKeys(identities: Identities): Record<string, Handler> {
  const { keys } = identities;
  return {
    CreateAccessKey: (
      input: sdk.CreateAccessKeyRequest,
      call: Call,
    ): sdk.CreateAccessKeyResponse => {
      const user = userNamed(identities, nameOr(input.UserName, call));
      const key = identities.newKey(user.name);
      return {
        AccessKey: {
          UserName: user.name,
          AccessKeyId: key.id,
          Status: "Active",
          SecretAccessKey: key.secret,
          CreateDate: new Date(key.createdAt),
        },
      };
    },
    ListAccessKeys: (input: sdk.ListAccessKeysRequest, call: Call): sdk.ListAccessKeysResponse => {
      const user = userNamed(identities, nameOr(input.UserName, call));
      const own = [...keys.values()].filter((key) => key.user === user.name);
      const { items, more } = listed(own, input);
      const AccessKeyMetadata = items.map((key) => ({
        UserName: user.name,
        AccessKeyId: key.id,
        Status: "Active" as const,
        CreateDate: new Date(key.createdAt),
      }));
      return { AccessKeyMetadata, ...more };
    },
    DeleteAccessKey: (input: sdk.DeleteAccessKeyRequest, call: Call): void => {
      const user = userNamed(identities, nameOr(input.UserName, call));
      const key = keys.get(input.AccessKeyId!);
      if (key?.user !== user.name)
        throw noSuchEntity(`The Access Key with id ${input.AccessKeyId} cannot be found.`);
      keys.delete(key.id);
    },
  };
}
