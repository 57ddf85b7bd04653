import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { ProxyHooks } from "../../control/index.ts";
import { type DatabaseSecret, SecretForbidden } from "../../proxy/ports.ts";
import { parseSecret } from "../secrets-manager.ts";

/** Reads secrets as the proxy's role does: through the SDK, with the role's credentials. */
export function createRoleFetcher(hooks: ProxyHooks): (arn: string) => Promise<DatabaseSecret> {
  const client = openClient(hooks);
  return async (arn) => {
    try {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: arn }));
      return parseSecret(answer.SecretString);
    } catch (error) {
      if (/^AccessDenied/.test((error as Error).name))
        throw new SecretForbidden(hooks.roleArn(), { cause: error });
      throw error;
    }
  };
}

function openClient(hooks: ProxyHooks): SecretsManagerClient {
  return new SecretsManagerClient({
    region: hooks.region,
    endpoint: hooks.awsEndpoint,
    maxAttempts: 1,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = await accessOf(hooks);
      return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiresAt) };
    },
  });
}

/** A role that is not there, or does not trust RDS, reads nothing either. */
async function accessOf(hooks: ProxyHooks) {
  try {
    return await hooks.credentials();
  } catch (error) {
    throw Object.assign(new Error((error as Error).message, { cause: error }), {
      name: "AccessDenied",
    });
  }
}
