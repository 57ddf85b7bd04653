import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One archive that the machine's own package manager is set up with. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  /** Key file or folder entry named by Signed-By, when it is a path. */
  readonly signedBy: string | null;
}

const PUBLIC_MIRROR = "http://deb.debian.org/debian";

/** The archives of `/etc/apt/sources.list` and `sources.list.d`, in both of their formats. */
export function readAptSources(root = "/etc/apt"): AptSource[] {
  const files = [join(root, "sources.list")];
  const parts = join(root, "sources.list.d");
  if (existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .sort()
        .map((name) => join(parts, name)),
    );
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      if (file.endsWith(".sources")) return parseDeb822(readFileSync(file, "utf8"));
      return file.endsWith(".list") ? parseOneLine(readFileSync(file, "utf8")) : [];
    });
}

/** `deb [signed-by=KEY] URI SUITE COMPONENT…` */
export function parseOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match === null) return [];
    const signedBy = /signed-by=(\S+)/i.exec(match[1] ?? "")?.[1] ?? null;
    return [{ uri: match[2]!, suite: match[3]!, signedBy: keyPath(signedBy) }];
  });
}

/** Stanzas of `Types:`, `URIs:`, `Suites:`, `Signed-By:`. */
export function parseDeb822(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const line of stanza.split("\n")) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (match !== null) fields.set(match[1]!.toLowerCase(), match[2]!.trim());
    }
    const types = words(fields.get("types"));
    if (!types.includes("deb") || fields.get("enabled")?.toLowerCase() === "no") return [];
    const signedBy = keyPath(fields.get("signed-by") ?? null);
    return words(fields.get("uris")).flatMap((uri) =>
      words(fields.get("suites")).map((suite) => ({ uri, suite, signedBy })),
    );
  });
}

/** Debian mirrors to try, the machine's own first, the public one last. */
export function debianMirrors(sources: readonly AptSource[]): string[] {
  const own = sources
    .map((source) => source.uri.replace(/\/+$/, ""))
    .filter((uri) => /debian/i.test(uri) && !/security|backports|ports/i.test(uri));
  return [...new Set([...own, PUBLIC_MIRROR])];
}

/** The key that signs Debian's archives: the one the machine uses already, else the one its keyring package brings. */
export function debianKeyring(
  sources: readonly AptSource[],
  exists: (path: string) => boolean = existsSync,
): string | null {
  const own = sources
    .map((source) => source.signedBy)
    .filter((path) => path?.includes("debian-archive"));
  const shipped = ["gpg", "pgp"].map(
    (ending) => `/usr/share/keyrings/debian-archive-keyring.${ending}`,
  );
  return [...own, ...shipped].find((path) => typeof path === "string" && exists(path)) ?? null;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

function keyPath(signedBy: string | null): string | null {
  return signedBy?.startsWith("/") ? signedBy : null;
}
