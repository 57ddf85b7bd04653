import type { UserAuthConfig } from "@aws-sdk/client-rds";
import { FAULTS } from "./faults.ts";
import type { AuthRecord } from "./records.ts";

/** The users that a proxy lets in, from a request. */
export function readAuth(given: readonly UserAuthConfig[] | undefined): AuthRecord[] {
  return (given ?? []).map((each) => {
    if (each.AuthScheme !== undefined && each.AuthScheme !== "SECRETS")
      throw FAULTS.parameter(`Invalid value '${each.AuthScheme}' for AuthScheme: SECRETS only`);
    if (each.SecretArn === undefined)
      throw FAULTS.combination("Each entry of Auth needs a SecretArn.");
    return {
      description: each.Description ?? null,
      userName: each.UserName ?? null,
      secretArn: each.SecretArn,
      iamAuth: iamAuthOf(each.IAMAuth),
      clientPasswordAuthType: passwordTypeOf(each.ClientPasswordAuthType),
    };
  });
}

function iamAuthOf(given: string | undefined): AuthRecord["iamAuth"] {
  if (given === undefined || given === "DISABLED") return "DISABLED";
  if (given === "REQUIRED") return "REQUIRED";
  throw FAULTS.parameter(`Invalid value '${given}' for IAMAuth: DISABLED or REQUIRED with MYSQL`);
}

function passwordTypeOf(given: string | undefined): AuthRecord["clientPasswordAuthType"] {
  if (given === undefined || given === "MYSQL_CACHING_SHA2_PASSWORD")
    return "MYSQL_CACHING_SHA2_PASSWORD";
  if (given === "MYSQL_NATIVE_PASSWORD") return given;
  throw FAULTS.parameter(`Invalid value '${given}' for ClientPasswordAuthType with MYSQL`);
}

/** A server of ours has no plugin that asks AWS: it must be told a password, which is in a secret. */
export function checkAuthScheme(scheme: string | undefined): void {
  if (scheme === undefined || scheme === "NONE") return;
  throw FAULTS.parameter(
    `Invalid value '${scheme}' for DefaultAuthScheme: IAM from the proxy to the database needs AWSAuthenticationPlugin, which only RDS's servers have. Use NONE with Auth.`,
  );
}
