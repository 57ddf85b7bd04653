/** docs/drivers.md: what drivers send, and whether that pins, as seen by a proxy that they were run against. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { markdownTable } from "../support/markdown-table.ts";
import { type Conversation, firstWords } from "./conversations.ts";
import type { ReadyDriver } from "./prepared-driver.ts";
import { runConversations, stepsText } from "./program-run.ts";
import { type Recording, RecordingRelay } from "./recording-relay.ts";
import type { Stage } from "./stage.ts";

const PAGE = join(import.meta.dirname, "../../docs/drivers.md");

interface Observed {
  readonly recording: Recording;
  readonly rules: readonly string[];
}

export async function writeDriversPage(
  drivers: readonly ReadyDriver[],
  stage: Stage,
): Promise<void> {
  const logins: string[][] = [];
  const statements: string[][] = [];
  for (const ready of drivers) {
    const seen: Observed[] = [];
    for (const conversation of firstWords(stage.cast)) {
      seen.push(await observe(ready, stage, conversation));
    }
    const [connect, statement, parameters] = seen as [Observed, Observed, Observed];
    logins.push([ready.name, ready.version, ...loginCells(connect.recording)]);
    const opening = connect.recording.commands;
    statements.push([
      ready.name,
      sqlList(opening),
      sqlList(parameters.recording.commands.slice(opening.length)),
      ruleList(connect, statement),
      ruleList(parameters),
      fixOf(ready, connect, parameters),
    ]);
  }
  await writeFile(PAGE, page(stage, logins, statements));
}

async function observe(
  { command, env }: ReadyDriver,
  stage: Stage,
  conversation: Conversation,
): Promise<Observed> {
  const { server, cast, proxies } = stage;
  const proxy = proxies.caching_sha2.pinned;
  await using relay = await RecordingRelay.before(proxy);
  const stepsFile = join(cast.folder, "first-words");
  await writeFile(stepsFile, stepsText([conversation]));
  const before = proxy.events.length;
  const endpoint = { host: "127.0.0.1", port: relay.port, caFile: null };
  const { problem } = await runConversations({
    command,
    env,
    stepsFile,
    endpoint,
    server,
    user: cast,
  });
  if (problem !== null) throw new Error(problem);
  const events = proxy.events.slice(before);
  const rules = events.flatMap((event) => (event.kind === "session-pinned" ? [event.rule] : []));
  const recording = relay.recordings.find(({ login }) => login !== null);
  if (recording === undefined) throw new Error(`${command.join(" ")} did not log in`);
  return { recording, rules };
}

function loginCells({ login }: Recording): string[] {
  const { collation, plugin, flags, attributes } = login!;
  return [String(collation), plugin, flags.join(", "), attributes.join(", ")];
}

function sqlList(commands: readonly string[]): string {
  // What the client for the prompt is told to say where there is nothing to say.
  const told = commands.filter((command) => command !== "DO 0");
  if (told.length === 0) return "nothing";
  return told
    .map((text) => `\`${text.replaceAll("|", "\\|").replaceAll("\n", " ").trim()}\``)
    .join(" · ");
}

function ruleList(...observed: readonly Observed[]): string {
  const rules = new Set(observed.flatMap(({ rules }) => rules));
  return rules.size === 0 ? "no" : [...rules].map((rule) => `\`${rule}\``).join(", ");
}

function fixOf({ driver }: ReadyDriver, connect: Observed, parameters: Observed): string {
  const fixes = [
    ...(connect.rules.length > 0 ? [driver.connectFix ?? "`EXCLUDE_VARIABLE_SETS`"] : []),
    ...(parameters.rules.includes("prepare-binary") ? [driver.fix] : []),
  ];
  return fixes.join("; ");
}

function page(stage: Stage, logins: string[][], statements: string[][]): string {
  const { engine, version } = stage.server;
  const loginHead = ["Driver", "Version", "Collation", "Plugin", "Asks for", "Attributes"];
  const head = [
    "Driver",
    "Sends at connect",
    "Sends for `SELECT ? AS a`",
    "Pins by itself",
    "Pins with a parameter",
    "Fix",
  ];
  return `# Drivers

What drivers send of their own accord, and whether RDS Proxy's rules (see [pinning](pinning.md)) keep their sessions on one
database connection for it. Measured, not copied: \`npm run test:drivers -- --write-docs\` ran each driver with its default
settings through a proxy in front of ${engine} ${version} and wrote this page from what the proxy saw.

A session that pins by itself costs one database connection as long as it is open, whatever the application does.

## What they say

${markdownTable(head, statements)}

The command-line clients have no parameters: theirs are the words typed.

## What they log in with

Without TLS. \`Plugin\` is the login that the driver offers first.

${markdownTable(loginHead, logins)}
`;
}
