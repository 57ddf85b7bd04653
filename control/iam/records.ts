/** What IAM keeps. */
export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

interface Identity {
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  /** Texts of inline policies by name. */
  readonly inline: Readonly<Record<string, string>>;
  /** ARNs of managed policies. */
  readonly attached: readonly string[];
  readonly tags: readonly Tag[];
}

export interface RoleRecord extends Identity {
  readonly trust: string;
  readonly description: string | null;
  readonly maxSessionSeconds: number;
}

export type UserRecord = Identity;

export interface PolicyRecord {
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly text: string;
  readonly description: string | null;
  readonly tags: readonly Tag[];
}

export interface AccessKeyRecord {
  readonly id: string;
  readonly secret: string;
  readonly createdAt: number;
  /** null: the account itself. */
  readonly user: string | null;
}

/** Temporary credentials of a role. */
export interface SessionRecord {
  readonly id: string;
  readonly secret: string;
  readonly token: string;
  readonly expiresAt: number;
  readonly roleArn: string;
  readonly roleName: string;
  readonly sessionName: string;
}
