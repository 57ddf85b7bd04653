import { appendFileSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Connection, createConnection } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { until } from "../support/until.ts";
import { type UpDocument, UpProcess } from "../support/up-process.ts";

const SMALL = ["--engine", "mariadb", "--instances", "1"];
const TEST_MS = 300_000;

interface StateAnswer {
  readonly targets: readonly { readonly maxConnections: number }[];
}

const started: UpProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((up) => up.discard()));
});

function start(...args: string[]): UpProcess {
  const up = new UpProcess(args);
  started.push(up);
  return up;
}

async function hit(document: UpDocument, path: string): Promise<Record<string, number>> {
  const headers = { accept: "application/json" };
  const response = await fetch(new URL(path, document.webhookUrl), { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  const { paths } = JSON.parse(text) as { paths: { path: string; hits: number }[] };
  return Object.fromEntries(paths.map(({ path: name, hits }) => [name, hits]));
}

async function admin(document: UpDocument, name: string): Promise<unknown> {
  return await (await fetch(`${document.adminUrl}/api/v1/${name}`)).json();
}

function logIn(document: UpDocument, port: number): Promise<Connection> {
  const { proxy, user, password, database } = document;
  const ssl = { ca: readFileSync(proxy.caFile, "utf8"), verifyIdentity: true };
  return createConnection({ host: proxy.host, port, user, password, database, ssl });
}

async function ask(document: UpDocument, port: number, sql: string): Promise<unknown> {
  const connection = await logIn(document, port);
  try {
    const [rows] = await connection.query(sql);
    return (rows as Record<string, unknown>[])[0]?.["answer"];
  } finally {
    connection.destroy();
  }
}

describe.each(ENGINES)("up on %s", (engine) => {
  test(
    "stands the whole system up, and SIGTERM leaves nothing of it",
    async () => {
      const up = start("--json", "--engine", engine);
      const document = await up.ready();
      expect(up.stdout.trim().split("\n")).toHaveLength(1);
      expect(document.cluster.instances.map(({ role }) => role)).toEqual([
        "writer",
        "reader",
        "reader",
      ]);

      expect(await hit(document, "/one")).toEqual({ "/one": 1 });
      expect(await hit(document, "/two")).toEqual({ "/one": 1, "/two": 1 });
      expect(await hit(document, "/one")).toEqual({ "/one": 2, "/two": 1 });
      const page = await (await fetch(new URL("/three", document.webhookUrl))).text();
      for (const path of ["/one", "/two", "/three"]) expect(page).toContain(`<code>${path}</code>`);

      const { proxy, cluster } = document;
      const whoAnswers = "SELECT @@aurora_server_id AS answer";
      const ids = cluster.instances.map(({ id }) => id);
      expect(await ask(document, proxy.port, whoAnswers)).toBe(ids[0]);
      expect(ids.slice(1)).toContain(await ask(document, proxy.readerPort, whoAnswers));

      expect((await fetch(`${document.adminUrl}/readyz`)).status).toBe(200);
      expect(await admin(document, "pins")).toEqual({ pins: [] });
      expect((await fetch(document.consoleUrl ?? "")).status).toBe(200);

      const processes = up.processes();
      for (const { pid } of cluster.instances) expect(processes).toContain(pid);
      expect(processes).toContain(proxy.pid);
      up.child.kill("SIGTERM");
      expect(await up.exit()).toEqual({ code: 0, signal: null });
      await up.untilGone(processes);
    },
    TEST_MS,
  );
});

test(
  "the AWS API hands out the database's secret to the keys that up prints",
  async () => {
    const up = start("--json", "--no-console", ...SMALL);
    const { awsEndpoint, aws, user, password, consoleUrl } = await up.ready();
    const { region, accessKeyId, secretAccessKey, secretArn } = aws;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new SecretsManagerClient({ endpoint: awsEndpoint, region, credentials });
    const secret = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    client.destroy();
    expect(JSON.parse(secret.SecretString ?? "")).toMatchObject({ username: user, password });
    expect(consoleUrl).toBeNull();
  },
  TEST_MS,
);

test(
  "a hit for which the proxy has no database connection is told to come back",
  async () => {
    const up = start("--json", ...SMALL);
    const document = await up.ready();
    const { configFile, port } = document.proxy;
    appendFileSync(configFile, "pool: { maxConnections: 1, connectionBorrowTimeout: 1 }\n");
    await until(
      async () => {
        const { targets } = (await admin(document, "state")) as StateAnswer;
        return targets.length > 0 && targets.every(({ maxConnections }) => maxConnections === 1);
      },
      { what: "the new settings" },
    );
    const holder = await logIn(document, port);
    try {
      await holder.query("BEGIN");
      await holder.query("SELECT 1");
      const response = await fetch(new URL("/late", document.webhookUrl));
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
      await until(() => up.stderr.includes('"errno":9501'), { what: "the reason in the log" });
    } finally {
      holder.destroy();
    }
    expect(await hit(document, "/later")).toEqual({ "/later": 1 });
  },
  TEST_MS,
);

test(
  "killed outright, everything that it had started ends all the same",
  async () => {
    const up = start("--json", ...SMALL);
    await hit(await up.ready(), "/");
    const processes = up.processes();
    up.child.kill("SIGKILL");
    await up.untilGone(processes);
  },
  TEST_MS,
);

test(
  "interrupted while starting, it ends without a complaint and leaves nothing",
  async () => {
    const up = start("--json", ...SMALL);
    await until(() => up.stderr.includes("starting"), {
      what: "the beginning",
      deadlineMs: 60_000,
    });
    up.child.kill("SIGINT");
    expect(await up.exit()).toEqual({ code: 0, signal: null });
    expect(up.stdout).toBe("");
    await up.untilGone([]);
  },
  TEST_MS,
);

test(
  "a start that fails says why and leaves nothing",
  async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await until(() => blocker.listening);
    const { port } = blocker.address() as { port: number };
    try {
      const up = start("--json", "--webhook-port", String(port), ...SMALL);
      expect(await up.exit()).toEqual({ code: 1, signal: null });
      expect(up.stderr).toMatch(new RegExp(`sluice up: .*EADDRINUSE.*${port}`));
      expect(up.stdout).toBe("");
      await up.untilGone([]);
    } finally {
      blocker.close();
    }
  },
  TEST_MS,
);

test(
  "when the proxy dies, everything ends and the exit code says so",
  async () => {
    const up = start("--json", ...SMALL);
    const { proxy } = await up.ready();
    const processes = up.processes();
    process.kill(proxy.pid, "SIGKILL");
    expect(await up.exit()).toEqual({ code: 1, signal: null });
    expect(up.stderr).toContain("the proxy ended with SIGKILL");
    await up.untilGone(processes);
  },
  TEST_MS,
);

test(
  "a data folder keeps hits and password from one run to the next",
  async () => {
    const dataDir = await mkdtemp("/tmp/up-data-");
    try {
      const first = start("--json", "--data-dir", dataDir, ...SMALL);
      const before = await first.ready();
      await hit(before, "/kept");
      first.child.kill("SIGTERM");
      expect((await first.exit()).code).toBe(0);
      await first.untilGone([]);

      const second = start("--json", "--data-dir", dataDir, ...SMALL);
      const after = await second.ready();
      expect(after.password).toBe(before.password);
      expect(await hit(after, "/kept")).toEqual({ "/kept": 2 });
      second.child.kill("SIGTERM");
      expect((await second.exit()).code).toBe(0);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  TEST_MS,
);

test(
  "for people it prints what runs where and what to try",
  async () => {
    const up = start(...SMALL);
    await until(() => up.stdout.includes("Ctrl-C stops everything."), {
      what: "the summary",
      deadlineMs: 240_000,
    });
    const url = /curl (http:\S+)any\/path/.exec(up.stdout)?.[1] ?? "";
    expect((await fetch(`${url}tried?token=1`)).status).toBe(200);
    await until(() => /webhook \| GET \/tried 200 \d+ ms/.test(up.stderr), {
      what: "the access log",
    });
    expect(up.stdout).toMatch(/mysql --host=127\.0\.0\.1 --port=\d+ --user=app --password=\S+ app/);
    expect(up.stdout).toMatch(/http:\S+\/metrics/);
  },
  TEST_MS,
);

test.each([
  ["--proxy-port", "70000"],
  ["--proxy-port", "x"],
  ["--instances", "0"],
  ["--engine", "oracle"],
  ["--nonsense", ""],
])("bad usage is refused at once: %s %s", async (flag, value) => {
  const up = start(flag, value);
  expect((await up.exit()).code).toBe(2);
  expect(up.stderr).toContain(flag);
  expect(up.stdout).toBe("");
});
