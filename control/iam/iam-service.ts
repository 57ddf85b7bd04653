import * as sdk from "@aws-sdk/client-iam";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Service } from "../service.ts";
import type { Identities } from "./identities.ts";
import { iamLimits } from "./limits.ts";
import { policyHandlers } from "./policy-handlers.ts";
import { roleHandlers } from "./role-handlers.ts";
import { userHandlers } from "./user-handlers.ts";

/** Identity and Access Management, as far as proxies and stacks need it. */
export function iamService(identities: Identities): Service {
  const { config } = new sdk.IAMClient({ region: "us-east-1" });
  const { accountId } = identities.ground;
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "iam" }),
    actionPrefix: "iam",
    handlers: {
      ...roleHandlers(identities),
      ...policyHandlers(identities),
      ...userHandlers(identities),
    },
    checkLimits: iamLimits,
    resourceOf: (_operation, input) => {
      if (typeof input["PolicyArn"] === "string" && input["RoleName"] === undefined)
        return input["PolicyArn"];
      if (typeof input["RoleName"] === "string")
        return `arn:aws:iam::${accountId}:role/${input["RoleName"]}`;
      if (typeof input["UserName"] === "string")
        return `arn:aws:iam::${accountId}:user/${input["UserName"]}`;
      return "*";
    },
  };
}
