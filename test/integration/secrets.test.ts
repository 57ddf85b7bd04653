import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSecretFetcher } from "../../bin/secrets-manager.ts";
import { ControlPlane } from "../../control/index.ts";
import { rows } from "../../local/database-login.ts";
import { quoteText } from "../../local/sql-text.ts";
import { MalformedSecret, type ProxyPorts } from "../../proxy/ports.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { server, type TestServer } from "../support/servers.ts";
import { until } from "../support/until.ts";
import { PretendDatabases, PretendDataPlane } from "../unit/control/pretend-ports.ts";

let endpoint: ControlPlane;
/** Secrets asked for, in order. */
let asked: string[];
let fetchSecret: ProxyPorts["fetchSecret"];
let target: TestServer;
let database: string;

beforeEach(async () => {
  asked = [];
  endpoint = await ControlPlane.start({
    dataPlane: new PretendDataPlane(),
    databases: new PretendDatabases(),
  });
  vi.stubEnv("AWS_ENDPOINT_URL", endpoint.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", endpoint.rootKey.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", endpoint.rootKey.secretAccessKey);
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
  const fetcher = createSecretFetcher({});
  fetchSecret = (arn) => {
    asked.push(nameOf(arn));
    return fetcher(arn);
  };
  target = await server("mysql");
  database = await target.database();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await endpoint.stop();
});

function arnOf(name: string): string {
  return `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;
}

function nameOf(arn: string): string {
  return arn.split(":").at(-1)!.slice(0, -"-AbCdEf".length);
}

function store(name: string, content: unknown): void {
  const { vault } = endpoint;
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const secret = vault.find(name) ?? { ...vault.create(name), arn: arnOf(name) };
  vault.put(secret, { text, binary: null });
}

interface User {
  readonly user: string;
  readonly password: string;
}

/** A user of the database whose password is in a secret of this name. */
async function secretUser(name: string): Promise<User> {
  const made = await target.user({ database });
  store(name, { username: made.user, password: made.password, engine: "mysql", port: 3306 });
  return made;
}

/** The new password in the database and in the secret. */
async function rotate(name: string, { user }: User, password: string): Promise<User> {
  await target.sql(`ALTER USER ${quoteText(user)}@'%' IDENTIFIED BY ${quoteText(password)}`);
  store(name, { username: user, password });
  return { user, password };
}

function proxyWith(
  users: readonly User[],
  auth: readonly Record<string, unknown>[],
  more: {
    readonly clock?: ShiftedClock;
    readonly target?: object;
    ports?: Partial<ProxyPorts>;
  } = {},
): Promise<TestProxy> {
  return startProxy(target, {
    database,
    users,
    clock: more.clock ?? new ShiftedClock(),
    spec: { auth, pool: { connectionBorrowTimeout: 5 }, target: more.target ?? {} },
    ports: { fetchSecret, ...more.ports },
  });
}

/** The server ends every connection of this user. */
async function killBackends({ user }: User): Promise<void> {
  const found = await target.sql(
    `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ${quoteText(user)}`,
  );
  for (const { id } of found) await target.sql(`KILL ${id}`);
}

async function works(proxy: TestProxy, login: User): Promise<void> {
  const client = await proxy.connect(login);
  const [row] = await rows(client, "SELECT CURRENT_USER() AS u");
  expect(row).toEqual({ u: `${login.user}@%` });
  await client.end();
}

async function denied(proxy: TestProxy, login: User): Promise<void> {
  await expect(proxy.connect(login)).rejects.toMatchObject({ errno: 1045 });
}

describe("users whose passwords are in secrets", () => {
  it("log in with what is there, whether the configuration names them or not", async () => {
    const [first, second] = [await secretUser("first"), await secretUser("second")];
    await using proxy = await proxyWith(
      [first, second],
      [{ username: first.user, secretArn: arnOf("first") }, { secretArn: arnOf("second") }],
    );
    await works(proxy, first);
    await works(proxy, second);
    await denied(proxy, { ...first, password: second.password });
    expect(proxy.lines.join("\n")).not.toContain(first.password);
  });

  it.each(["MYSQL_CACHING_SHA2_PASSWORD", "MYSQL_NATIVE_PASSWORD"])(
    "get in with a new password at once, and no more with the old one (%s)",
    async (clientPasswordAuthType) => {
      const clock = new ShiftedClock();
      const old = await secretUser("rotated");
      await using proxy = await proxyWith(
        [old],
        [{ secretArn: arnOf("rotated"), clientPasswordAuthType }],
        { clock },
      );
      await works(proxy, old);
      for (const ssl of [undefined, { rejectUnauthorized: false }]) {
        clock.advance(6_000);
        const next = await rotate("rotated", old, `new word ${ssl === undefined}`);
        await proxy.connect({ ...next, ...(ssl === undefined ? {} : { ssl }) });
        await works(proxy, next);
        await denied(proxy, old);
      }
      expect(proxy.bugs).toEqual([]);
    },
  );

  it("notice nothing when the password is rotated under a session, even where the backends are gone", async () => {
    const old = await secretUser("rotated");
    await using proxy = await proxyWith([old], [{ secretArn: arnOf("rotated") }]);
    const client = await proxy.connect();
    await rows(client, "SELECT 1");
    const next = await rotate("rotated", old, "after the rotation");
    await killBackends(old);
    await until(() => proxy.backends === 0);
    expect(await rows(client, "SELECT 2 AS two")).toEqual([{ two: 2 }]);
    await works(proxy, next);
    await denied(proxy, old);
  });

  it("are denied with the old password after the schedule, though nobody has tried the new one", async () => {
    const clock = new ShiftedClock();
    const old = await secretUser("rotated");
    await using proxy = await proxyWith([old], [{ secretArn: arnOf("rotated") }], { clock });
    const client = await proxy.connect();
    const next = await rotate("rotated", old, "after the rotation");
    await works(proxy, old);
    const before = asked.length;
    clock.advance(300_000);
    await until(() => asked.length > before);
    await until(() =>
      proxy.connect(old).then(
        () => false,
        () => true,
      ),
    );
    await works(proxy, next);
    // Who is in stays in, over a backend under the new password.
    expect(await rows(client, "SELECT 2 AS two")).toEqual([{ two: 2 }]);
  });

  it("cannot be made to read secrets over and over, and unknown users read as much as known ones", async () => {
    const clock = new ShiftedClock();
    const known = await secretUser("only");
    await using proxy = await proxyWith([known], [{ secretArn: arnOf("only") }], { clock });
    for (const user of [known.user, "nobody"]) {
      clock.advance(6_000);
      asked = [];
      const attempts = Array.from({ length: 20 }, () => denied(proxy, { user, password: "wrong" }));
      await Promise.all(attempts);
      await denied(proxy, { user, password: "wrong" });
      expect(asked, user).toEqual(["only"]);
    }
    await works(proxy, known);
  });

  it("are denied in time where their secret cannot be read again", async () => {
    const known = await secretUser("stuck");
    let stuck = false;
    await using proxy = await proxyWith([known], [{ secretArn: arnOf("stuck") }], {
      ports: { fetchSecret: (arn) => (stuck ? new Promise(() => {}) : fetchSecret(arn)) },
    });
    stuck = true;
    await denied(proxy, { ...known, password: "wrong" });
    await works(proxy, known);
  });
});

describe("a secret that is no good", () => {
  it("keeps its user out and nobody else; the log says why in RDS Proxy's words", async () => {
    const good = await secretUser("good");
    const lost = await target.user({ database });
    const twice = await secretUser("twice");
    store("again", { username: twice.user, password: twice.password });
    store("text", "no JSON, hunter2");
    store("other", { username: "somebody", password: "else" });
    await using proxy = await proxyWith(
      [good],
      [
        { secretArn: arnOf("good") },
        { username: lost.user, secretArn: arnOf("missing") },
        { username: "malformed", secretArn: arnOf("text") },
        { username: "mismatched", secretArn: arnOf("other") },
        { secretArn: arnOf("twice") },
        { secretArn: arnOf("again") },
      ],
    );
    await works(proxy, good);
    for (const user of [lost.user, "malformed", "mismatched", "somebody", twice.user])
      await denied(proxy, { user, password: user === twice.user ? twice.password : "else" });
    const log = proxy.lines.filter((line) => line.includes("Credentials couldn't be retrieved."));
    const arn = (name: string) => `"${arnOf(name)}"`;
    expect(log.join("\n")).toMatch(
      `The AWS Secrets Manager secret with the ARN ${arn("missing")} can't be read: Secrets Manager can't find the specified secret.`,
    );
    expect(log.join("\n")).toMatch(
      `secret with the ARN ${arn("text")} can't be used: the secret is not JSON with the texts username and password`,
    );
    expect(log.join("\n")).toMatch(`secret with the ARN ${arn("other")} can't be used`);
    expect(log.join("\n")).toMatch(
      `The database user "${twice.user}" was found in multiple DB proxy authentication entries.`,
    );
    expect(log.join("\n")).not.toContain("hunter2");
    expect(proxy.lines.join("\n")).toContain("The credentials of this user couldn't be retrieved.");
  });

  it("lets its user in once it can be read", async () => {
    const clock = new ShiftedClock();
    const good = await secretUser("good");
    const late = await target.user({ database });
    await using proxy = await proxyWith(
      [good, late],
      [{ secretArn: arnOf("good") }, { secretArn: arnOf("late") }],
      { clock },
    );
    await denied(proxy, late);
    store("late", { username: late.user, password: late.password });
    asked = [];
    clock.advance(15_000);
    await until(() => asked.length > 0);
    // The others are not asked for that often.
    expect(asked).toEqual(["late"]);
    await until(() => proxy.connect(late).then(() => true));
  });

  it("that could be read before leaves its user as it was, over reloads too", async () => {
    const clock = new ShiftedClock();
    const good = await secretUser("good");
    await using proxy = await proxyWith([good], [{ secretArn: arnOf("good") }], { clock });
    const client = await proxy.connect();
    await endpoint.stop();
    clock.advance(300_000);
    await until(() => proxy.lines.some((line) => line.includes("can't be read")));
    await proxy.apply({});
    await works(proxy, good);
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(proxy.bugs).toEqual([]);
  });

  it("that becomes malformed keeps its user out at the next reload", async () => {
    const good = await secretUser("good");
    await using proxy = await proxyWith([good], [{ secretArn: arnOf("good") }], {
      ports: {
        fetchSecret: async (arn) => {
          const secret = await fetchSecret(arn);
          if (secret.password === "") throw new MalformedSecret("empty");
          return secret;
        },
      },
    });
    const client = await proxy.connect();
    store("good", { username: good.user, password: "" });
    await proxy.apply({});
    await denied(proxy, good);
    await expect(client.query("SELECT 1")).rejects.toThrow();
    expect(proxy.lines.join("\n")).toContain("The user was removed from the configuration.");
  });
});

describe("the monitor's secret", () => {
  it("is read again when the server refuses what it held", async () => {
    const clock = new ShiftedClock();
    const app = await secretUser("app");
    const watcher = await secretUser("watcher");
    await using proxy = await proxyWith([app], [{ secretArn: arnOf("app") }], {
      clock,
      target: {
        monitor: { secretArn: arnOf("watcher"), username: watcher.user, password: undefined },
      },
    });
    await rotate("watcher", watcher, "another word");
    await killBackends(watcher);
    const state = () => proxy.view.state(0).targets[0]?.state;
    await until(() => state() === "UNAVAILABLE");
    clock.advance(10_000);
    await until(() => state() === "AVAILABLE");
    expect(proxy.bugs).toEqual([]);
  });
});
