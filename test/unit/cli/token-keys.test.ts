import { describe, expect, it } from "vitest";
import { tokenKeysFrom } from "../../../bin/token-keys.ts";

const ENV = { AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "AKIA1", AWS_SECRET_ACCESS_KEY: "word" };

describe("the access key of the environment", () => {
  it("is the only one that tokens may be signed with", () => {
    const keys = tokenKeysFrom(ENV);
    expect(keys?.region).toBe("eu-west-1");
    expect(keys?.secretOf("AKIA1", null, "app")).toBe("word");
    expect(keys?.secretOf("AKIA2", null, "app")).toBe(null);
    expect(keys?.secretOf("AKIA1", "a session", "app")).toBe(null);
  });

  it("that is temporary needs its own session token", () => {
    const keys = tokenKeysFrom({ ...ENV, AWS_SESSION_TOKEN: "a session" });
    expect(keys?.secretOf("AKIA1", "a session", "app")).toBe("word");
    expect(keys?.secretOf("AKIA1", "another", "app")).toBe(null);
    expect(keys?.secretOf("AKIA1", null, "app")).toBe(null);
  });

  it.each(["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])(
    "is none without %s",
    (name) => {
      expect(tokenKeysFrom({ ...ENV, [name]: undefined })).toBe(null);
      expect(tokenKeysFrom({ ...ENV, [name]: "" })).toBe(null);
    },
  );

  it("may have its region from AWS_DEFAULT_REGION", () => {
    const { AWS_REGION: region, ...rest } = ENV;
    expect(tokenKeysFrom({ ...rest, AWS_DEFAULT_REGION: region })?.region).toBe(region);
  });
});
