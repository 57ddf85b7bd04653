import { type PasswordScheme, Plugin } from "../auth/plugins.ts";
import type { Credential } from "../auth/server-exchange.ts";
import type { CredentialsFailed } from "../observe/events.ts";
import { MalformedSecret, type ProxyPorts, SecretForbidden } from "../ports.ts";
import type { AuthSpec, CredentialSpec } from "../spec/proxy-spec.ts";
import { resolvePassword } from "../spec/resolve-password.ts";

/** A database user that clients may be, with the password that both sides are checked with. */
export interface Account {
  readonly username: string;
  readonly password: string;
  readonly scheme: PasswordScheme;
  readonly iam: boolean;
  readonly secretArn: string | null;
}

/** Name and password of a credential. */
export interface NamedPassword {
  readonly username: string;
  readonly password: string;
}

/** Every account of a spec, read and not yet in force. */
export interface AccountSet {
  readonly specs: readonly AuthSpec[];
  readonly byName: ReadonlyMap<string, Account>;
  /** By the ARN of the secret, those of users who appear twice too. */
  readonly bySecret: ReadonlyMap<string, Account>;
}

/** Users by what a change of the accounts means for them. */
export interface AccountChanges {
  readonly gone: readonly string[];
  readonly renewed: readonly string[];
}

/** Milliseconds between two readings of one secret that failed logins ask for. */
const REREAD_MS = 5_000;

/** The users of a proxy, by name. Nobody else gets in. */
export class Accounts {
  /** Called with each user whose password a single reading has found changed. */
  onRenewed: (username: string) => void = () => {};
  readonly #ports: ProxyPorts;
  #byName: ReadonlyMap<string, Account> = new Map();
  #bySecret: ReadonlyMap<string, Account> = new Map();
  #specs: readonly AuthSpec[] = [];
  /** Secrets being fetched: concurrent failures ask once. */
  readonly #fetching = new Map<string, Promise<Account | null>>();
  /** When a failed login had this secret read. */
  readonly #rereadAt = new Map<string, number>();

  constructor(ports: ProxyPorts) {
    this.#ports = ports;
  }

  find(username: string): Account | null {
    return this.#byName.get(username) ?? null;
  }

  all(): Iterable<Account> {
    return this.#byName.values();
  }

  /** The configuration names this user, whether or not its credentials could be read. */
  isNamed(username: string): boolean {
    return this.#specs.some((spec) => spec.credential.username === username);
  }

  get hasSecrets(): boolean {
    return this.#specs.some(({ credential }) => credential.from === "secret");
  }

  /** A secret that could not be read yet keeps a user out. */
  get isMissingSecrets(): boolean {
    return this.#specs.some(
      ({ credential }) => credential.from === "secret" && !this.#bySecret.has(credential.secretArn),
    );
  }

  /**
   * Reads every password and secret, and changes nothing. Users whose secret cannot be read stay as they were, which at the start means
   * out; passwords that cannot be found reject.
   */
  async read(specs: readonly AuthSpec[], missingOnly = false): Promise<AccountSet> {
    const found = await Promise.all(
      specs.map((spec) => (missingOnly ? this.#known(spec) : null) ?? this.#account(spec)),
    );
    const byName = new Map<string, Account>();
    const bySecret = new Map<string, Account>();
    const twice = new Set<string>();
    for (const account of found) {
      if (account === null) continue;
      if (account.secretArn !== null) bySecret.set(account.secretArn, account);
      if (byName.has(account.username)) twice.add(account.username);
      byName.set(account.username, account);
    }
    for (const user of twice) {
      byName.delete(user);
      this.#failed("duplicate-user", user, null, "None of these entries can be used.");
    }
    return { specs, byName, bySecret };
  }

  /** From now on these are the accounts. */
  adopt({ specs, byName, bySecret }: AccountSet): AccountChanges {
    const old = [...this.#byName.values()];
    this.#specs = specs;
    this.#byName = byName;
    this.#bySecret = bySecret;
    return {
      gone: old.map(({ username }) => username).filter((name) => !byName.has(name)),
      renewed: old
        .filter(({ username, password }) => {
          const next = byName.get(username);
          return next !== undefined && next.password !== password;
        })
        .map(({ username }) => username),
    };
  }

  /** The same accounts with what their passwords and secrets are now, or only those that could not be read yet. */
  async reread(missingOnly: boolean): Promise<AccountChanges> {
    const specs = this.#specs;
    const set = await this.read(specs, missingOnly);
    // A reload may have come in between: its reading is the younger one.
    return this.#specs === specs ? this.adopt(set) : { gone: [], renewed: [] };
  }

  /** Reads an account's secret again. Resolves to the account if its password has changed, else to null. */
  refresh(account: Account): Promise<Account | null> {
    return account.secretArn === null
      ? Promise.resolve(null)
      : this.#refreshSecret(account.secretArn);
  }

  /**
   * For a login that failed: has the user's secret read again, but each secret only so often. For users who have none, one that is
   * chosen by their name is read in the same way, so that the time taken tells little of who exists. null: there is nothing to wait for.
   */
  rereadAfterDenial(username: string): Promise<unknown> | null {
    const secretArn = this.find(username)?.secretArn ?? this.#decoySecret(username);
    if (secretArn === null) return null;
    const now = this.#ports.clock.monotonicMs();
    const last = this.#rereadAt.get(secretArn) ?? Number.NEGATIVE_INFINITY;
    if (now - last < REREAD_MS) return this.#fetching.get(secretArn) ?? null;
    this.#rereadAt.set(secretArn, now);
    return this.#refreshSecret(secretArn);
  }

  #decoySecret(username: string): string | null {
    const arns: string[] = [];
    for (const { credential } of this.#specs)
      if (credential.from === "secret") arns.push(credential.secretArn);
    let sum = 0;
    for (let i = 0; i < username.length; i++) sum = (sum * 31 + username.charCodeAt(i)) >>> 0;
    return arns[sum % arns.length] ?? null;
  }

  #known({ credential }: AuthSpec): Account | null {
    return credential.from === "secret"
      ? (this.#bySecret.get(credential.secretArn) ?? null)
      : this.find(credential.username);
  }

  #refreshSecret(secretArn: string): Promise<Account | null> {
    const known = this.#fetching.get(secretArn);
    if (known !== undefined) return known;
    const fetching = this.#refetch(secretArn).finally(() => this.#fetching.delete(secretArn));
    this.#fetching.set(secretArn, fetching);
    return fetching;
  }

  async #refetch(secretArn: string): Promise<Account | null> {
    const specs = this.#specs;
    const spec = specs.find(
      ({ credential }) => credential.from === "secret" && credential.secretArn === secretArn,
    );
    const old = this.#bySecret.get(secretArn);
    // Whose secret could not be read, or who appears twice, stays out until all are read.
    if (spec === undefined || old === undefined || this.find(old.username) !== old) return null;
    const renewed = await this.#account(spec);
    if (renewed === null || renewed.password === old.password) return null;
    if (renewed.username !== old.username || this.#specs !== specs) return null;
    this.#byName = new Map(this.#byName).set(renewed.username, renewed);
    this.#bySecret = new Map(this.#bySecret).set(secretArn, renewed);
    this.onRenewed(renewed.username);
    return renewed;
  }

  async #account(spec: AuthSpec): Promise<Account | null> {
    const { credential } = spec;
    const native = spec.clientPasswordAuthType === "MYSQL_NATIVE_PASSWORD";
    const secretArn = credential.from === "secret" ? credential.secretArn : null;
    const login = await this.credential(
      credential,
      secretArn === null ? null : (this.#bySecret.get(secretArn) ?? null),
    );
    if (login === null) return null;
    return {
      username: login.username,
      password: login.password,
      scheme: native ? Plugin.NATIVE : Plugin.CACHING_SHA2,
      iam: spec.iamAuth === "REQUIRED",
      secretArn,
    };
  }

  /**
   * Name and password of a credential. Where its secret cannot be read now there is an event, and what it held before; null where that is
   * nothing, or where the secret is no good.
   */
  async credential(
    spec: CredentialSpec,
    before: NamedPassword | null,
  ): Promise<NamedPassword | null> {
    if (spec.from === "password") {
      const password = resolvePassword(spec.password, this.#ports.passwords);
      if (!password.ok) throw new Error(password.problem.message);
      return { username: spec.username, password: password.password.reveal() };
    }
    const { username, secretArn } = spec;
    try {
      const secret = await this.#ports.fetchSecret(secretArn);
      if (username === null || username === secret.username) return secret;
      this.#failed("secret-malformed", username, secretArn, "it is another user's");
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof MalformedSecret) {
        this.#failed("secret-malformed", username, secretArn, message);
        return null;
      }
      if (error instanceof SecretForbidden)
        this.#failed("secret-forbidden", username, secretArn, error.roleArn);
      else this.#failed("secret-unreadable", username, secretArn, message);
      return username === null || username === before?.username ? before : null;
    }
    return null;
  }

  #failed(
    failure: CredentialsFailed["failure"],
    user: string | null,
    secretArn: string | null,
    detail: string,
  ): void {
    const at = this.#ports.clock.epochMs();
    this.#ports.events.emit({ kind: "credentials-failed", at, failure, user, secretArn, detail });
  }
}

/** What a client has to prove. */
export function credentialOf(account: Account | null): Credential {
  if (account === null) return null;
  if (account.iam) return { kind: "iam" };
  return { kind: "password", password: account.password, scheme: account.scheme };
}
