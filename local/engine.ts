/** The two families of servers that Sluice runs locally. */
export type Engine = "mysql" | "mariadb";

export const ENGINES: readonly Engine[] = ["mysql", "mariadb"];

/** What a server program says of itself. */
export interface EngineVersion {
  readonly engine: Engine;
  /** `9.7.4`, `10.11.19`. */
  readonly version: string;
}

/** Oldest versions whose replication statements and options we use. */
const OLDEST: Record<Engine, string> = { mysql: "8.0.26", mariadb: "10.5.2" };

/** Reads the answer of `mysqld --version`; null when it is no answer of a server. */
export function parseServerVersion(text: string): EngineVersion | null {
  const version = /\bVer\s+(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) return null;
  return { engine: /mariadb/i.test(text) ? "mariadb" : "mysql", version };
}

/** Null when the version will do, else why not. */
export function tooOld(found: EngineVersion): string | null {
  const oldest = OLDEST[found.engine];
  return compareVersions(found.version, oldest) < 0
    ? `${found.version} is older than ${oldest}`
    : null;
}

export function compareVersions(left: string, right: string): number {
  const a = left.split(".").map(Number);
  const b = right.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
