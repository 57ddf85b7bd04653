import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { namesOf, problemOfToken } from "../../../proxy/net/iam-login.ts";

const endpoint = { name: "default", targetRole: "READ_WRITE", port: 6033 } as const;

describe("the names of an endpoint", () => {
  it("on loopback are those of loopback", () => {
    for (const host of ["127.0.0.1", "localhost", "::1"])
      expect(namesOf({ ...endpoint, host }, 6033)).toEqual([
        "localhost:6033",
        "127.0.0.1:6033",
        "[::1]:6033",
      ]);
  });

  it("on one address are that address, and on all of them those of the machine", () => {
    expect(namesOf({ ...endpoint, host: "10.0.0.9" }, 7)).toEqual(["10.0.0.9:7"]);
    const names = namesOf({ ...endpoint, host: "0.0.0.0" }, 7);
    expect(names).toEqual(
      expect.arrayContaining(["localhost:7", `${hostname()}:7`, "127.0.0.1:7"]),
    );
  });

  it("are those given beside them, with the endpoint's port where they have none", () => {
    const publicHosts = ["db.example:3306", "db.example", "[fd00::1]", "[fd00::1]:3306"];
    expect(namesOf({ ...endpoint, host: "10.0.0.9", publicHosts }, 7).slice(1)).toEqual([
      "db.example:3306",
      "db.example:7",
      "[fd00::1]:7",
      "[fd00::1]:3306",
    ]);
  });
});

describe("a token", () => {
  it("lets nobody in without a key, or without an endpoint that it may be for", () => {
    const login = { user: "app", token: "db:1/?Action=connect", nowMs: 0 };
    expect(problemOfToken({ keys: null, endpoints: ["db:1"] }, login)).toMatch(/no access key/);
    const keys = { region: "eu-west-1", secretOf: () => "word" };
    expect(problemOfToken({ keys, endpoints: [] }, login)).not.toBe(null);
  });
});
