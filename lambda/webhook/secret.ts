import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Fetches the secret's text; the seam at which tests put their own. */
export type FetchSecret = () => Promise<string | undefined>;

/** The database credentials, kept between invocations until somebody finds that they no longer work. */
export class CredentialsCache {
  readonly #fetch: FetchSecret;
  #credentials: Credentials | null = null;

  constructor(fetch: FetchSecret) {
    this.#fetch = fetch;
  }

  async get(): Promise<Credentials> {
    this.#credentials ??= parseCredentials(await this.#fetch());
    return this.#credentials;
  }

  /** The database refused them: read them again next time. */
  forget(): void {
    this.#credentials = null;
  }
}

/** Region, endpoint and credentials of the service come from the environment, as the SDK reads it. */
export function secretsManager(secretId: string): FetchSecret {
  const client = new SecretsManagerClient({});
  return async () => {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return answer.SecretString;
  };
}

/** RDS's form of a secret: a JSON object with at least `username` and `password`. */
export function parseCredentials(text: string | undefined): Credentials {
  const value = parseJson(text ?? "");
  if (typeof value === "object" && value !== null && "username" in value && "password" in value) {
    const { username, password } = value;
    if (typeof username === "string" && typeof password === "string") return { username, password };
  }
  // The text itself stays out of the message: messages are logged.
  throw new Error("the secret is no JSON object with the texts username and password");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
