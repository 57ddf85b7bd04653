import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import type { Connection } from "mysql2/promise";
import { beforeAll, describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { quoteText } from "../../local/sql-text.ts";
import { makeCa } from "../../proxy/index.ts";
import type { SpecOverrides } from "../support/proxy.ts";
import { ServedFile } from "../support/served-file.ts";
import { server, type TestServer } from "../support/servers.ts";
import { tlsHandshake } from "../support/tls-handshake.ts";
import { until } from "../support/until.ts";

interface User {
  readonly user: string;
  readonly password: string;
}

let target: TestServer;
let database: string;
let first: User;
let second: User;

beforeAll(async () => {
  target = await server("mysql");
  database = await target.database();
  first = await target.user({ database });
  second = await target.user({ database });
  await target.sql(`CREATE TABLE ${database}.t (n INT)`);
});

const entry = ({ user, password }: User) => ({ username: user, password: { value: password } });

/** A configuration with these changes. */
function config(over: SpecOverrides = {}): SpecOverrides {
  return {
    endpoints: [{ name: "default", port: 0 }],
    auth: [entry(first)],
    admin: { port: 0 },
    ...over,
    target: {
      hosts: [`${target.host}:${target.port}`],
      tls: "DISABLED",
      monitor: { username: "monitor", password: { value: target.password } },
      ...(over["target"] as object),
    },
  };
}

/** A session in a transaction that has already done something, which no reload may end. */
class Witness {
  readonly client: Connection;

  private constructor(client: Connection) {
    this.client = client;
  }

  static async in(served: ServedFile, login: User = first): Promise<Witness> {
    const client = await served.connect({ ...login, database });
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");
    return new Witness(client);
  }

  async isUnharmed(): Promise<void> {
    const [row] = await rows(this.client, "SELECT COUNT(*) AS n FROM t");
    expect(row).toEqual({ n: 1 });
    await this.client.query("ROLLBACK");
    await this.client.query("BEGIN");
    await this.client.query("INSERT INTO t VALUES (1)");
  }
}

describe("a reload, live and without harm to a transaction", () => {
  it("changes the pool's cap, closes what is beyond it, and changes the borrow timeout of who waits", async () => {
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    const others = await Promise.all([1, 2, 3].map(() => served.connect({ ...first, database })));
    await Promise.all(others.map((client) => client.query("DO SLEEP(0.1)")));
    const cap = async () => (await served.state()).targets[0]?.maxConnections;
    const open = async () => (await served.state()).pools.reduce((sum, pool) => sum + pool.open, 0);
    expect([await cap(), await open()]).toEqual([2_000, 4]);
    const pool = { maxConnections: 1, connectionBorrowTimeout: 300 };
    expect(await served.reload(config({ pool }))).toMatch(/Changed: .*pool\.maxConnections now/);
    expect(await cap()).toBe(1);
    await until(async () => (await open()) === 1);
    const waiting = others[0]!.query("SELECT 1").then(
      () => null,
      (error) => error,
    );
    await until(async () => (await served.state()).waiters.some(({ count }) => count === 1));
    await served.reload(config({ pool: { ...pool, connectionBorrowTimeout: 1 } }));
    expect(await waiting).toMatchObject({ errno: 9501 });
    await served.reload(config({ pool: { maxConnectionsPercent: 1 } }));
    expect(await cap()).toBe(20);
    expect(await rows(others[0]!, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await witness.isUnharmed();
  });

  it("changes the idle timeout for who is connected", async () => {
    await using served = await ServedFile.start(config());
    const client = await served.connect({ ...first, database });
    served.clock.advance(600_000);
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(await served.reload(config({ idleClientTimeout: 60 }))).toContain(
      "idleClientTimeout now",
    );
    const witness = await Witness.in(served);
    served.clock.advance(61_000);
    await until(async () => (await served.state()).sessionsTotal === 0);
    await expect(client.query("SELECT 1")).rejects.toThrow();
    await expect(witness.client.query("SELECT 1")).rejects.toThrow();
    expect(served.lines.join("\n")).toContain("idle for longer than the idle client timeout");
  });

  it("changes the pinning filters and the init query", async () => {
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    const client = await served.connect({ ...first, database });
    await client.query("SET SESSION foreign_key_checks = 1");
    const pinned = async () =>
      (await served.state()).sessions.filter(({ state }) => state === "pinned");
    expect(await pinned()).toHaveLength(1);
    const filters = { sessionPinningFilters: ["EXCLUDE_VARIABLE_SETS"] };
    await served.reload(
      config({ pool: { ...filters, initQuery: "SET SESSION div_precision_increment = 7" } }),
    );
    expect(await pinned()).toHaveLength(1);
    const other = await served.connect({ ...first, database });
    await other.query("SET SESSION foreign_key_checks = 1");
    expect(await pinned()).toHaveLength(1);
    expect(await rows(other, "SELECT @@div_precision_increment AS n")).toEqual([{ n: 7 }]);
    // Who has a backend keeps it as it is.
    expect(await rows(client, "SELECT @@div_precision_increment AS n")).toEqual([{ n: 4 }]);
    await witness.isUnharmed();
    await witness.client.query("COMMIT");
    await witness.client.query("DELETE FROM t");
    expect(await rows(witness.client, "SELECT @@div_precision_increment AS n")).toEqual([{ n: 7 }]);
  });

  it("adds users, changes passwords and removes users with their sessions", async () => {
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    await expect(served.connect({ ...second, database })).rejects.toMatchObject({ errno: 1045 });
    await served.reload(config({ auth: [entry(first), entry(second)] }));
    const added = await served.connect({ ...second, database });
    expect(await rows(added, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    const changed = { user: second.user, password: "changed in both" };
    await target.sql(
      `ALTER USER ${quoteText(changed.user)}@'%' IDENTIFIED BY ${quoteText(changed.password)}`,
    );
    await served.reload(config({ auth: [entry(first), entry(changed)] }));
    await expect(served.connect({ ...second, database })).rejects.toMatchObject({ errno: 1045 });
    await served.connect({ ...changed, database });
    expect(await rows(added, "SELECT 2 AS two")).toEqual([{ two: 2 }]);
    await served.reload(config());
    await expect(served.connect({ ...changed, database })).rejects.toMatchObject({ errno: 1045 });
    await expect(added.query("SELECT 1")).rejects.toThrow();
    await until(async () =>
      (await served.state()).pools.every(({ user }) => user !== changed.user),
    );
    await witness.isUnharmed();
    second = changed;
  });

  it("asks for TLS from the next session on, with the certificate that is there then", async () => {
    const ca = makeCa({ commonName: "an authority", days: 2, now: new Date() });
    const issue = (commonName: string) =>
      ca.issue({ commonName, altNames: ["127.0.0.1"], days: 2, now: new Date() });
    const [one, two] = [issue("one"), issue("two")];
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    const ssl = { ca: ca.cert };
    await expect(served.connect({ ...first, database, ssl })).rejects.toThrow(/certificate/);
    await served.write("cert.pem", one.cert);
    await served.write("key.pem", one.key);
    const tls = { certFile: "cert.pem", keyFile: "key.pem" };
    await served.reload(config({ tls, requireTLS: true }));
    const secure = await served.connect({ ...first, database, ssl });
    await expect(served.connect({ ...first, database })).rejects.toMatchObject({ errno: 3159 });
    const port = await served.port();
    const shown = async () => {
      const socket = await tlsHandshake({ host: "127.0.0.1", port });
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    expect(await shown()).toBe("one");
    // The same names, other files: only SIGHUP tells.
    await served.write("cert.pem", two.cert);
    await served.write("key.pem", two.key);
    expect(await served.reload()).toContain("Nothing changed.");
    expect(await shown()).toBe("two");
    await served.write("key.pem", one.key);
    expect(await served.reload()).toMatch(
      /proxy\.json:\d+:\d+: tls\.certFile: cannot be used with its key/,
    );
    expect(await shown()).toBe("two");
    expect(await rows(secure, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await witness.isUnharmed();
  });

  it("reads password files again on SIGHUP", async () => {
    const auth = [{ username: first.user, password: { file: "word" } }];
    await using served = await ServedFile.start(config({ auth }), { word: `${first.password}\n` });
    const witness = await Witness.in(served);
    await served.write("word", "another\n");
    await served.reload();
    await expect(served.connect({ ...first, database })).rejects.toMatchObject({ errno: 1045 });
    await served.write("word", first.password);
    await served.reload();
    await served.connect({ ...first, database });
    await witness.isUnharmed();
  });

  it("adds, moves, renames and removes endpoints; their sessions stay", async () => {
    const fixed = await freePort();
    const base = { name: "default", port: 0 };
    await using served = await ServedFile.start(config({ endpoints: [base] }));
    const witness = await Witness.in(served);
    const before = await served.port();
    await served.reload(config({ endpoints: [base, { name: "second", port: fixed }] }));
    expect(await served.port()).toBe(before);
    const client = await served.connect({ ...first, database, port: fixed });
    const reader = { name: "readers", targetRole: "READ_ONLY", port: fixed };
    await served.reload(config({ endpoints: [base, reader] }));
    // Who came in by the writing endpoint writes on; who comes now reads.
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    const now = await served.connect({ ...first, port: fixed });
    await expect(now.query("SELECT 1")).rejects.toMatchObject({ errno: 1105 });
    const names = async () => {
      const text = await (await served.get("/metrics")).text();
      return [...text.matchAll(/sluice_client_connections\{.*endpoint_name="([^"]+)"/g)].map(
        ([, n]) => n,
      );
    };
    expect((await names()).sort()).toEqual(["default", "readers", "second"]);
    await served.reload(config({ endpoints: [base] }));
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(served.connect({ ...first, port: fixed })).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    for (const each of [client, now]) each.destroy();
    await until(async () => (await names()).join() === "default");
    await witness.isUnharmed();
  });

  it("adds and removes target hosts", async () => {
    // The same server by another name is another target.
    const [host, again] = [`${target.host}:${target.port}`, `localhost:${target.port}`];
    const endpoints = [
      { name: "default", port: 0 },
      { name: "reader", targetRole: "READ_ONLY", port: 0 },
    ];
    await using served = await ServedFile.start(config({ endpoints }));
    const witness = await Witness.in(served);
    await served.reload(config({ endpoints, target: { hosts: [host, again] } }));
    const client = await served.connect({ ...first, database, port: await served.port("reader") });
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await until(async () =>
      (await served.state()).targets.every(({ state }) => state === "AVAILABLE"),
    );
    expect((await served.state()).targets).toMatchObject([
      { id: host, role: "READ_WRITE" },
      { id: again, role: "READ_ONLY" },
    ]);
    await served.reload(config({ endpoints, target: { hosts: [host] } }));
    expect((await served.state()).targets.map(({ id }) => id)).toEqual([host]);
    await until(async () => !(await (await served.get("/metrics")).text()).includes(again));
    expect(served.lines.join("\n")).toContain(`The target ${again} left the target group.`);
    await witness.isUnharmed();
  });

  it("changes how servers are watched", async () => {
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    const state = async () => (await served.state()).targets[0];
    const monitor = { username: "monitor", password: { value: "wrong" } };
    await served.reload(config({ target: { monitor } }));
    await until(async () => (await state())?.reason === "AUTH_FAILURE");
    await witness.isUnharmed();
    await served.reload(config({ target: { monitor: { interval: 100, timeout: 400 } } }));
    await until(async () => (await state())?.state === "AVAILABLE");
    await served.reload(config({ target: { tls: "VERIFY_CA", caFile: target.caFile } }));
    await until(async () => (await state())?.state === "AVAILABLE");
    const client = await served.connect({ ...first, database });
    expect((await rows(client, "SHOW SESSION STATUS LIKE 'Ssl_cipher'"))[0]?.["Value"]).not.toBe(
      "",
    );
    await witness.isUnharmed();
  });

  it("turns debug logging on, which ends by itself after 24 hours", async () => {
    await using served = await ServedFile.start(config());
    const client = await served.connect({ ...first, database });
    const digests = () => served.lines.filter((line) => line.includes("Digest:")).length;
    await client.query("SELECT 'a secret' AS w");
    expect(digests()).toBe(0);
    await served.reload(config({ debugLogging: true }));
    await client.query("SELECT 'a secret' AS w");
    expect(served.lines.at(-1)).toMatch(
      /\[DEBUG\] \[proxyEndpoint=default\] \[clientConnection=\d+\] A statement took \d+ µs\. Digest: "SELECT \? AS `w` \."\./,
    );
    const ended = () => served.lines.filter((line) => line.includes("turned off 24 hours after"));
    served.clock.advance(12 * 3_600_000);
    const soon = await served.connect({ ...first, database });
    const before = digests();
    await soon.query("SELECT 1");
    expect([digests() - before, ended().length]).toEqual([1, 0]);
    served.clock.advance(12 * 3_600_000);
    await until(() => ended().length === 1);
    // A reload that says the same does not turn it on again; off and on does.
    await served.reload(config({ debugLogging: true, idleClientTimeout: 100 }));
    const later = await served.connect({ ...first, database });
    const off = digests();
    await later.query("SELECT 1");
    expect(digests()).toBe(off);
    await served.reload(config());
    await served.reload(config({ debugLogging: true }));
    await later.query("SELECT 1");
    expect(digests()).toBe(off + 1);
    expect(served.lines.join("\n")).not.toContain("a secret");
  });
});

describe("a reload that cannot be", () => {
  it.each([
    ["an unknown key", { idleTimeout: 1 }, /proxy\.json:\d+:\d+: idleTimeout: /],
    [
      "a value out of range",
      { idleClientTimeout: 0 },
      /proxy\.json:\d+:\d+: idleClientTimeout: must be at least 1/,
    ],
    [
      "a password that is not there",
      { auth: [{ username: "a", password: { env: "NO_SUCH_VARIABLE" } }] },
      /auth\[0\]\.password\.env: The environment variable NO_SUCH_VARIABLE is not set/,
    ],
    [
      "a certificate that is not there",
      { tls: { certFile: "no.pem", keyFile: "no.pem" } },
      /proxy\.json:\d+:\d+: tls\.certFile: The file no\.pem cannot be read: ENOENT/,
    ],
    [
      "an authority that is not there",
      { target: { tls: "VERIFY_CA", caFile: "no.pem" } },
      /proxy\.json:\d+:\d+: target\.caFile: The file no\.pem cannot be read: ENOENT/,
    ],
  ])("for %s is refused whole, with file, line and key", async (_what, over, words) => {
    await using served = await ServedFile.start(config());
    const witness = await Witness.in(served);
    const outcome = await served.reload(config({ pool: { maxConnections: 7 }, ...over }));
    expect(outcome).toContain(
      "[ERROR] The changed configuration was refused and the old one stays: ",
    );
    expect(outcome).toMatch(words);
    expect((await served.state()).targets[0]?.maxConnections).toBe(2_000);
    await served.connect({ ...first, database });
    await witness.isUnharmed();
    expect(await served.reload(config({ pool: { maxConnections: 7 } }))).toContain("Changed:");
    expect((await served.state()).targets[0]?.maxConnections).toBe(7);
  });

  it("for an address that is taken is refused whole, and leaves no listener", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const free = await freePort();
    await using served = await ServedFile.start(config());
    const endpoints = [
      { name: "default", port: 0 },
      { name: "new", port: free },
      { name: "impossible", port },
    ];
    const outcome = await served.reload(config({ endpoints, auth: [entry(second)] }));
    expect(outcome).toMatch(/endpoints\[2\]\.port: listen EADDRINUSE/);
    await served.connect({ ...first, database });
    const socket = connectSocket({ host: "127.0.0.1", port: free });
    expect(await once(socket, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    taken.close();
  });

  it("is noticed without a signal, as are good ones", async () => {
    await using served = await ServedFile.start(config());
    const text = await readFile(served.file, "utf8");
    expect(await served.outcomeOf(() => served.write("proxy.json", `${text},`))).toMatch(
      /\[ERROR\].*refused.*proxy\.json:\d+:\d+: /,
    );
    const good = JSON.stringify(config({ idleClientTimeout: 77 }));
    expect(await served.outcomeOf(() => served.write("proxy.json", good))).toContain(
      "idleClientTimeout now",
    );
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
