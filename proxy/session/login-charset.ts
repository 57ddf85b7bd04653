/** One of the server's collations. */
export interface Collation {
  readonly charset: string;
  readonly name: string;
  /** What its character set means where no collation is named. */
  readonly isDefault: boolean;
  /** The most bytes of a character. */
  readonly maxLength: number;
}

/** Variables with a collation that their values do not tell. */
export const COLLATED = ["character_set_client", "character_set_results"] as const;

/** How a variable has come to its value since that was read the last time. */
export const Source = { FAILED: 0, NAMES: 1, VALUE: 2 } as const;

/**
 * A character set as SQL text, with the collation that a login or SET NAMES has brought with it in a comment: column definitions carry
 * its number, and parameters are compared by it.
 */
export function collatedValue(collation: Collation): string {
  return `'${collation.charset}'${collation.isDefault ? "" : `/*${collation.name}*/`}`;
}

/** The collation that only SET NAMES brings, or null. */
export function collationOf(value: string | undefined): string | null {
  return /\/\*(\w+)\*\/$/.exec(value ?? "")?.[1] ?? null;
}

/** The name alone. */
export function charsetOf(value: string | undefined): string {
  return /^'(\w+)'/.exec(value ?? "")?.[1] ?? "";
}

export interface KnownCollations {
  /** The session's variables until now. */
  readonly before: ReadonlyMap<string, string>;
  readonly collations: ReadonlyMap<number, Collation>;
}

/** Puts the collations, of which the server has not told, into the values `read`. */
export function addCollations(
  read: Map<string, string>,
  sources: ReadonlyMap<string, number>,
  known: KnownCollations,
): void {
  for (const variable of COLLATED) {
    const name = read.get(variable);
    const source = sources.get(variable);
    if (name === undefined || source === Source.VALUE) continue;
    const value =
      source === Source.NAMES
        ? afterNames(read.get("collation_connection"), known.collations)
        : known.before.get(variable);
    if (value?.startsWith(name)) read.set(variable, value);
  }
}

/** SET NAMES brings one collation to all three. */
function afterNames(
  connection: string | undefined,
  collations: ReadonlyMap<number, Collation>,
): string | undefined {
  for (const collation of collations.values())
    if (`'${collation.name}'` === connection) return collatedValue(collation);
  return undefined;
}

/** The collation that column definitions name where this is the value of character_set_results. */
export function collationOfResults(
  value: string | undefined,
  collations: ReadonlyMap<number, Collation>,
): readonly [number, Collation] | undefined {
  const [name, charset] = [collationOf(value), charsetOf(value)];
  for (const entry of collations) {
    const [, each] = entry;
    if (name === null ? each.isDefault && each.charset === charset : each.name === name)
      return entry;
  }
  return undefined;
}
