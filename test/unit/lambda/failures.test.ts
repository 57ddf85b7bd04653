import { describe, expect, test } from "vitest";
import { classifyFailure, errorFields } from "../../../lambda/webhook/failures.ts";
import { CredentialsCache, parseCredentials } from "../../../lambda/webhook/secret.ts";

const failure = (fields: Record<string, unknown>) => Object.assign(new Error("message"), fields);

describe("a failure's kind", () => {
  test.each([
    [{ code: "PROTOCOL_CONNECTION_LOST", fatal: true }, "stale"],
    [{ code: "ECONNRESET", fatal: true, errno: -104 }, "stale"],
    [{ fatal: true }, "stale"],
    [{ code: "ER_OPTION_PREVENTS_STATEMENT", errno: 1290 }, "stale"],
    [{ code: "ER_NO_SUCH_TABLE", errno: 1146 }, "missing"],
    [{ code: "ER_BAD_DB_ERROR", errno: 1049 }, "missing"],
    [{ code: "ER_ACCESS_DENIED_ERROR", errno: 1045, fatal: true }, "denied"],
    [{ errno: 9501 }, "busy"],
    [{ code: "ER_CON_COUNT_ERROR", errno: 1040, fatal: true }, "busy"],
    [{ code: "ECONNREFUSED", fatal: true }, "busy"],
    [{ code: "PROTOCOL_SEQUENCE_TIMEOUT" }, "busy"],
    [{ code: "ER_PARSE_ERROR", errno: 1064 }, "other"],
    [{ code: "HANDSHAKE_NO_SSL_SUPPORT", fatal: true }, "other"],
    [{}, "other"],
  ])("%j is %s", (fields, kind) => {
    expect(classifyFailure(failure(fields))).toBe(kind);
  });

  test("of something that is no error at all is other", () => {
    expect(classifyFailure("text")).toBe("other");
    expect(errorFields("text")).toEqual({ name: "string", message: "text", fatal: false });
  });
});

test("the log keeps the error's numbers and not its statement", () => {
  const error = failure({ errno: 1146, code: "ER_NO_SUCH_TABLE", sql: "INSERT … 'private'" });
  expect(errorFields(error)).toEqual({
    name: "Error",
    message: "message",
    errno: 1146,
    code: "ER_NO_SUCH_TABLE",
    fatal: false,
  });
});

describe("credentials", () => {
  test("are read once, and again after they were forgotten", async () => {
    let reads = 0;
    const cache = new CredentialsCache(async () =>
      JSON.stringify({ username: "app", password: `${++reads}`, engine: "mysql" }),
    );
    expect(await cache.get()).toEqual({ username: "app", password: "1" });
    expect((await cache.get()).password).toBe("1");
    cache.forget();
    expect((await cache.get()).password).toBe("2");
  });

  test("are asked for again after the service failed", async () => {
    let calls = 0;
    const cache = new CredentialsCache(async () => {
      calls += 1;
      if (calls === 1) throw new Error("throttled");
      return '{"username":"app","password":"x"}';
    });
    await expect(cache.get()).rejects.toThrow("throttled");
    expect((await cache.get()).username).toBe("app");
  });

  test.each([
    undefined,
    "",
    "top secret",
    "[]",
    '{"username":"top secret"}',
    '{"username":1,"password":"top secret"}',
  ])("of another form are an error that does not quote them: %j", (text) => {
    expect(() => parseCredentials(text)).toThrow(/username and password/);
    expect(() => parseCredentials(text)).not.toThrow(/top secret/);
  });
});
