import type * as sdk from "@aws-sdk/client-secrets-manager";
import { parsePolicy } from "../iam/policy.ts";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import type { Vault } from "./vault.ts";

/** Resource policies are kept as texts; identity policies alone decide. */
export function policyHandlers(vault: Vault): Record<string, Handler> {
  return {
    PutResourcePolicy: (input: sdk.PutResourcePolicyRequest): sdk.PutResourcePolicyResponse => {
      const secret = vault.need(input.SecretId);
      const parsed = parsePolicy(input.ResourcePolicy!);
      if (!parsed.ok) throw new AwsFault("MalformedPolicyDocumentException", parsed.reason);
      const isPublic = parsed.statements.some(
        ({ effect, principals, conditions }) =>
          effect === "Allow" &&
          conditions.length === 0 &&
          principals.some(([kind, name]) => kind === "AWS" && name === "*"),
      );
      if (input.BlockPublicPolicy === true && isPublic)
        throw new AwsFault(
          "PublicPolicyException",
          "You can't put a resource policy that allows broad access to the secret.",
        );
      vault.secrets.set(secret.name, { ...secret, policy: input.ResourcePolicy! });
      return { ARN: secret.arn, Name: secret.name };
    },
    GetResourcePolicy: (input: sdk.GetResourcePolicyRequest): sdk.GetResourcePolicyResponse => {
      const { arn, name, policy } = vault.need(input.SecretId);
      return { ARN: arn, Name: name, ...(policy === null ? {} : { ResourcePolicy: policy }) };
    },
    DeleteResourcePolicy: (
      input: sdk.DeleteResourcePolicyRequest,
    ): sdk.DeleteResourcePolicyResponse => {
      const secret = vault.need(input.SecretId);
      vault.secrets.set(secret.name, { ...secret, policy: null });
      return { ARN: secret.arn, Name: secret.name };
    },
  };
}
