import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { specSource } from "../../../bin/spec-source.ts";

const TEXT = JSON.stringify({
  name: "app",
  endpoints: [{ name: "default", port: 6033, host: "0.0.0.0" }],
  auth: [{ username: "app", password: { env: "APP_PASSWORD" } }],
  target: { hosts: ["db:3306"] },
});

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-source-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the configuration's source", () => {
  it("is the text in the environment where no file is named", async () => {
    const source = specSource(undefined, { SLUICE_CONFIG_TEXT: TEXT });
    expect(source).toMatchObject({ file: "SLUICE_CONFIG_TEXT", watched: false });
    const { parsed } = await source!.read();
    expect(parsed).toMatchObject({ ok: true, spec: { name: "app", admin: { host: "127.0.0.1" } } });
  });

  it("is the named file before the text", async () => {
    const file = join(folder, "proxy.yaml");
    await writeFile(file, TEXT.replace('"app"', '"of-the-file"'));
    for (const [argument, env] of [
      [file, {}],
      [undefined, { SLUICE_CONFIG: file }],
    ] as const) {
      const source = specSource(argument, { ...env, SLUICE_CONFIG_TEXT: TEXT });
      expect(source).toMatchObject({ file, watched: true });
      expect((await source!.read()).parsed).toMatchObject({ spec: { name: "of-the-file" } });
    }
  });

  it("says where the text is wrong", async () => {
    const { parsed } = await specSource(undefined, { SLUICE_CONFIG_TEXT: '{"auth": 7}' })!.read();
    expect(parsed).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([
        expect.objectContaining({ file: "SLUICE_CONFIG_TEXT", key: "auth" }),
      ]),
    });
  });

  it("listens where the environment says, on every port", async () => {
    const env = { SLUICE_CONFIG_TEXT: TEXT, SLUICE_LISTEN_HOST: "127.0.0.9" };
    const { parsed } = await specSource(undefined, env)!.read();
    expect(parsed).toMatchObject({
      spec: { endpoints: [{ host: "127.0.0.9", port: 6033 }], admin: { host: "127.0.0.9" } },
    });
  });

  it("is missing where nothing is named", () => {
    expect(specSource(undefined, { SLUICE_CONFIG: "", SLUICE_CONFIG_TEXT: "" })).toBe(null);
  });
});
