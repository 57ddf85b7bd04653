import { type PasswordScheme, Plugin } from "../auth/plugins.ts";
import type { Credential } from "../auth/server-exchange.ts";
import type { ProxyPorts } from "../ports.ts";
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

/** The users of a proxy, by name. Nobody else gets in. */
export class Accounts {
  readonly #ports: ProxyPorts;
  #byName = new Map<string, Account>();
  #specs: readonly AuthSpec[] = [];
  /** Secrets being fetched: concurrent failures ask once. */
  readonly #fetching = new Map<string, Promise<Account | null>>();

  constructor(ports: ProxyPorts) {
    this.#ports = ports;
  }

  find(username: string): Account | null {
    return this.#byName.get(username) ?? null;
  }

  all(): Iterable<Account> {
    return this.#byName.values();
  }

  /** Reads every password and secret. Users whose secret cannot be read stay out; passwords that cannot be found reject. */
  async load(specs: readonly AuthSpec[]): Promise<void> {
    const found = await Promise.all(specs.map((spec) => this.#account(spec)));
    const byName = new Map<string, Account>();
    const twice = new Set<string>();
    for (const account of found) {
      if (account === null) continue;
      if (byName.has(account.username)) twice.add(account.username);
      byName.set(account.username, account);
    }
    for (const user of twice) {
      byName.delete(user);
      this.#failed("duplicate-user", user, null, "the user is in several auth entries");
    }
    this.#specs = specs;
    this.#byName = byName;
  }

  /** Reads an account's secret again. Resolves to the account if its password has changed, else to null. */
  refresh(account: Account): Promise<Account | null> {
    const { secretArn } = account;
    if (secretArn === null) return Promise.resolve(null);
    const known = this.#fetching.get(secretArn);
    if (known !== undefined) return known;
    const fetching = this.#refetch(account, secretArn).finally(() =>
      this.#fetching.delete(secretArn),
    );
    this.#fetching.set(secretArn, fetching);
    return fetching;
  }

  /** Reads all secrets again and tells of each user whose password has changed. */
  async refreshAll(changed: (account: Account) => void): Promise<void> {
    const missing = this.#specs.some(
      (spec) => spec.credential.from === "secret" && !this.#has(spec.credential.secretArn),
    );
    if (missing) await this.load(this.#specs);
    for (const account of [...this.#byName.values()]) {
      const renewed = await this.refresh(account);
      if (renewed !== null) changed(renewed);
    }
  }

  #has(secretArn: string): boolean {
    for (const account of this.#byName.values()) if (account.secretArn === secretArn) return true;
    return false;
  }

  async #refetch(account: Account, secretArn: string): Promise<Account | null> {
    const spec = this.#specs.find(
      ({ credential }) => credential.from === "secret" && credential.secretArn === secretArn,
    );
    const renewed = spec === undefined ? null : await this.#account(spec);
    if (renewed === null || renewed.password === account.password) return null;
    if (renewed.username !== account.username) return null;
    this.#byName.set(renewed.username, renewed);
    return renewed;
  }

  async #account(spec: AuthSpec): Promise<Account | null> {
    const login = await this.credential(spec.credential);
    if (login === null) return null;
    const native = spec.clientPasswordAuthType === "MYSQL_NATIVE_PASSWORD";
    return {
      ...login,
      scheme: native ? Plugin.NATIVE : Plugin.CACHING_SHA2,
      iam: spec.iamAuth === "REQUIRED",
      secretArn: spec.credential.from === "secret" ? spec.credential.secretArn : null,
    };
  }

  /** Name and password of a credential; null, and an event, where its secret cannot be read. */
  async credential(
    spec: CredentialSpec,
  ): Promise<{ readonly username: string; readonly password: string } | null> {
    if (spec.from === "password") {
      const password = resolvePassword(spec.password, this.#ports.passwords);
      if (!password.ok) throw new Error(password.problem.message);
      return { username: spec.username, password: password.password.reveal() };
    }
    try {
      const secret = await this.#ports.fetchSecret(spec.secretArn);
      if (spec.username === null || spec.username === secret.username) return secret;
      this.#failed(
        "secret-malformed",
        spec.username,
        spec.secretArn,
        "the secret is another user's",
      );
    } catch (error) {
      this.#failed("secret-unreadable", spec.username, spec.secretArn, (error as Error).message);
    }
    return null;
  }

  #failed(
    failure: "duplicate-user" | "secret-unreadable" | "secret-malformed",
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
