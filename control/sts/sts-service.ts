import * as sdk from "@aws-sdk/client-sts";
import type { Identities } from "../iam/identities.ts";
import { limitCheck } from "../limits.ts";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Call, Service } from "../service.ts";

/** The Security Token Service. */
export function stsService(identities: Identities): Service {
  const { config } = new sdk.STSClient({ region: "us-east-1" });
  const { accountId } = identities.ground;
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "sts" }),
    actionPrefix: "sts",
    handlers: {
      GetCallerIdentity: (
        _: sdk.GetCallerIdentityRequest,
        { caller }: Call,
      ): sdk.GetCallerIdentityResponse => ({
        UserId: caller.userId,
        Account: accountId,
        Arn: caller.arn,
      }),
      AssumeRole: (input: sdk.AssumeRoleRequest, { caller }: Call): sdk.AssumeRoleResponse => {
        const session = input.RoleSessionName!;
        const seconds = input.DurationSeconds;
        const given = identities.assumeRole(input.RoleArn!, session, caller, seconds);
        const assumed = identities.keyOf(given.accessKeyId)!.principal;
        return {
          Credentials: {
            AccessKeyId: given.accessKeyId,
            SecretAccessKey: given.secretAccessKey,
            SessionToken: given.sessionToken,
            Expiration: new Date(given.expiresAt),
          },
          AssumedRoleUser: { AssumedRoleId: assumed.userId, Arn: assumed.arn },
          PackedPolicySize: 0,
        };
      },
    },
    checkLimits: limitCheck({
      AssumeRole: {
        RoleSessionName: { min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ },
        RoleArn: { min: 20, max: 2_048 },
        DurationSeconds: { min: 900, max: 43_200 },
      },
    }),
    resourceOf: (_, input) => (typeof input["RoleArn"] === "string" ? input["RoleArn"] : "*"),
    // A role that trusts the caller needs no policy of the caller's besides, within one account.
    open: ["GetCallerIdentity", "AssumeRole"],
  };
}
