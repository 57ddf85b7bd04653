import * as sdk from "@aws-sdk/client-secrets-manager";
import { limitCheck } from "../limits.ts";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Service } from "../service.ts";
import { lifecycleHandlers } from "./lifecycle-handlers.ts";
import { listHandlers } from "./list-handlers.ts";
import { policyHandlers } from "./policy-handlers.ts";
import { type RotationFunctions, rotationHandlers } from "./rotation-handlers.ts";
import { valueHandlers } from "./value-handlers.ts";
import type { Vault } from "./vault.ts";

const SECRET_ID = { min: 1, max: 2_048 };
const TOKEN = { min: 32, max: 64 };
const VALUE = { min: 1, max: 65_536 };

/** Secrets Manager. */
export function secretsService(vault: Vault, functions: RotationFunctions | null): Service {
  const { config } = new sdk.SecretsManagerClient({ region: "us-east-1" });
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "secretsmanager" }),
    actionPrefix: "secretsmanager",
    handlers: {
      ...lifecycleHandlers(vault),
      ...valueHandlers(vault),
      ...listHandlers(vault),
      ...policyHandlers(vault),
      ...rotationHandlers(vault, functions),
    },
    checkLimits: limitCheck({
      "*": {
        SecretId: SECRET_ID,
        ClientRequestToken: TOKEN,
        VersionId: TOKEN,
        SecretString: VALUE,
        SecretBinary: VALUE,
        Description: { max: 2_048 },
        VersionStages: { min: 1, max: 20 },
        "VersionStages[]": { min: 1, max: 256 },
        VersionStage: { min: 1, max: 256 },
        MaxResults: { min: 1, max: 100 },
        PasswordLength: { min: 1, max: 4_096 },
        ResourcePolicy: { min: 1, max: 20_480 },
        "Tags[].Key": { min: 1, max: 128 },
        "Tags[].Value": { max: 256 },
      },
      CreateSecret: { Name: { min: 1, max: 512, pattern: /^[A-Za-z0-9/_+=.@!-]+$/ } },
    }),
    resourceOf: (operation, input) => {
      const id = input["SecretId"] ?? (operation === "CreateSecret" ? input["Name"] : undefined);
      if (typeof id !== "string") return "*";
      const { accountId, region } = vault.ground;
      const found = vault.find(id)?.arn;
      if (found !== undefined || id.startsWith("arn:")) return found ?? id;
      return `arn:aws:secretsmanager:${region}:${accountId}:secret:${id}`;
    },
  };
}
