import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  debianKeyring,
  debianMirrors,
  parseDeb822,
  parseOneLine,
  readAptSources,
} from "../../../local/apt-sources.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

describe("one-line sources", () => {
  test("give address, suite and key of every active line", () => {
    const text = `# deb http://old.example/debian stable main
deb http://mirror.example/debian bookworm main contrib
deb [arch=amd64 signed-by=${KEYRING}] https://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
`;
    expect(parseOneLine(text)).toEqual([
      { uri: "http://mirror.example/debian", suite: "bookworm", signedBy: null },
      {
        uri: "https://mirror.example/debian-security",
        suite: "bookworm-security",
        signedBy: KEYRING,
      },
    ]);
  });
});

describe("sources in stanzas", () => {
  test("give every address with every suite", () => {
    const text = `Types: deb deb-src
# a comment
URIs: http://a.example/debian http://b.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: ${KEYRING}

Types: deb-src
URIs: http://c.example/debian
Suites: bookworm
`;
    const found = parseDeb822(text).map(({ uri, suite }) => `${uri} ${suite}`);
    expect(found).toEqual([
      "http://a.example/debian bookworm",
      "http://a.example/debian bookworm-updates",
      "http://b.example/debian bookworm",
      "http://b.example/debian bookworm-updates",
    ]);
  });

  test("leave out what is switched off", () => {
    expect(
      parseDeb822("Enabled: no\nTypes: deb\nURIs: http://a.example/debian\nSuites: sid\n"),
    ).toEqual([]);
  });

  test("do not take an embedded key for a path", () => {
    const text =
      "Types: deb\nURIs: http://a.example/debian\nSuites: sid\nSigned-By: -----BEGIN PGP\n .\n xyz\n";
    expect(parseDeb822(text)).toEqual([
      { uri: "http://a.example/debian", suite: "sid", signedBy: null },
    ]);
  });
});

describe("mirrors and keys", () => {
  const source = (uri: string, signedBy: string | null = null) => ({
    uri,
    suite: "bookworm",
    signedBy,
  });

  test("put the machine's own mirror first and the public one last, each once", () => {
    const sources = [
      source("http://near.example/debian/"),
      source("http://near.example/debian"),
      source("http://near.example/debian-security"),
      source("http://archive.ubuntu.com/ubuntu"),
    ];
    expect(debianMirrors(sources)).toEqual([
      "http://near.example/debian",
      "http://deb.debian.org/debian",
    ]);
    expect(debianMirrors([])).toEqual(["http://deb.debian.org/debian"]);
  });

  test("take Debian's own key only, where it is", () => {
    const sources = [
      source("https://vendor.example/debian", "/etc/apt/keyrings/vendor.gpg"),
      source("http://near.example/debian", "/opt/debian-archive-keyring.asc"),
    ];
    expect(debianKeyring(sources, () => true)).toBe("/opt/debian-archive-keyring.asc");
    expect(debianKeyring(sources.slice(0, 1), (path) => path === KEYRING)).toBe(KEYRING);
    expect(debianKeyring(sources, () => false)).toBeNull();
  });
});

describe("the machine's sources", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "sluice-sources-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test("are read in both formats, files of other endings left out", async () => {
    await mkdir(join(root, "sources.list.d"));
    await writeFile(join(root, "sources.list"), "deb http://one.example/debian bookworm main\n");
    await writeFile(
      join(root, "sources.list.d/a.list"),
      "deb http://two.example/debian bookworm main\n",
    );
    await writeFile(
      join(root, "sources.list.d/b.sources"),
      "Types: deb\nURIs: http://three.example/debian\nSuites: sid\n",
    );
    await writeFile(
      join(root, "sources.list.d/c.list.disabled"),
      "deb http://no.example/debian bookworm main\n",
    );
    const hosts = readAptSources(root).map(({ uri }) => new URL(uri).host);
    expect(hosts).toEqual(["one.example", "two.example", "three.example"]);
  });

  test("may be absent altogether", () => {
    expect(readAptSources(join(root, "nothing"))).toEqual([]);
  });
});
