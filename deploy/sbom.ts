/** `npm run sbom`: what the bundle of the image is made of, as SPDX 2.3, from what the bundler has really taken in. */
import { createHash, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const BUNDLE = "dist/sluice-serve.mjs";
const TARGET = "dist/sluice.spdx.json";

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The packages that stand in the bundle, by name. */
export async function bundledPackages(): Promise<BundledPackage[]> {
  const { metafile } = await build({
    entryPoints: [join(ROOT, "bin/serve.ts")],
    absWorkingDir: ROOT,
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const folders = new Set(Object.keys(metafile.inputs).flatMap((input) => folderOf(input) ?? []));
  const packages = await Promise.all([...folders].map(describePackage));
  return packages.sort(
    (a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version),
  );
}

/** Packages may hold packages of their own: the innermost counts. */
function folderOf(input: string): string | null {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? null;
}

async function describePackage(folder: string): Promise<BundledPackage> {
  const manifest = JSON.parse(await readFile(join(ROOT, folder, "package.json"), "utf8"));
  return {
    name: manifest.name,
    version: manifest.version,
    license: manifest.license ?? "NOASSERTION",
  };
}

export async function sbom(): Promise<unknown> {
  const packages = await bundledPackages();
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const bundle = await readFile(join(ROOT, BUNDLE));
  const own = spdxPackage({
    name: manifest.name,
    version: manifest.version,
    license: manifest.license,
  });
  const others = packages.map(spdxPackage);
  const sha256 = createHash("sha256").update(bundle).digest("hex");
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${manifest.name}-${manifest.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${manifest.name}-${manifest.version}-${randomUUID()}`,
    creationInfo: {
      created: new Date().toISOString().replace(/\.\d+/, ""),
      creators: ["Tool: esbuild"],
    },
    packages: [{ ...own, checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] }, ...others],
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: own.SPDXID,
      },
      ...others.map(({ SPDXID }) => ({
        spdxElementId: own.SPDXID,
        relationshipType: "CONTAINS",
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
}

function spdxPackage({ name, version, license }: BundledPackage) {
  return {
    SPDXID: `SPDXRef-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.]+/g, "-")}`,
    name,
    versionInfo: version,
    licenseDeclared: license,
    licenseConcluded: "NOASSERTION",
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    externalRefs: [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      },
    ],
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(join(ROOT, TARGET), `${JSON.stringify(await sbom(), null, 2)}\n`);
  process.stdout.write(`${TARGET}\n`);
}
