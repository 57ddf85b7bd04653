import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { describe, expect, it } from "vitest";
import { rows } from "../../local/database-login.ts";
import { ENGINES } from "../../local/engine.ts";
import { makeCa } from "../../proxy/index.ts";
import type { TokenKeys } from "../../proxy/ports.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeSslRequest } from "../../proxy/wire/login.ts";
import { framePacket } from "../../proxy/wire/writer.ts";
import { ShiftedClock, startProxy } from "../support/proxy.ts";
import { LOGIN_CAPABILITIES, rawLogin } from "../support/raw-login.ts";
import { server } from "../support/servers.ts";
import { tlsHandshake } from "../support/tls-handshake.ts";

const ssl = { rejectUnauthorized: false };
const TLS_MODES = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;

describe.each(ENGINES)("backends at %s", (engine) => {
  it.each(TLS_MODES)("log in with TLS mode %s, each user by its own plugin", async (tls) => {
    const target = await server(engine);
    const database = await target.database();
    const schemes = ["caching_sha2_password", "mysql_native_password", "ed25519"] as const;
    const users = [await target.user({ database, password: "" })];
    for (const scheme of schemes)
      if (await target.has(scheme)) users.push(await target.user({ database, scheme }));
    await using proxy = await startProxy(target, {
      database,
      users,
      spec: {
        target: {
          tls,
          caFile: tls.startsWith("VERIFY") ? target.caFile : null,
          hosts: [`localhost:${target.port}`],
        },
      },
    });
    expect(users.length).toBeGreaterThan(1);
    for (const login of users) {
      const client = await proxy.connect(login);
      const [cipher] = await rows(client, "SHOW SESSION STATUS LIKE 'Ssl_cipher'");
      expect(cipher?.["Value"] !== "", login.user).toBe(tls !== "DISABLED");
    }
    const opened = proxy.events.filter(({ kind }) => kind === "backend-opened");
    expect(opened).toHaveLength(users.length);
    for (const event of opened)
      expect(event).toMatchObject({
        tls: tls !== "DISABLED",
        localAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        remoteAddress: `127.0.0.1:${target.port}`,
      });
    const withTls = tls === "DISABLED" ? 0 : users.length;
    expect(await proxy.metric("sluice_database_connections_with_tls")).toBe(withTls);
    expect(await proxy.metric("sluice_database_connection_requests_with_tls")).toBe(withTls);
  });

  it("of a user who must use TLS log in over it", async () => {
    const target = await server(engine);
    const database = await target.database();
    const user = await target.user({ database, clause: "REQUIRE SSL" });
    await using proxy = await startProxy(target, {
      database,
      users: [user],
      spec: { target: { tls: "PREFERRED" } },
    });
    const client = await proxy.connect();
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("trust no certificate of another authority, and none of another host", async () => {
    const target = await server(engine);
    const foreign = makeCa({ commonName: "somebody else", days: 2, now: new Date() });
    const ours = await readFile(target.caFile);
    const spec = { pool: { connectionBorrowTimeout: 1 } };
    for (const [tls, ca, host, words] of [
      ["VERIFY_CA", foreign.cert, "127.0.0.1", /certificate/],
      ["VERIFY_IDENTITY", foreign.cert, "127.0.0.1", /certificate/],
      // The same server by a name that its certificate does not hold.
      ["VERIFY_IDENTITY", ours, "0.0.0.0", /altnames/],
    ] as const) {
      const hosts = [`${host}:${target.port}`];
      const clock = new ShiftedClock();
      await using proxy = await startProxy(target, {
        available: false,
        clock,
        spec: { ...spec, target: { tls, caFile: "ca", hosts } },
        ports: { readFile: async () => Buffer.from(ca) },
      });
      // Clients are not kept waiting for a server for long.
      clock.advance(5_000);
      await expect(proxy.connect()).rejects.toMatchObject({ errno: 9501 });
      const [{ detail = "" } = {}] = proxy.events.filter(
        (event) => event.kind === "backend-failed" && event.failure === "tls",
      ) as { detail?: string }[];
      expect(detail).toMatch(words);
    }
  });
});

describe("clients", () => {
  it("are shown a certificate of the proxy's own, or the configured one", async () => {
    const target = await server("mysql");
    await using own = await startProxy(target);
    const shown = await tlsHandshake(own);
    expect(shown.getPeerCertificate().subject.CN).toBe("tested");
    expect(shown.getPeerCertificate().subjectaltname).toContain("localhost");
    shown.destroy();
    const ca = makeCa({ commonName: "an authority", days: 2, now: new Date() });
    const issued = ca.issue({
      commonName: "configured",
      altNames: ["localhost", "127.0.0.1"],
      days: 2,
      now: new Date(),
    });
    await using proxy = await startProxy(target, {
      spec: { tls: { certFile: "cert", keyFile: "key" } },
      ports: { readFile: async (name) => Buffer.from(name === "cert" ? issued.cert : issued.key) },
    });
    const client = await proxy.connect({ ssl: { ca: ca.cert } });
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("may send the beginning of their hello together with the request for TLS", async () => {
    await using proxy = await startProxy(await server("mysql"));
    for (let round = 0; round < 5; round++) (await tlsHandshake(proxy, true)).destroy();
    expect(proxy.bugs).toEqual([]);
  });

  it("that break off or fail their handshake leave nothing behind", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const capabilities = (LOGIN_CAPABILITIES | Capability.SSL) >>> 0;
    const head = { capabilities, mariadbCapabilities: 0, maxPacketBytes: 0xff_ffff, charset: 45 };
    for (const after of [null, Buffer.from("no hello at all, just words that fill a record")]) {
      const socket = connectSocket({ host: proxy.host, port: proxy.port });
      socket.on("error", () => {});
      await once(socket, "data");
      socket.write(framePacket(encodeSslRequest({ kind: "sslRequest", ...head }), 1));
      if (after === null) socket.end();
      else socket.write(after);
      await once(socket.resume(), "close");
    }
    expect(proxy.view.state(9).sessionsTotal).toBe(0);
    expect(proxy.lines.filter((line) => line.includes("The TLS handshake failed."))).toHaveLength(
      2,
    );
    expect(await proxy.metric("sluice_client_connections")).toBe(0);
  });

  it("send and get statements larger than any buffer over TLS", async () => {
    await using proxy = await startProxy(await server("mysql"));
    const client = await proxy.connect({ ssl });
    const text = "x".repeat(3_000_000);
    const [row] = await rows(client, `SELECT '${text}' AS t, LENGTH('${text}') AS n`);
    expect([row?.["t"] === text, row?.["n"]]).toEqual([true, 3_000_000]);
    expect(proxy.session(client)?.clientAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await proxy.metric("sluice_client_connections_tls")).toBe(1);
    expect(await proxy.metric("sluice_query_requests_tls")).toBe(1);
  });
});

const KEY = { id: "AKIATESTTESTTESTTEST", secret: "secret/of+tests" };
const KEYS: TokenKeys = {
  region: "eu-west-1",
  secretOf: (id, session) => (id === KEY.id && session === null ? KEY.secret : null),
};

interface TokenWish {
  readonly endpoint: string;
  readonly user: string;
  readonly secret?: string;
  readonly atMs?: number;
}

/** A token as SDKs make it (Signature Version 4 in the query of a GET). */
function token({ endpoint, user, secret = KEY.secret, atMs = Date.now() }: TokenWish): string {
  const date = `${new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  const day = date.slice(0, 8);
  const scope = `${day}/${KEYS.region}/rds-db/aws4_request`;
  const query = new URLSearchParams({
    Action: "connect",
    DBUser: user,
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${KEY.id}/${scope}`,
    "X-Amz-Date": date,
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
  }).toString();
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");
  const hmac = (key: string | Buffer, text: string) =>
    createHmac("sha256", key).update(text).digest();
  const request = `GET\n/\n${query}\nhost:${endpoint}\n\nhost\n${sha("")}`;
  const key = [day, KEYS.region, "rds-db", "aws4_request"].reduce(
    (last: string | Buffer, part) => hmac(last, part),
    `AWS4${secret}`,
  );
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha(request)}`);
  return `${endpoint}/?${query}&X-Amz-Signature=${signature.toString("hex")}`;
}

describe("a user with iamAuth REQUIRED", () => {
  const clear = { ssl, enableCleartextPlugin: true };
  const REFUSED =
    'Proxy authentication with IAM authentication failed for user "USER" with TLS on. Reason: Invalid credentials. If you provide an IAM token, make sure to either use the correct password or enable IAM authentication.';

  async function iamProxy(ports: { tokenKeys?: TokenKeys | null }, clock = new ShiftedClock()) {
    const target = await server("mysql");
    const database = await target.database();
    const user = await target.user({ database });
    return startProxy(target, {
      database,
      users: [user],
      clock,
      ports,
      spec: {
        endpoints: [
          {
            name: "default",
            host: "127.0.0.1",
            port: 0,
            publicHosts: ["db.example:3306", "db2.example"],
          },
        ],
        auth: [{ username: user.user, password: { value: user.password }, iamAuth: "REQUIRED" }],
      },
    });
  }

  it("comes in with a token over TLS, by mysql2 and by hand", async () => {
    await using proxy = await iamProxy({ tokenKeys: KEYS });
    const { user } = proxy.login;
    for (const endpoint of [
      `127.0.0.1:${proxy.port}`,
      `localhost:${proxy.port}`,
      "db.example:3306",
      `db2.example:${proxy.port}`,
    ]) {
      const client = await proxy.connect({ password: token({ endpoint, user }), ...clear });
      expect(await rows(client, "SELECT CURRENT_USER() AS u")).toEqual([{ u: `${user}@%` }]);
    }
    const password = token({ endpoint: "db.example:3306", user });
    for (const plugin of ["mysql_clear_password", "mysql_native_password"]) {
      const { error, link } = await rawLogin(proxy.host, proxy.port, {
        ...{ user, password, plugin, tls: true, schema: proxy.database },
      });
      expect(error).toBe(null);
      link.close();
    }
    expect(await proxy.metric("sluice_client_connections_setup_failed_auth")).toBe(0);
  });

  it("changes user by token", async () => {
    await using proxy = await iamProxy({ tokenKeys: KEYS });
    const { user, database } = proxy.login;
    const password = token({ endpoint: `127.0.0.1:${proxy.port}`, user });
    const client = await proxy.connect({ password, ...clear });
    await client.changeUser({ user, password, database });
    expect(await rows(client, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(client.changeUser({ user, password: "no token", database })).rejects.toThrow(
      /Access denied/,
    );
  });

  it("is denied without TLS, with a password, and with any other token; the log says why", async () => {
    const clock = new ShiftedClock();
    await using proxy = await iamProxy({ tokenKeys: KEYS }, clock);
    const { user } = proxy.login;
    const endpoint = `127.0.0.1:${proxy.port}`;
    const good = token({ endpoint, user });
    await expect(
      proxy.connect({ password: good, enableCleartextPlugin: true }),
    ).rejects.toMatchObject({ errno: 1045 });
    expect(proxy.lines.at(-2)).toContain("This RDS Proxy requires TLS connections.");
    for (const [password, problem] of [
      [proxy.login.password, "not a token"],
      [token({ endpoint, user: "somebody" }), "wrong user"],
      [token({ endpoint: "127.0.0.1:1", user }), "wrong endpoint"],
      [token({ endpoint, user, secret: "another" }), "wrong signature"],
      [token({ endpoint, user, atMs: Date.now() - 901_000 }), "expired"],
      [good.replace(KEY.id, "AKIAOTHER"), "unknown access key"],
    ] as const) {
      await expect(proxy.connect({ password, ...clear })).rejects.toMatchObject({
        errno: 1045,
        sqlState: "28000",
        sqlMessage: `Access denied for user '${user}'@'127.0.0.1' (using password: YES)`,
      });
      const line = proxy.lines.findLast((each) => each.includes("IAM authentication failed"));
      expect(line).toContain(`${REFUSED.replace("USER", user)} The token: ${problem}.`);
      expect(line).not.toContain("X-Amz");
    }
    await proxy.connect({ password: good, ...clear });
    clock.advance(901_000);
    await expect(proxy.connect({ password: good, ...clear })).rejects.toMatchObject({
      errno: 1045,
    });
  });

  it("is denied by a proxy without access keys", async () => {
    await using proxy = await iamProxy({});
    const { user } = proxy.login;
    const password = token({ endpoint: `127.0.0.1:${proxy.port}`, user });
    await expect(proxy.connect({ password, ...clear })).rejects.toMatchObject({ errno: 1045 });
    expect(proxy.lines.join("\n")).toContain("no access key to check it with");
  });
});
