import { randomBytes } from "node:crypto";
import { type Ground, randomUpper } from "../ground.ts";
import { AwsFault, commonFault } from "../protocol/fault.ts";
import type { SigningKey } from "../signing/verify-signature.ts";
import type { Table } from "../store.ts";
import { managedPolicyText } from "./managed-policies.ts";
import { decide, type PolicyQuestion, parsePolicy, type Statement } from "./policy.ts";
import type { Principal } from "./principal.ts";
import type {
  AccessKeyRecord,
  PolicyRecord,
  RoleRecord,
  SessionRecord,
  UserRecord,
} from "./records.ts";

/** Credentials as programs use them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export type KnownKey = SigningKey & { readonly principal: Principal };

/** Everybody whom the account knows: users, roles, their keys and what they may do. */
export class Identities {
  readonly ground: Ground;
  readonly roles: Table<RoleRecord>;
  readonly users: Table<UserRecord>;
  readonly policies: Table<PolicyRecord>;
  readonly keys: Table<AccessKeyRecord>;
  readonly #sessions: Table<SessionRecord>;

  constructor(ground: Ground) {
    const { store } = ground;
    this.ground = ground;
    this.roles = store.table("iam-roles");
    this.users = store.table("iam-users");
    this.policies = store.table("iam-policies");
    this.keys = store.table("iam-keys");
    this.#sessions = store.table("iam-sessions");
  }

  /** The account's own key: may do everything. Made at the first start. */
  rootKey(): AccessKeyRecord {
    for (const key of this.keys.values()) if (key.user === null) return key;
    return this.newKey(null);
  }

  newKey(user: string | null): AccessKeyRecord {
    const key: AccessKeyRecord = {
      id: `AKIA${randomUpper(16)}`,
      secret: randomBytes(30).toString("base64"),
      createdAt: this.ground.nowMs(),
      user,
    };
    this.keys.set(key.id, key);
    return key;
  }

  keyOf(accessKeyId: string): KnownKey | null {
    const key = this.keys.get(accessKeyId);
    if (key !== undefined) {
      const principal = this.#ownerOf(key);
      if (principal === null) return null;
      return { secretAccessKey: key.secret, sessionToken: null, expiresAt: null, principal };
    }
    const session = this.#sessions.get(accessKeyId);
    const role = session === undefined ? undefined : this.roles.get(session.roleName);
    if (session === undefined || role === undefined) return null;
    const { secret, token, expiresAt, roleName, sessionName } = session;
    const principal: Principal = {
      kind: "role",
      arn: `arn:aws:sts::${this.ground.accountId}:assumed-role/${roleName}/${sessionName}`,
      userId: `${role.id}:${sessionName}`,
      roleName,
    };
    return { secretAccessKey: secret, sessionToken: token, expiresAt, principal };
  }

  /** The role that temporary credentials are of; null: they are none, or over. */
  roleOfKey(accessKeyId: string): string | null {
    return this.#sessions.get(accessKeyId)?.roleArn ?? null;
  }

  #ownerOf({ user }: AccessKeyRecord): Principal | null {
    const { accountId } = this.ground;
    if (user === null)
      return { kind: "account", arn: `arn:aws:iam::${accountId}:root`, userId: accountId };
    const found = this.users.get(user);
    if (found === undefined) return null;
    return { kind: "user", arn: found.arn, userId: found.id, userName: found.name };
  }

  /** Throws AccessDenied where the caller's policies do not allow it. */
  authorize(caller: Principal, action: string, resource: string): void {
    const decision = this.decide(caller, action, resource);
    if (decision === null) return;
    throw commonFault(
      "AccessDenied",
      `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource} ${decision} ${action} action`,
    );
  }

  /** null: allowed; else why not. */
  decide(caller: Principal, action: string, resource: string): string | null {
    if (caller.kind === "account") return null;
    const question: PolicyQuestion = { action, resource, context: this.#contextOf(caller) };
    const decision = decide(this.#statementsOf(caller), question);
    return decision.allowed ? null : decision.why;
  }

  #contextOf(caller: Principal): Record<string, string> {
    const { region, accountId } = this.ground;
    return {
      "aws:requestedregion": region,
      "aws:principalarn":
        caller.kind === "role" ? (this.roles.get(caller.roleName)?.arn ?? "") : caller.arn,
      "aws:principalaccount": accountId,
      // Requests for encrypted secrets reach the key through Secrets Manager only.
      "kms:viaservice": `secretsmanager.${region}.amazonaws.com`,
      ...(caller.kind === "user" ? { "aws:username": caller.userName } : {}),
    };
  }

  #statementsOf(caller: Exclude<Principal, { readonly kind: "account" }>): Statement[] {
    const identity =
      caller.kind === "role" ? this.roles.get(caller.roleName) : this.users.get(caller.userName);
    if (identity === undefined) return [];
    const texts = [
      ...Object.values(identity.inline),
      ...identity.attached.flatMap(
        (arn) => managedPolicyText(arn) ?? this.policies.get(arn)?.text ?? [],
      ),
    ];
    return texts.flatMap((text) => {
      const parsed = parsePolicy(text);
      return parsed.ok ? parsed.statements : [];
    });
  }

  /** Temporary credentials for a role, if its trust policy names who asks. */
  assumeRole(
    roleArn: string,
    sessionName: string,
    by: Principal | { readonly service: string },
    seconds = 3_600,
  ): Credentials {
    const role = [...this.roles.values()].find(({ arn }) => arn === roleArn);
    const who = "service" in by ? by.service : by.arn;
    const mine: (readonly [string, string])[] =
      "service" in by ? [["Service", by.service]] : this.#namesOf(by);
    const trust = parsePolicy(role?.trust ?? "");
    const isTrusted =
      trust.ok &&
      decide(trust.statements, {
        action: "sts:AssumeRole",
        resource: roleArn,
        context: { "aws:sourceaccount": this.ground.accountId },
        principal: mine,
      }).allowed;
    if (role === undefined || !isTrusted)
      throw commonFault(
        "AccessDenied",
        `User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      );
    if (seconds > role.maxSessionSeconds)
      throw new AwsFault(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
      );
    return this.#newSession(role, sessionName, seconds);
  }

  #namesOf(by: Principal): (readonly [string, string])[] {
    const { accountId } = this.ground;
    const own = by.kind === "role" ? (this.roles.get(by.roleName)?.arn ?? by.arn) : by.arn;
    return [by.arn, own, accountId, `arn:aws:iam::${accountId}:root`].map(
      (name) => ["AWS", name] as const,
    );
  }

  #newSession(role: RoleRecord, sessionName: string, seconds: number): Credentials {
    const nowMs = this.ground.nowMs();
    for (const [id, { expiresAt }] of this.#sessions)
      if (expiresAt < nowMs) this.#sessions.delete(id);
    const session: SessionRecord = {
      id: `ASIA${randomUpper(16)}`,
      secret: randomBytes(30).toString("base64"),
      token: randomBytes(120).toString("base64"),
      expiresAt: nowMs + seconds * 1_000,
      roleArn: role.arn,
      roleName: role.name,
      sessionName,
    };
    this.#sessions.set(session.id, session);
    const { id, secret, token, expiresAt } = session;
    return { accessKeyId: id, secretAccessKey: secret, sessionToken: token, expiresAt };
  }
}
