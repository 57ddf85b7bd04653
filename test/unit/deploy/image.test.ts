import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundledPackages } from "../../../deploy/sbom.ts";
import { ROOT } from "../../tidy/source-tree.ts";

const DOCKERFILE = readFileSync(join(ROOT, "Dockerfile"), "utf8");
const lines = (word: string): string[] =>
  DOCKERFILE.split("\n").filter((line) => line.startsWith(`${word} `));

describe("the image", () => {
  it("copies what the build makes, and its context holds nothing else", () => {
    const copied = lines("COPY").filter((line) => !line.includes("--from"));
    const files = copied.flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(files).toEqual(["LICENSE", "dist/sluice-serve.mjs", "dist/rds-ca.pem"]);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    const context = readFileSync(join(ROOT, ".dockerignore"), "utf8").trim().split("\n");
    expect(context).toEqual(["*", ...files.map((file) => `!${file}`)]);
  });

  it("is not root's, is told of SIGTERM, and needs no shell", () => {
    expect(lines("USER")).toEqual(["USER node"]);
    expect(lines("STOPSIGNAL")).toEqual(["STOPSIGNAL SIGTERM"]);
    for (const line of [...lines("ENTRYPOINT"), ...lines("CMD")]) expect(line).toMatch(/\[".*"\]$/);
  });

  it("is of two stages on the same Node, which both processors have", () => {
    expect(lines("FROM").map((line) => line.split(" ")[1])).toEqual([
      "node:24-bookworm-slim",
      "node:24-bookworm-slim",
    ]);
    expect(DOCKERFILE).not.toContain("--platform");
  });

  it("has the authorities that sign for RDS in every region", () => {
    const pem = readFileSync(join(ROOT, "dist/rds-ca.pem"), "utf8");
    expect(pem.match(/-----BEGIN CERTIFICATE-----/g)?.length).toBeGreaterThan(100);
  });

  it("is made of packages that may be given away", async () => {
    const packages = await bundledPackages();
    expect(packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "yaml",
        "zod",
        "hono",
        "commander",
        "@aws-sdk/client-secrets-manager",
      ]),
    );
    const free = /^\(?(?:MIT|Apache-2\.0|ISC|BSD-[23]-Clause|0BSD)/;
    expect(packages.filter(({ license }) => !free.test(license))).toEqual([]);
  });
});
