import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createInstanceFinder } from "../../../bin/instance-addresses.ts";
import { RdsApi } from "../../support/rds-api.ts";

describe("the addresses of a cluster's instances", () => {
  let api: RdsApi;

  beforeEach(async () => {
    api = await RdsApi.start();
    vi.stubEnv("AWS_ENDPOINT_URL", api.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await api[Symbol.asyncDispose]();
  });

  const find = () => createInstanceFinder({ AWS_REGION: "eu-central-1" })("shop");

  test("are the RDS API's, from all of its pages", async () => {
    api.instances = [
      { id: "one", address: { host: "one.abc.eu-central-1.rds.amazonaws.com", port: 3306 } },
      { id: "being-made", address: null },
      { id: "two", address: { host: "two.abc.eu-central-1.rds.amazonaws.com", port: 3307 } },
    ];
    expect([...(await find())]).toEqual([
      ["one", { host: "one.abc.eu-central-1.rds.amazonaws.com", port: 3306 }],
      ["two", { host: "two.abc.eu-central-1.rds.amazonaws.com", port: 3307 }],
    ]);
    expect(api.asked).toEqual(["db-cluster-id=shop", "db-cluster-id=shop", "db-cluster-id=shop"]);
  });

  test("are not known where the API refuses, and the refusal says why", async () => {
    api.fault = { code: "AccessDenied", message: "not authorized to perform this" };
    await expect(find()).rejects.toThrow("not authorized to perform this");
  });

  test("are not looked for on endless pages", async () => {
    api.instances = Array.from({ length: 17 }, (_, i) => ({ id: `i${i}`, address: null }));
    await expect(find()).rejects.toThrow("more than 16 pages");
  });
});
