/** One value that a secret has or had. */
export interface SecretVersion {
  readonly createdAt: number;
  readonly text: string | null;
  /** base64 */
  readonly binary: string | null;
  readonly stages: readonly string[];
  readonly accessedAt: number | null;
}

export interface SecretRecord {
  readonly name: string;
  readonly arn: string;
  readonly description: string | null;
  readonly kmsKeyId: string | null;
  readonly createdAt: number;
  readonly changedAt: number;
  readonly accessedAt: number | null;
  /** When it was marked, and when it goes. */
  readonly deletedAt: number | null;
  readonly goneAt: number | null;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly policy: string | null;
  readonly rotation: {
    readonly functionArn: string;
    readonly days: number | null;
    readonly rotatedAt: number | null;
    readonly enabled: boolean;
  } | null;
  readonly versions: Readonly<Record<string, SecretVersion>>;
}

export const CURRENT = "AWSCURRENT";
export const PREVIOUS = "AWSPREVIOUS";
/** Of a version that a rotation has made and not yet put in force. */
export const PENDING = "AWSPENDING";

/** The version that carries a stage; null: none does. */
export function staged({ versions }: SecretRecord, stage: string): string | null {
  for (const [id, version] of Object.entries(versions))
    if (version.stages.includes(stage)) return id;
  return null;
}

/** Gives a stage to a version and takes it from whoever had it. The one that was current becomes the previous one. */
export function moveStage(secret: SecretRecord, stage: string, to: string | null): SecretRecord {
  const from = staged(secret, stage);
  if (from === to) return secret;
  const versions: Record<string, SecretVersion> = {};
  for (const [id, version] of Object.entries(secret.versions)) {
    let stages = version.stages.filter((each) => each !== stage);
    if (id === to) stages = [...stages, stage];
    versions[id] = { ...version, stages };
  }
  const moved = { ...secret, versions };
  const isHandOver = stage === CURRENT && from !== null && to !== null;
  return isHandOver ? moveStage(moved, PREVIOUS, from) : moved;
}

/** Versions without a stage are kept up to this many. */
const UNSTAGED_MAX = 100;

export function prune(secret: SecretRecord): SecretRecord {
  const unstaged = Object.entries(secret.versions)
    .filter(([, { stages }]) => stages.length === 0)
    .sort(([, one], [, other]) => other.createdAt - one.createdAt)
    .slice(UNSTAGED_MAX);
  if (unstaged.length === 0) return secret;
  const versions = { ...secret.versions };
  for (const [id] of unstaged) delete versions[id];
  return { ...secret, versions };
}
