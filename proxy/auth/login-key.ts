import { createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";

/** The RSA key under which clients without TLS send a password for caching_sha2_password. */
export interface LoginKey {
  readonly privateKey: KeyObject;
  /** What clients that ask for the key are sent. */
  readonly publicPem: Buffer;
  /** Length of everything encrypted with it. */
  readonly bytes: number;
}

export function makeLoginKey(privateKey: KeyObject): LoginKey {
  const bits = privateKey.asymmetricKeyDetails?.modulusLength;
  if (
    privateKey.type !== "private" ||
    privateKey.asymmetricKeyType !== "rsa" ||
    bits === undefined
  ) {
    throw new TypeError("A login key must be a private RSA key");
  }
  const publicPem = Buffer.from(
    createPublicKey(privateKey).export({ type: "spki", format: "pem" }),
  );
  return { privateKey, publicPem, bytes: bits / 8 };
}

/** As MySQL does at its first start (caching_sha2_password_auto_generate_rsa_keys): 2048 bits. */
export async function generateLoginKey(): Promise<LoginKey> {
  const privateKey = await new Promise<KeyObject>((resolve, reject) => {
    generateKeyPair("rsa", { modulusLength: 2_048 }, (error, _publicKey, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
  return makeLoginKey(privateKey);
}
