import { describe, expect, it } from "vitest";
import { diffSpec, reloadablePart } from "../../../proxy/spec/diff-spec.ts";
import { parseSpec } from "../../../proxy/spec/parse-spec.ts";
import type { ProxySpec } from "../../../proxy/spec/proxy-spec.ts";

const BASE = `
name: app
endpoints: [{ name: default, port: 6033 }, { name: reader, targetRole: READ_ONLY, port: 6034 }]
auth: [{ username: app, password: { value: one } }, { username: b, password: { env: B } }]
target: { hosts: ["db:3306"] }
pool: { connectionBorrowTimeout: 5 }
`;

function specOf(text: string): ProxySpec {
  const parsed = parseSpec(text, "proxy.yaml");
  if (!parsed.ok)
    throw new Error(parsed.problems.map((each) => `${each.key}: ${each.message}`).join("\n"));
  return parsed.spec;
}

function changesAfter(before: string, after: string): string[] {
  const text = BASE.replace(before, after);
  expect(text).not.toBe(BASE);
  return diffSpec(specOf(BASE), specOf(text)).map((each) => `${each.key} ${each.effect}`);
}

describe("a changed configuration", () => {
  it.each([
    ["the same file with other line numbers", "name: app", "\n\n# moved\nname: app", []],
    ["a pool number", "Timeout: 5", "Timeout: 6", ["pool.connectionBorrowTimeout live"]],
    ["a port", "6034", "6035", ["endpoints[reader].port live"]],
    [
      "an endpoint's role",
      "targetRole: READ_ONLY",
      "targetRole: READ_WRITE",
      ["endpoints[reader].targetRole newSessions"],
    ],
    [
      "another endpoint",
      "6034 }",
      "6034 }, { name: third, port: 6035 }",
      ["endpoints[third] live"],
    ],
    [
      "an endpoint that is gone",
      ", { name: reader, targetRole: READ_ONLY, port: 6034 }",
      "",
      ["endpoints[reader] live"],
    ],
    ["a password in the file", "value: one", "value: two", ["auth[app] newSessions"]],
    ["another source of a password", "env: B", "env: C", ["auth[b] newSessions"]],
    ["a user that is gone", ", { username: b, password: { env: B } }", "", ["auth[b] newSessions"]],
    [
      "the order of users",
      "auth: [{ username: app, password: { value: one } }, { username: b, password: { env: B } }]",
      "auth: [{ username: b, password: { env: B } }, { username: app, password: { value: one } }]",
      [],
    ],
    ["another host", '["db:3306"]', '["db:3306", db2]', ["target.hosts live"]],
    [
      "the monitor's user",
      '["db:3306"]',
      '["db:3306"], monitor: { username: m, password: { env: M } }',
      ["target.monitor live"],
    ],
    [
      "a certificate",
      "name: app",
      "name: app\ntls: { certFile: a, keyFile: b }",
      ["tls newSessions"],
    ],
    ["requireTLS", "name: app", "name: app\nrequireTLS: true", ["requireTLS newSessions"]],
    ["the name", "name: app", "name: other", ["name restart"]],
    ["the admin address", "name: app", "name: app\nadmin: { port: 1 }", ["admin.port restart"]],
    ["the topology", '["db:3306"]', '["db:3306"], topology: aurora', ["target.topology restart"]],
  ])("says what %s means", (_, before, after, changes) => {
    expect(changesAfter(before, after)).toEqual(changes);
  });

  it("is taken over as far as it can be without a restart", () => {
    const old = specOf(BASE);
    const next = specOf(
      `${BASE.replace("name: app", "name: other").replace("Timeout: 5", "Timeout: 6")}admin: { port: 1 }`,
    );
    const taken = reloadablePart(old, next);
    expect(diffSpec(old, taken).map((each) => each.key)).toEqual(["pool.connectionBorrowTimeout"]);
    expect(diffSpec(taken, next).map((each) => each.effect)).toEqual(["restart", "restart"]);
  });
});
