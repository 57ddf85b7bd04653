import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import mysql from "mysql2/promise";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { quoteText } from "../../local/sql-text.ts";
import type { SpecOverrides } from "../support/proxy.ts";
import { ServedFile } from "../support/served-file.ts";
import { server, type TestServer } from "../support/servers.ts";
import { until } from "../support/until.ts";

let target: TestServer;
let login: { user: string; password: string; database: string };

beforeAll(async () => {
  target = await server("mysql");
  const database = await target.database();
  login = { ...(await target.user({ database })), database };
  await target.sql(`CREATE TABLE ${database}.t (n INT)`);
});

function config(): SpecOverrides {
  return {
    endpoints: [{ name: "default", port: 0 }],
    auth: [{ username: login.user, password: { value: login.password } }],
    target: { hosts: [`${target.host}:${target.port}`], tls: "DISABLED" },
    admin: { port: 0 },
  };
}

async function connectionsAtServer(): Promise<number> {
  const [row] = await target.sql(
    `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = ${quoteText(login.user)}`,
  );
  return Number(row?.["n"]);
}

async function refuses(port: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  expect(await once(socket, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
}

describe("after the first signal", () => {
  it("nobody new is taken, idle sessions end, transactions come to their end, and so does the proxy", async () => {
    await using served = await ServedFile.start(config());
    const port = await served.port();
    const idle = await served.connect(login);
    const pinned = await served.connect(login);
    await pinned.query("SET @x = 1");
    const busy = await served.connect(login);
    await busy.query("BEGIN");
    await busy.query("INSERT INTO t VALUES (1)");
    const running = await served.connect(login);
    const answer = rows(running, "SELECT SLEEP(0.7) AS slept");
    await until(async () =>
      (await served.state()).sessions.some(({ state }) => state === "running"),
    );
    served.signals.emit("SIGTERM");
    const readiness = await served.get("/readyz");
    expect([readiness.status, await readiness.json()]).toEqual([
      503,
      { ready: false, reason: "draining" },
    ]);
    await refuses(port);
    expect(await answer).toEqual([{ slept: 0 }]);
    await until(async () => (await served.state()).sessionsTotal === 1);
    for (const client of [idle, pinned, running])
      await expect(client.query("SELECT 1")).rejects.toThrow();
    expect((await served.state()).draining).toBe(true);
    await busy.query("INSERT INTO t VALUES (2)");
    await busy.query("COMMIT");
    await served.ended;
    expect(await target.sql(`SELECT n FROM ${login.database}.t ORDER BY n`)).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
    expect(served.lines.join("\n")).toMatch(
      /accepts no new clients\. 4 sessions have 60 s to end\./,
    );
    expect(served.lines.at(-1)).toContain("The proxy stopped.");
    await until(async () => (await connectionsAtServer()) === 0);
    await expect(served.get("/healthz")).rejects.toThrow();
  });

  it("who takes longer than the time given is cut off, and nothing of it runs on at the server", async () => {
    await using served = await ServedFile.start(config());
    const client = await served.connect(login);
    const slow = client.query("SELECT SLEEP(300)").then(
      () => null,
      (error) => error,
    );
    await until(async () => (await connectionsAtServer()) > 0);
    await until(async () =>
      (await served.state()).sessions.some(({ state }) => state === "running"),
    );
    served.signals.emit("SIGINT");
    await until(async () => (await served.get("/readyz")).status === 503);
    expect((await served.state()).sessionsTotal).toBe(1);
    served.clock.advance(61_000);
    await served.ended;
    expect(await slow).toMatchObject({ code: "PROTOCOL_CONNECTION_LOST" });
    expect(served.lines.at(-1)).toContain("The proxy stopped and cut 1 sessions off.");
    await until(async () => (await connectionsAtServer()) === 0);
  });
});

describe("the second signal", () => {
  it("stops at once", async () => {
    await using served = await ServedFile.start(config());
    const client = await served.connect(login);
    await client.query("BEGIN");
    await client.query("SELECT * FROM t");
    served.signals.emit("SIGTERM");
    await until(async () => (await served.get("/readyz")).status === 503);
    served.signals.emit("SIGTERM");
    await served.ended;
    await expect(client.query("SELECT 1")).rejects.toThrow();
    await until(async () => (await connectionsAtServer()) === 0);
  });
});

describe("the process of a proxy", () => {
  const root = join(import.meta.dirname, "../..");
  let child: ChildProcess | null = null;
  let folder = "";

  afterEach(async () => {
    child?.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  async function start(
    spec: SpecOverrides,
  ): Promise<{ process: ChildProcess; said: () => string }> {
    folder = await mkdtemp(join(tmpdir(), "sluice-drain-"));
    const file = join(folder, "proxy.json");
    await writeFile(file, JSON.stringify(spec));
    const loader = join(root, "node_modules/tsx/dist/loader.mjs");
    const args = ["--import", loader, join(root, "bin/serve.ts"), file, "--json", "--drain", "60"];
    const started = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    let said = "";
    started.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    return { process: started, said: () => said };
  }

  it.each([
    ["one signal, when the last transaction has ended", ["SIGTERM"]],
    ["two signals, at once", ["SIGINT", "SIGTERM"]],
  ] as const)("ends with 0 on %s", async (_what, signals) => {
    const { process: proxy } = await start(config());
    const lines = createInterface({ input: proxy.stdout! });
    const ready = JSON.parse(String((await once(lines, "line"))[0]));
    await until(async () => (await fetch(`${ready.adminUrl}/readyz`)).ok);
    const { port } = ready.endpoints[0];
    const client = await mysql.createConnection({ host: "127.0.0.1", port, ...login });
    client.on("error", () => {});
    await client.query("BEGIN");
    await client.query("SELECT * FROM t");
    const exit = once(proxy, "exit");
    for (const signal of signals) {
      proxy.kill(signal);
      // The second one must not come before the first has been heard.
      if (signal === signals[0])
        await until(async () => (await fetch(`${ready.adminUrl}/readyz`)).status === 503);
    }
    if (signals.length === 1) {
      expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      await client.query("COMMIT");
    }
    expect(await exit).toEqual([0, null]);
    client.destroy();
    await until(async () => (await connectionsAtServer()) === 0);
  });

  it("ends with 1 where an address is taken, and with 2 where the file is wrong, naming line and key", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    for (const [over, code, words] of [
      [
        { endpoints: [{ name: "default", port }] },
        1,
        /:1:\d+: endpoints\[0\]\.port: listen EADDRINUSE/,
      ],
      [
        { tls: { certFile: "a", keyFile: "b" } },
        2,
        /:1:\d+: tls\.certFile: The file a cannot be read/,
      ],
      [{ pool: { maxConnections: 0 } }, 2, /:1:\d+: pool\.maxConnections: must be at least 1/],
    ] as const) {
      const { process: proxy, said } = await start({ ...config(), ...over });
      expect(await once(proxy, "close")).toEqual([code, null]);
      expect(said()).toMatch(words);
      await rm(folder, { recursive: true, force: true });
    }
    taken.close();
  });
});
