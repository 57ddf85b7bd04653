import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Concealed } from "../../../proxy/spec/concealed.ts";
import { parseSpec } from "../../../proxy/spec/parse-spec.ts";
import type { PasswordRef } from "../../../proxy/spec/proxy-spec.ts";
import {
  checkPasswords,
  type PasswordSources,
  resolvePassword,
} from "../../../proxy/spec/resolve-password.ts";

const at = { file: "proxy.yaml", line: 3, column: 15, key: "auth[0].password.env" };

const sources: PasswordSources = {
  env: (name) => ({ SET: "from env", EMPTY: "" })[name],
  readText: (path) => {
    if (path === "there") return "from file\n";
    throw Object.assign(new Error("ENOENT: no such file, open /somewhere"), { code: "ENOENT" });
  },
};

function textOf(ref: PasswordRef): string | null {
  const resolved = resolvePassword(ref, sources);
  return resolved.ok ? resolved.password.reveal() : null;
}

describe("a password", () => {
  it("comes from the environment, a file without its last line break, or the configuration itself", () => {
    expect(textOf({ from: "env", name: "SET", at })).toBe("from env");
    expect(textOf({ from: "env", name: "EMPTY", at })).toBe("");
    expect(textOf({ from: "file", path: "there", at })).toBe("from file");
    expect(textOf({ from: "value", value: new Concealed("as is\n"), at })).toBe("as is\n");
  });

  it("that is missing is reported with file, line and key", () => {
    expect(resolvePassword({ from: "env", name: "UNSET", at }, sources)).toEqual({
      ok: false,
      problem: { ...at, message: "The environment variable UNSET is not set." },
    });
    expect(resolvePassword({ from: "file", path: "gone", at }, sources)).toEqual({
      ok: false,
      problem: { ...at, message: "The file gone cannot be read: ENOENT." },
    });
  });

  it("is looked up for users and for the monitor", () => {
    const parsed = parseSpec(
      [
        "auth: [{ username: app, password: { env: ONE } }, { username: b, password: { env: SET } }]",
        "target: { hosts: [db], monitor: { username: m, password: { file: two } } }",
      ].join("\n"),
      "proxy.yaml",
    );
    if (!parsed.ok) throw new Error("refused");
    expect(checkPasswords(parsed.spec, sources).map((each) => [each.line, each.key])).toEqual([
      [1, "auth[0].password.env"],
      [2, "target.monitor.password.file"],
    ]);
  });

  it("is shown by no printer", () => {
    const concealed = new Concealed("hidden-word");
    for (const shown of [
      String(concealed),
      JSON.stringify({ concealed }),
      inspect(concealed, { depth: 9, showHidden: true }),
    ]) {
      expect(shown).not.toContain("hidden-word");
    }
  });
});
