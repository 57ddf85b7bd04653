import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeSettings, type SettingRow } from "../../../proxy/spec/describe-settings.ts";
import { CHANGE_RULES } from "../../../proxy/spec/diff-spec.ts";
import { specJsonSchema } from "../../../proxy/spec/schema.ts";
import { markdownTable } from "../../support/markdown-table.ts";

const docs = join(import.meta.dirname, "../../../docs");

/** A change of the schema is taken over by `npx vitest run --project unit test/unit/spec --update`. */
describe("the documents", () => {
  it("hold the JSON Schema of the configuration file", async () => {
    const file = join(docs, "config.schema.json");
    expect(existsSync(file)).toBe(true);
    await expect(`${JSON.stringify(specJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(file);
  });

  it("hold the list of settings", async () => {
    const file = join(docs, "settings.md");
    expect(existsSync(file)).toBe(true);
    await expect(settingsPage(describeSettings())).toMatchFileSnapshot(file);
  });

  it("say something of every setting", () => {
    const rows = describeSettings();
    expect(rows.length).toBeGreaterThan(40);
    expect(rows.filter((row) => row.description === "")).toEqual([]);
  });

  it("know the effect of a change for every key at the top", () => {
    const top = Object.keys(specJsonSchema()["properties"] as object);
    const ruled = Object.keys(CHANGE_RULES).map((key) => key.split(".")[0]);
    expect(top.filter((key) => !ruled.includes(key))).toEqual([]);
  });
});

function settingsPage(rows: readonly SettingRow[]): string {
  const words = { live: "at once", newSessions: "new sessions", restart: "next start", "": "" };
  const cells = rows.map(({ key, type, range, initial, change, description }) => {
    const shown = initial === "" || initial === "required" ? initial : `\`${initial}\``;
    return [`\`${key}\``, type, range, shown, words[change], description];
  });
  return `# Settings

The configuration file of \`sluice serve\` is YAML or JSON. \`sluice check FILE\` says what is wrong with one; editors can use
[config.schema.json](config.schema.json). Paths in it count from the folder of the file. SIGHUP, or a change of the file, makes a running
proxy read it again: a wrong file is refused whole and the old settings stay; else each key takes effect as the column "change" says.
This page is made from the schema.

${markdownTable(["key", "type", "range", "default", "change", "meaning"], cells)}

## Rules between keys

- An entry of \`auth\` has a \`username\` with a \`password\`, or a \`secretArn\`. With a secret, \`username\` may name the user that the secret must be of.
- No user appears twice in \`auth\`; no two endpoints share a name or an address.
- \`maxIdleConnectionsPercent\` is at most \`maxConnectionsPercent\`. Where only the latter is given, the former is half of it.
- \`maxConnections\` takes the place of \`maxConnectionsPercent\`.
- \`iamAuth: REQUIRED\` lets a user in over TLS only, whatever \`requireTLS\` says. Tokens must be signed with the access key that the proxy
  itself has in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where it is temporary, AWS_SESSION_TOKEN, for the region in AWS_REGION and for
  an endpoint's address or one of its \`publicHosts\`. Without these variables nobody gets in by token.
- A secret is read again every five minutes, when a server refuses its password, and when a client's login fails with it (at most every five
  seconds). One that cannot be read now leaves its user with the password that was read last.

## In a container

The file is the first argument of \`sluice serve\`, or what SLUICE_CONFIG names. Without either, SLUICE_CONFIG_TEXT holds the configuration
itself, YAML or JSON: a task definition then needs no volume. Relative paths in it count from the working folder; it changes with a new
deployment only. SLUICE_LISTEN_HOST, where set, is the address of every endpoint and of the admin server, whatever the configuration says.
\`--log json --embedded-metrics 60\` prints log lines as JSON, and each minute the metrics in CloudWatch's embedded metric format
(namespace \`Sluice\`, dimension \`ProxyName\`).
`;
}
