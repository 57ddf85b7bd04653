import { describe, expect, test } from "vitest";
import { parseSettings } from "../../../lambda/webhook/settings.ts";

const NEEDED = { SECRET_ARN: "app/database", PROXY_HOST: "proxy.internal" };

const settings = (env: Record<string, string>) => {
  const parsed = parseSettings({ ...NEEDED, ...env });
  if (!parsed.ok) throw new Error(parsed.problems.join("; "));
  return parsed.settings;
};

test("secret and host are enough", () => {
  expect(settings({})).toEqual({
    secretId: "app/database",
    host: "proxy.internal",
    port: 3306,
    database: "webhook",
    tls: "require",
    caFile: null,
    keyId: null,
  });
});

test("a file of authorities has the proxy's certificate verified", () => {
  expect(settings({ DB_CA_FILE: "/ca.pem" })).toMatchObject({ tls: "verify", caFile: "/ca.pem" });
  expect(settings({ DB_TLS: "verify" })).toMatchObject({ tls: "verify", caFile: null });
  expect(settings({ DB_TLS: "off", PROXY_PORT: "6033" })).toMatchObject({ tls: "off", port: 6033 });
});

describe("what is wrong is named", () => {
  test.each([
    [{ SECRET_ARN: "" }, /SECRET_ARN/],
    [{ PROXY_HOST: "" }, /PROXY_HOST/],
    [{ PROXY_PORT: "0" }, /PROXY_PORT/],
    [{ PROXY_PORT: "http" }, /PROXY_PORT/],
    [{ PROXY_PORT: "65536" }, /PROXY_PORT/],
    [{ DATABASE_NAME: "a`b" }, /DATABASE_NAME/],
    [{ DATABASE_NAME: "x".repeat(65) }, /DATABASE_NAME/],
    [{ DB_TLS: "maybe" }, /DB_TLS/],
    [{ DB_TLS: "require", DB_CA_FILE: "/ca.pem" }, /DB_CA_FILE/],
  ])("%j", (env, problem) => {
    const parsed = parseSettings({ ...NEEDED, ...env });
    expect(parsed.ok ? [] : parsed.problems).toEqual([expect.stringMatching(problem)]);
  });

  test("all of it at once", () => {
    const parsed = parseSettings({});
    expect(parsed.ok ? [] : parsed.problems).toHaveLength(2);
  });
});
