import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDockerfile } from "../../../local/template/image.ts";
import { ROOT } from "../../tidy/source-tree.ts";

describe("an image without an engine", () => {
  it("has what our Dockerfile copies, and starts what it starts", () => {
    const image = parseDockerfile(readFileSync(join(ROOT, "Dockerfile"), "utf8"), "/context");
    expect([...image.files]).toEqual([
      ["/app/LICENSE", "/context/LICENSE"],
      ["/app/sluice-serve.mjs", "/context/dist/sluice-serve.mjs"],
      ["/app/rds-ca.pem", "/context/dist/rds-ca.pem"],
    ]);
    expect(image).toMatchObject({
      workdir: "/app",
      entrypoint: ["node", "/app/sluice-serve.mjs"],
      command: ["/etc/sluice/sluice.yaml"],
      variables: { NODE_ENV: "production" },
    });
  });

  it("reads lines that go on, comments, and names of copies", () => {
    const text =
      '# x\nFROM node\nWORKDIR /srv\nCOPY \\\n  a.js \\\n  b.js lib/\nCOPY c.js main.js\nCMD ["x"]\n';
    const { files, command } = parseDockerfile(text, "/c");
    expect([...files.keys()]).toEqual(["/srv/lib/a.js", "/srv/lib/b.js", "/srv/main.js"]);
    expect(command).toEqual(["x"]);
  });

  it("refuses what it does not understand", () => {
    expect(() => parseDockerfile("COPY a b\n", "/c")).toThrow("before FROM");
    expect(() => parseDockerfile("FROM node\nENV A=1 B=2\n", "/c")).toThrow("ENV");
    expect(() => parseDockerfile("", "/c")).toThrow("empty");
  });
});
