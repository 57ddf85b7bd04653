/**
 * `npm run test:mysql2-suite -- PATH`: the test suite of mysql2, from a checkout of its repository, directly at a server and
 * through the proxy. It may show no failure through the proxy that it does not show directly, unless RDS Proxy differs there
 * (mysql2-suite-allowed.ts). `--engine mysql|mariadb` (mysql); `--tls`: clients use TLS.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { runOrThrow, runProgram } from "../../local/program.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestServer } from "../support/servers.ts";
import { ALLOWED } from "./mysql2-suite-allowed.ts";
import { startRealServers } from "./real-servers.ts";

const USAGE = "usage: npm run test:mysql2-suite -- PATH [--engine mysql|mariadb] [--tls]";
const SUITE_MS = 1_200_000;
const FILE_MS = 120_000;
const DATABASE = "test";
/** Whom the suite creates and changes to: a proxy must know its users beforehand. */
const SUITE_USERS = [
  { user: "changeuser1", password: "changeuser1pass" },
  { user: "changeuser2", password: "changeuser2pass" },
  { user: "pooluser1", password: "pooluser1pass" },
];

interface Suite {
  readonly path: string;
  readonly tls: boolean;
  readonly server: TestServer;
}

interface Outcome {
  readonly passed: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
  readonly said: string;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function environment({ tls, server }: Suite, { host, port }: Target): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CI: "1", // Without it the suite logs in without a password.
    MYSQL_HOST: host,
    MYSQL_PORT: String(port),
    MYSQL_USER: "root",
    MYSQL_PASSWORD: server.password,
    MYSQL_DATABASE: DATABASE,
    MYSQL_USE_TLS: tls ? "1" : "0",
  };
}

async function runSuite(suite: Suite, target: Target): Promise<Outcome> {
  await suite.server.sql(`DROP DATABASE IF EXISTS ${DATABASE}`);
  await suite.server.sql(`CREATE DATABASE ${DATABASE}`);
  const { stdout, stderr } = await runProgram([join(suite.path, "node_modules/.bin/poku")], {
    cwd: suite.path,
    env: environment(suite, target),
    timeoutMs: SUITE_MS,
  });
  const said = stripVTControlCharacters(`${stdout}${stderr}`);
  const files = (word: string) =>
    new Set([...said.matchAll(new RegExp(`^\\s*${word}\\s+(test/\\S+)`, "gm"))].map((m) => m[1]!));
  return { passed: files("PASS"), failed: files("FAIL"), said };
}

/** Whether a test fails when nothing else runs: deadlines are missed on a busy machine. */
async function failsAlone(suite: Suite, target: Target, file: string): Promise<boolean> {
  const { code } = await runProgram([process.execPath, "--import", "tsx", join(suite.path, file)], {
    cwd: suite.path,
    env: environment(suite, target),
    timeoutMs: FILE_MS,
  });
  return code !== 0;
}

async function differences(
  suite: Suite,
  direct: Outcome,
  proxied: Outcome,
  proxy: Target,
): Promise<string[]> {
  const files = [...proxied.failed].filter((file) => !direct.failed.has(file));
  for (const file of direct.passed) {
    if (!proxied.passed.has(file) && !proxied.failed.has(file)) files.push(file);
  }
  const again = await Promise.all(files.map((file) => failsAlone(suite, proxy, file)));
  return files.filter((file, i) => {
    if (!again[i]) say(`only while the others ran: ${file}`);
    return again[i];
  });
}

function list(title: string, files: Iterable<string>): void {
  const all = [...files].sort();
  say(`${title}: ${all.length === 0 ? "none" : ""}`);
  for (const file of all) say(`  ${file}`);
}

async function compare(suite: Suite): Promise<number> {
  const { server } = suite;
  const root = { user: "root", password: server.password };
  say(`the suite directly at ${server.engine} ${server.version}`);
  const direct = await runSuite(suite, server);
  if (direct.passed.size === 0) throw new Error(`the suite does not run here:\n${direct.said}`);
  await using proxy = await startProxy(server, {
    users: [root, ...SUITE_USERS],
    database: DATABASE,
    spec: {
      tls: {
        certFile: join(dirname(server.caFile), "server-cert.pem"),
        keyFile: join(dirname(server.caFile), "server-key.pem"),
      },
    },
  });
  say("the suite through the proxy");
  const proxied = await runSuite(suite, proxy);
  const different = await differences(suite, direct, proxied, proxy);
  const allowed = different.flatMap((file) => ALLOWED.filter((each) => each.file === file));
  const wrong = different.filter((file) => !ALLOWED.some((each) => each.file === file));
  list("\nfailures directly", direct.failed);
  list("failures through the proxy", proxied.failed);
  list(
    "allowed",
    allowed.map(({ file, reason }) => `${file}: ${reason}`),
  );
  list("failures of the proxy", wrong);
  for (const file of wrong) say(`\n${excerpt(proxied.said, file)}`);
  for (const bug of proxy.bugs) say(`defect of the proxy: ${JSON.stringify(bug)}`);
  const failed = wrong.length + proxy.bugs.length;
  say(`\n${proxied.passed.size} passed, ${failed} failed, ${allowed.length} allowed`);
  return failed === 0 ? 0 : 1;
}

/** What the suite's summary says of one file. */
function excerpt(said: string, file: string): string {
  const at = said.lastIndexOf(file);
  return at < 0
    ? file
    : said
        .slice(at, at + 2_000)
        .split(/\n\d+\) /)[0]!
        .trim();
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      engine: { type: "string", default: "mysql" },
      tls: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const path = resolve(positionals[0] ?? "");
  const manifest = await readFile(join(path, "package.json"), "utf8").catch(() => "{}");
  if ((JSON.parse(manifest) as { name?: string }).name !== "mysql2" || positionals.length !== 1) {
    say(`${USAGE}\nPATH is a checkout of mysql2's repository`);
    return 2;
  }
  if (!existsSync(join(path, "node_modules/.bin/poku"))) {
    say("npm ci in the checkout");
    await runOrThrow(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
      cwd: path,
      timeoutMs: SUITE_MS,
    });
  }
  const real = await startRealServers();
  try {
    const server = real.servers.find(({ engine }) => engine === values.engine);
    if (server === undefined) throw new Error(`there is no ${values.engine} server`);
    return await compare({ path, tls: values.tls, server });
  } finally {
    await real.stop();
  }
}

process.exitCode = await main();
