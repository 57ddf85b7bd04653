import type { TokenKeys } from "../proxy/ports.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The access key in the environment is the one that IAM tokens must be signed with; null where there is none. */
export function tokenKeysFrom(env: Environment): TokenKeys | null {
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"];
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secret = env["AWS_SECRET_ACCESS_KEY"];
  const session = env["AWS_SESSION_TOKEN"] || null;
  if (!region || !accessKeyId || !secret) return null;
  return {
    region,
    secretOf: (id, sessionToken) =>
      id === accessKeyId && sessionToken === session ? secret : null,
  };
}
