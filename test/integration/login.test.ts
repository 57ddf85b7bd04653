import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import * as mariadb from "mariadb";
import { describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeChangeUser } from "../../proxy/wire/change-user.ts";
import { encodeSslRequest } from "../../proxy/wire/login.ts";
import { framePacket } from "../../proxy/wire/writer.ts";
import { ShiftedClock, startProxy, type TestProxy } from "../support/proxy.ts";
import { RawClient } from "../support/raw-client.ts";
import { LOGIN_CAPABILITIES, type LoginTrace, rawLogin } from "../support/raw-login.ts";
import { server } from "../support/servers.ts";
import { until } from "../support/until.ts";

const NATIVE = "mysql_native_password";
const SHA2 = "caching_sha2_password";
const TYPES = ["MYSQL_CACHING_SHA2_PASSWORD", "MYSQL_NATIVE_PASSWORD"] as const;

/** First byte of each payload, and AuthMoreData's marker: the shape of an exchange. */
function shapeOf({ received }: LoginTrace): string[] {
  return received.map((payload) => {
    if (payload[0] === 0xfe)
      return `switch ${payload.toString("latin1", 1, payload.indexOf(0, 1))}`;
    if (payload[0] === 0x01) return payload.length === 2 ? `more ${payload[1]}` : "key";
    return payload[0] === 0 ? "ok" : "error";
  });
}

const NOTHING = Buffer.alloc(0);
const NO_CHANGE = {
  authResponse: NOTHING,
  schema: "",
  charset: 45,
  plugin: "mysql_native_password",
  attributes: NOTHING,
};

describe.each(ENGINES)("a login at a proxy in front of %s", (engine) => {
  /** Two users of each kind: one with a password, one without. */
  async function proxyFor(type: (typeof TYPES)[number], over = {}): Promise<TestProxy> {
    const target = await server(engine);
    const database = await target.database();
    const user = await target.user({ database });
    const empty = await target.user({ database, password: "" });
    return startProxy(target, {
      database,
      users: [user, empty],
      spec: {
        auth: [user, empty].map((each) => ({
          username: each.user,
          password: { value: each.password },
          clientPasswordAuthType: type,
        })),
        ...over,
      },
    });
  }

  describe.each(TYPES)("with %s", (type) => {
    const own = type === "MYSQL_NATIVE_PASSWORD" ? NATIVE : SHA2;
    const other = own === NATIVE ? SHA2 : NATIVE;

    it("is greeted with that plugin, succeeds by it, and after a switch from the other one", async () => {
      await using proxy = await proxyFor(type);
      for (const tls of [false, true]) {
        const direct = await rawLogin(proxy.host, proxy.port, { ...proxy.login, tls });
        expect(direct.greeting.plugin).toBe(own);
        expect(shapeOf(direct)).toEqual(own === NATIVE ? ["ok"] : ["more 3", "ok"]);
        const switched = await rawLogin(proxy.host, proxy.port, {
          ...proxy.login,
          tls,
          plugin: other,
        });
        expect(shapeOf(switched)).toEqual(
          own === NATIVE ? [`switch ${own}`, "ok"] : [`switch ${own}`, "more 3", "ok"],
        );
        direct.link.close();
        switched.link.close();
      }
      expect(proxy.bugs).toEqual([]);
    });

    it("of a user without password succeeds, and one with a password for it does not", async () => {
      await using proxy = await proxyFor(type);
      const { user } = proxy.users[1]!;
      const client = await proxy.connect({ user, password: "" });
      expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      await expect(proxy.connect({ user, password: "x" })).rejects.toThrow(/using password: YES/);
    });

    it("by drivers and command lines succeeds, over TLS and without", async () => {
      await using proxy = await proxyFor(type);
      const { host, port, user, password, database } = proxy.login;
      for (const ssl of [undefined, { rejectUnauthorized: false }]) {
        const client = await proxy.connect(ssl === undefined ? {} : { ssl });
        expect(proxy.session(client)).toMatchObject({ tls: ssl !== undefined, state: "idle" });
        expect(await rows(client, "SELECT DATABASE() AS d")).toEqual([{ d: database }]);
        const second = await mariadb.createConnection({
          ...{ host, port, user, password, database, allowPublicKeyRetrieval: true },
          ...(ssl === undefined ? {} : { ssl }),
        });
        expect(String((await second.query("SELECT 1 AS one"))[0].one)).toBe("1");
        await second.end();
      }
      for (const each of ENGINES) {
        const program = (await server(each)).client;
        // MySQL's own client lost mysql_native_password with version 9.
        if (program === null || (each === "mysql" && own === NATIVE)) continue;
        const modes =
          each === "mysql"
            ? [["--ssl-mode=REQUIRED"], ["--ssl-mode=DISABLED", "--get-server-public-key"]]
            : [["--ssl", "--skip-ssl-verify-server-cert"], ["--skip-ssl"]];
        for (const mode of modes) {
          const address = [`--host=${host}`, `--port=${port}`, `--user=${user}`, "--protocol=TCP"];
          const args = ["--no-defaults", ...address, ...mode, "--batch", "--execute=SELECT 41+1"];
          const [file, ...given] = program;
          const { stdout } = await promisify(execFile)(file!, [...given, ...args, database], {
            env: { ...process.env, MYSQL_PWD: password },
          });
          expect(stdout, `${each} ${mode}`).toContain("42");
        }
      }
    });

    it("that is denied says the same to unknown users, packet by packet", async () => {
      await using proxy = await proxyFor(type);
      const known = proxy.login.user;
      const unknown = "x".repeat(known.length);
      for (const tls of [false, true])
        for (const plugin of [NATIVE, SHA2])
          for (const password of ["wrong", ""]) {
            const wish = { password, plugin, tls };
            const ofKnown = await rawLogin(proxy.host, proxy.port, { ...wish, user: known });
            const ofUnknown = await rawLogin(proxy.host, proxy.port, { ...wish, user: unknown });
            const word = password === "" ? "NO" : "YES";
            const text = `Access denied for user '${unknown}'@'127.0.0.1' (using password: ${word})`;
            expect(ofUnknown.error).toMatchObject({
              errno: 1045,
              sqlState: "28000",
              message: text,
            });
            const bytes = (trace: LoginTrace) =>
              trace.received.map((payload) => {
                const nonce = payload.indexOf(trace.greeting.nonce);
                if (nonce >= 0) payload.fill(0, nonce, nonce + trace.greeting.nonce.length);
                return payload.toString("latin1").replace(known, unknown);
              });
            expect(bytes(ofUnknown)).toEqual(bytes(ofKnown));
            ofKnown.link.close();
            ofUnknown.link.close();
          }
    });
  });

  it("with a password that the proxy does not scramble alike goes on to full authentication", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const wish = { user: proxy.login.user, password: "wrong" };
    const plain = await rawLogin(proxy.host, proxy.port, wish);
    expect(shapeOf(plain)).toEqual(["more 4", "key", "error"]);
    const secure = await rawLogin(proxy.host, proxy.port, { ...wish, tls: true });
    expect(shapeOf(secure)).toEqual(["more 4", "error"]);
    expect(await proxy.metric("sluice_client_connections_setup_failed_auth")).toBe(2);
    expect(proxy.lines.filter((line) => line.includes("failed for user"))).toEqual([
      expect.stringMatching(
        `Proxy authentication with MySQL caching SHA2 password authentication failed for user "${wish.user}" with TLS off. Reason: Invalid credentials.`,
      ),
      expect.stringMatching(/with TLS on\. Reason: Invalid credentials\./),
    ]);
  });

  it("takes as long for unknown users as for wrong passwords", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const times: Record<string, number[]> = { [proxy.login.user]: [], nobody: [] };
    for (let round = 0; round < 25; round++)
      for (const [user, spent] of Object.entries(times)) {
        const started = performance.now();
        const { link } = await rawLogin(proxy.host, proxy.port, { user, password: "wrong" });
        spent.push(performance.now() - started);
        link.close();
      }
    const [known, unknown] = Object.values(times).map((spent) => {
      spent.sort((a, b) => a - b);
      return spent[spent.length >> 1]!;
    });
    expect(known! / unknown!).toBeGreaterThan(1 / 3);
    expect(known! / unknown!).toBeLessThan(3);
  });

  it("to a schema that is not there, or not the user's, fails as the server fails it", async () => {
    const target = await server(engine);
    const all = await target.user({ database: "*" });
    await using proxy = await startProxy(target, { users: [all] });
    const one = await target.user({ database: proxy.database });
    await proxy.apply({
      auth: [all, one].map((each) => ({
        username: each.user,
        password: { value: each.password },
      })),
    });
    const foreign = await target.database();
    for (const [login, database, errno] of [
      [all, "there_is_no_such_schema", 1049],
      [one, foreign, 1044],
    ] as const) {
      const said = await Promise.all(
        [proxy, target].map((each) =>
          proxy.connect({ host: each.host, port: each.port, ...login, database }).then(
            () => null,
            ({ errno, sqlState, sqlMessage }) => ({ errno, sqlState, sqlMessage }),
          ),
        ),
      );
      expect(said[0]).toMatchObject({ errno });
      expect(said[0]).toEqual(said[1]);
    }
    expect(proxy.lines.join("\n")).toContain("Reason: The database refused the schema.");
    // The backend that found out is as good as before.
    const client = await proxy.connect({ ...one });
    expect(await rows(client, "SELECT DATABASE() AS d")).toEqual([{ d: proxy.database }]);
    expect(proxy.bugs).toEqual([]);
  });

  it("in a character set that no server takes is refused with 1231", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const { error, link } = await rawLogin(proxy.host, proxy.port, { ...proxy.login, charset: 35 });
    expect(error).toMatchObject({
      errno: 1231,
      sqlState: "42000",
      message: "Variable ''character_set_client'' can't be set to the value of ucs2",
    });
    link.close();
  });

  it("has the character set of its greeting in the session", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const target = await server(engine);
    const query =
      "SELECT @@character_set_client AS c, @@character_set_results AS r, @@collation_connection AS l";
    for (const charset of ["LATIN1_SWEDISH_CI", "UTF8MB4_BIN", "UTF8MB4_GENERAL_CI"]) {
      const client = await proxy.connect({ charset });
      const direct = await proxy.connect({ charset, host: target.host, port: target.port });
      expect(await rows(client, query)).toEqual(await rows(direct, query));
    }
  });

  it("with attributes of any size is taken", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    for (const bytes of [0, 250, 251, 60_000, 66_000, 200_000]) {
      const attributes = [["_client_name", "x".repeat(bytes)]] as const;
      const { error, link } = await rawLogin(proxy.host, proxy.port, {
        ...proxy.login,
        attributes,
      });
      expect(error, String(bytes)).toBe(null);
      link.close();
    }
    const attributes = [["_client_name", "x".repeat(1_000_000)]] as const;
    const { error } = await rawLogin(proxy.host, proxy.port, { ...proxy.login, attributes });
    expect(error).toMatchObject({ errno: 1153, sqlState: "08S01" });
  });

  it("of a client without PLUGIN_AUTH succeeds by the native plugin, and says so for the other", async () => {
    const capabilities = LOGIN_CAPABILITIES & ~Capability.PLUGIN_AUTH;
    const wish = { capabilities, plugin: NATIVE };
    await using native = await proxyFor("MYSQL_NATIVE_PASSWORD");
    const good = await rawLogin(native.host, native.port, { ...native.login, ...wish });
    expect(shapeOf(good)).toEqual(["ok"]);
    await using sha2 = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const bad = await rawLogin(sha2.host, sha2.port, { ...sha2.login, ...wish });
    expect(bad.error).toMatchObject({ errno: 1251, sqlState: "08004" });
    good.link.close();
  });

  it("without TLS is refused with 3159 where TLS is required", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD", { requireTLS: true });
    await expect(proxy.connect()).rejects.toMatchObject({
      errno: 3159,
      sqlState: "HY000",
      sqlMessage: "This RDS Proxy requires TLS connections.",
    });
    const client = await proxy.connect({ ssl: { rejectUnauthorized: false } });
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(proxy.lines.join("\n")).toContain("This RDS Proxy requires TLS connections.");
  });

  it("that takes too long is ended, before its first word and amid its handshake", async () => {
    const clock = new ShiftedClock();
    const target = await server(engine);
    await using proxy = await startProxy(target, { clock });
    const silent = connect({ host: proxy.host, port: proxy.port });
    const stalled = connect({ host: proxy.host, port: proxy.port });
    await Promise.all([once(silent, "data"), once(stalled, "data")]);
    const capabilities = LOGIN_CAPABILITIES | Capability.SSL;
    const head = { capabilities, mariadbCapabilities: 0, maxPacketBytes: 0xff_ffff, charset: 45 };
    stalled.write(framePacket(encodeSslRequest({ kind: "sslRequest", ...head }), 1));
    await until(() => proxy.view.state(9).sessions.length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_500);
    const closed = [silent, stalled].map((socket) => once(socket.resume(), "close"));
    await Promise.all(closed);
    expect(proxy.view.state(9).sessionsTotal).toBe(0);
    const reason = "The client did not complete its login in time.";
    expect(proxy.lines.filter((line) => line.includes(reason))).toHaveLength(2);
    expect(await proxy.metric("sluice_client_connections_in_setup")).toBe(0);
  });

  it("of nonsense is refused, and harms nobody", async () => {
    await using proxy = await proxyFor("MYSQL_CACHING_SHA2_PASSWORD");
    const sent = [
      framePacket(Buffer.alloc(0), 1),
      framePacket(Buffer.from([1]), 1),
      framePacket(Buffer.alloc(40, 0xff), 1),
      framePacket(Buffer.alloc(40, 0xff), 7),
      Buffer.from("GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n"),
      Buffer.alloc(300_000, 0xff),
    ];
    for (const bytes of sent) {
      const socket = connect({ host: proxy.host, port: proxy.port });
      socket.on("error", () => {});
      await once(socket, "data");
      const closed = once(socket.resume(), "close");
      socket.write(bytes);
      // What is no login yet might become one: then it is the client that gives up.
      socket.end();
      await closed;
    }
    await until(() => proxy.view.state(9).sessionsTotal === 0);
    expect(proxy.bugs).toEqual([]);
    await proxy.connect();
  });
});

describe.each(ENGINES)("a change of user at a proxy in front of %s", (engine) => {
  it("is asked for with the greeting's nonce, which some clients use whatever they are told", async () => {
    const target = await server(engine);
    const account = await target.user({ database: "*" });
    const auth = {
      username: account.user,
      password: { value: account.password },
      clientPasswordAuthType: "MYSQL_NATIVE_PASSWORD" as const,
    };
    await using proxy = await startProxy(target, { users: [account], spec: { auth: [auth] } });
    const client = await RawClient.connect({ host: "127.0.0.1", port: proxy.port, ...account });
    const change = { ...NO_CHANGE, user: account.user };
    client.send(framePacket(encodeChangeUser(change, client.capabilities), 0));
    const [first, second] = [await client.payload(), client.greeting.nonce];
    expect(first.toString("latin1")).toBe(
      `\xfemysql_native_password\0${second.toString("latin1")}\0`,
    );
    client.destroy();
  });

  it("goes to another user, to the same one, and is the end of a session whose password is wrong", async () => {
    const target = await server(engine);
    const database = await target.database();
    const [first, second] = [await target.user({ database }), await target.user({ database })];
    await using proxy = await startProxy(target, { database, users: [first, second] });
    const client = await proxy.connect();
    const who = async () => (await rows(client, "SELECT USER() AS u, DATABASE() AS d"))[0];
    await client.query("SET SESSION sql_mode = ''");
    await client.changeUser({ ...second, database });
    expect(await who()).toMatchObject({
      u: expect.stringMatching(`^${second.user}@`),
      d: database,
    });
    expect(await rows(client, "SELECT @@sql_mode <> '' AS fresh")).toEqual([{ fresh: 1 }]);
    expect(proxy.session(client)).toMatchObject({ user: second.user });
    await client.changeUser({ ...second, database });
    expect(await who()).toMatchObject({ u: expect.stringMatching(`^${second.user}@`) });
    await client.changeUser({ ...first, database });
    await expect(client.changeUser({ ...second, password: "wrong" })).rejects.toThrow(
      /Access denied for user '.*'@'127.0.0.1' \(using password: YES\)/,
    );
    await expect(client.query("SELECT 1")).rejects.toThrow();
    await until(() => proxy.view.state(9).sessionsTotal === 0);
    expect(proxy.bugs).toEqual([]);
  });

  it("to a schema that is not there fails as at the server", async () => {
    const target = await server(engine);
    const all = await target.user({ database: "*" });
    await using proxy = await startProxy(target, { users: [all] });
    const client = await proxy.connect();
    await expect(client.changeUser({ ...all, database: "no_such_schema" })).rejects.toMatchObject({
      errno: 1049,
    });
  });

  it("may come after any time of idleness", async () => {
    const clock = new ShiftedClock();
    await using proxy = await startProxy(await server(engine), { clock });
    const client = await proxy.connect();
    clock.advance(60_000);
    await client.changeUser({ ...proxy.users[0]!, database: proxy.database });
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("ends a pin and rolls back a transaction", async () => {
    await using proxy = await startProxy(await server(engine));
    const client = await proxy.connect();
    await client.query("CREATE TABLE t (n INT)");
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");
    await client.query("SET @pinned = 1");
    expect(proxy.session(client)).toMatchObject({ state: "pinned" });
    await client.changeUser({ ...proxy.users[0]!, database: proxy.database });
    expect(proxy.session(client)).toMatchObject({ state: "idle", backend: null });
    expect(await rows(client, "SELECT COUNT(*) AS n, @pinned AS p FROM t")).toEqual([
      { n: 0, p: null },
    ]);
    for (const state of ["borrowed", "in_transaction", "session_pinned"])
      expect(await proxy.metric(`sluice_database_connections_currently_${state}`), state).toBe(0);
  });
});
