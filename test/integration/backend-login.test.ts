import { describe, expect, it } from "vitest";
import type { Engine } from "../../local/engine.ts";
import { BackendLogin, type BackendLoginStep } from "../../proxy/auth/client-exchange.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeChangeUser } from "../../proxy/wire/change-user.ts";
import { Command } from "../../proxy/wire/command.ts";
import { decodeGreeting, describeServer, type Greeting } from "../../proxy/wire/greeting.ts";
import { encodeAttributes, encodeLogin, encodeSslRequest } from "../../proxy/wire/login.ts";
import { decodeOk, type OkPacket } from "../../proxy/wire/ok.ts";
import { decodeSessionTrack, type SessionTrackVisitor } from "../../proxy/wire/session-track.ts";
import { Status } from "../../proxy/wire/status.ts";
import { PacketLink } from "../support/packet-link.ts";
import { server } from "../support/servers.ts";

const CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CONNECT_ATTRS |
  Capability.SESSION_TRACK |
  Capability.DEPRECATE_EOF;

interface Attempt {
  readonly user: string;
  readonly password: string;
  readonly tls?: boolean;
  readonly mayAskForPublicKey?: boolean;
}

interface Outcome {
  readonly link: PacketLink;
  readonly greeting: Greeting;
  readonly last: BackendLoginStep;
  /** Length of each payload that the exchange sent after the first answer. */
  readonly sent: number[];
}

async function follow(
  link: PacketLink,
  login: BackendLogin,
): Promise<Pick<Outcome, "last" | "sent">> {
  const sent: number[] = [];
  for (;;) {
    const step = login.receive(await link.read());
    if (step.kind === "done" || step.kind === "failed") return { last: step, sent };
    if (step.kind === "send") {
      sent.push(step.payload.length);
      link.write(step.payload);
    }
  }
}

async function attempt(
  engine: Engine,
  { user, password, tls = false, mayAskForPublicKey = false }: Attempt,
): Promise<Outcome> {
  const { host, port } = await server(engine);
  const link = await PacketLink.to(host, port);
  const greeting = decodeGreeting(await link.read());
  if (greeting.kind === "err") throw new Error(greeting.message);
  const capabilities = (tls ? CAPABILITIES | Capability.SSL : CAPABILITIES) >>> 0;
  const head = { capabilities, mariadbCapabilities: 0, maxPacketBytes: 1 << 24, charset: 45 };
  if (tls) {
    link.write(encodeSslRequest({ kind: "sslRequest", ...head }));
    await link.startTls();
  }
  const { plugin, nonce } = greeting;
  const login = new BackendLogin({
    plugin,
    nonce,
    password,
    secure: tls,
    publicKey: null,
    mayAskForPublicKey,
  });
  const attributes = encodeAttributes([["_client_name", "sluice"]]);
  link.write(
    encodeLogin({
      kind: "login",
      ...head,
      ...login.first(),
      user,
      schema: "",
      attributes,
      zstdLevel: 0,
    }),
  );
  return { link, greeting, ...(await follow(link, login)) };
}

/** What one statement that returns no rows answers. */
async function run(link: PacketLink, sql: string): Promise<OkPacket> {
  link.writeCommand(Buffer.concat([Buffer.from([Command.QUERY]), Buffer.from(sql)]));
  return decodeOk(await link.read(), CAPABILITIES);
}

function tracked(ok: OkPacket): Record<string, string> {
  const seen: Record<string, string> = {};
  const note = (kind: string) => (bytes: Buffer | boolean) => {
    seen[kind] = String(bytes);
  };
  const visitor: SessionTrackVisitor = {
    systemVariable: (name, value) => note(name.toString())(value),
    schema: note("schema"),
    stateChange: note("stateChange"),
    gtids: note("gtids"),
    transactionCharacteristics: note("characteristics"),
    transactionState: note("transaction"),
  };
  decodeSessionTrack(ok.sessionTrack, visitor);
  return seen;
}

const DENIED = {
  kind: "failed",
  failure: { kind: "refused", err: expect.objectContaining({ errno: 1045, sqlState: "28000" }) },
};

for (const engine of ["mysql", "mariadb"] as const) {
  describe(`${engine}: a login of the proxy`, () => {
    it("reads the greeting", async () => {
      const { link, greeting } = await attempt(engine, { user: "nobody", password: "x" });
      link.close();
      expect(describeServer(greeting)).toMatchObject({ mariadb: engine === "mariadb" });
      expect(greeting.nonce.length).toBe(20);
      expect(greeting.nonce.includes(0)).toBe(false);
      expect(greeting.plugin).toBe(
        engine === "mysql" ? "caching_sha2_password" : "mysql_native_password",
      );
    });

    it("is refused for a wrong password, plain and under TLS", async () => {
      const { user } = await (await server(engine)).user();
      for (const tls of [false, true]) {
        const { link, last } = await attempt(engine, {
          user,
          password: "wrong",
          tls,
          mayAskForPublicKey: true,
        });
        link.close();
        expect(last).toMatchObject(DENIED);
      }
    });

    it("succeeds with an empty password", async () => {
      const { user } = await (await server(engine)).user({ password: "" });
      const { link, last } = await attempt(engine, { user, password: "" });
      link.close();
      expect(last.kind).toBe("done");
    });

    it("can change user on the same connection", async () => {
      const target = await server(engine);
      const [first, second] = [
        await target.user(),
        await target.user({ password: "the second one's" }),
      ];
      const { link, greeting } = await attempt(engine, { ...first, tls: true });
      for (const password of [second.password, "wrong"]) {
        const { plugin, nonce } = greeting;
        const login = new BackendLogin({
          plugin,
          nonce,
          password,
          secure: true,
          publicKey: null,
          mayAskForPublicKey: false,
        });
        const change = {
          user: second.user,
          schema: "",
          charset: 45,
          attributes: Buffer.alloc(0),
          ...login.first(),
        };
        link.writeCommand(encodeChangeUser(change, CAPABILITIES));
        expect((await follow(link, login)).last).toMatchObject(
          password === "wrong" ? DENIED : { kind: "done" },
        );
      }
      link.close();
    });

    it("then reads OK packets with the state that they report", async () => {
      const target = await server(engine);
      const schema = await target.database();
      const { link } = await attempt(engine, {
        ...(await target.user({ database: schema })),
        tls: true,
      });
      expect(tracked(await run(link, `USE ${schema}`))).toMatchObject({ schema });
      await run(link, "SET session_track_system_variables = 'autocommit,sql_mode,time_zone'");
      await run(link, "SET session_track_state_change = ON");
      expect(tracked(await run(link, "SET time_zone = '+02:00'"))).toMatchObject({
        time_zone: "+02:00",
        stateChange: "true",
      });
      expect(tracked(await run(link, "SET autocommit = 0, sql_mode = ''"))).toMatchObject({
        autocommit: "OFF",
        sql_mode: "",
      });
      await run(
        link,
        engine === "mysql"
          ? "SET session_track_transaction_info = 'CHARACTERISTICS'"
          : "SET session_track_transaction_info = CHARACTERISTICS",
      );
      const begun = await run(link, "START TRANSACTION READ ONLY");
      expect(tracked(begun)).toMatchObject({
        characteristics: "START TRANSACTION READ ONLY;",
        transaction: "T_______",
      });
      expect(begun.status & Status.IN_TRANS_READONLY).not.toBe(0);
      await run(link, "ROLLBACK");
      await run(link, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)");
      expect(await run(link, "INSERT INTO t (n) VALUES (1), (2), (3)")).toMatchObject({
        affectedRows: 3,
        insertId: 1,
        info: "Records: 3  Duplicates: 0  Warnings: 0",
      });
      link.close();
    });
  });
}

describe("mysql: a caching_sha2 login", () => {
  it("sends the password once under RSA without TLS, and then goes the fast way", async () => {
    const account = await (await server("mysql")).user({ scheme: "caching_sha2_password" });
    const refused = await attempt("mysql", account);
    refused.link.close();
    expect(refused.last).toEqual({
      kind: "failed",
      failure: { kind: "needsTls", plugin: "caching_sha2_password" },
    });
    const cold = await attempt("mysql", { ...account, mayAskForPublicKey: true });
    cold.link.close();
    expect(cold.last.kind).toBe("done");
    expect(cold.sent).toEqual([1, 256]);
    const warm = await attempt("mysql", account);
    warm.link.close();
    expect(warm.last.kind).toBe("done");
    expect(warm.sent).toEqual([]);
  });

  it("sends the password in clear under TLS", async () => {
    const account = await (await server("mysql")).user({ scheme: "caching_sha2_password" });
    const cold = await attempt("mysql", { ...account, tls: true });
    cold.link.close();
    expect(cold.last.kind).toBe("done");
    expect(cold.sent).toEqual([account.password.length + 1]);
  });
});

describe("mariadb: an ed25519 login", () => {
  it("signs the server's nonce", async (context) => {
    const target = await server("mariadb");
    if (!(await target.has("ed25519"))) context.skip();
    const account = await target.user({ scheme: "ed25519", password: "pässwörd" });
    const good = await attempt("mariadb", account);
    good.link.close();
    expect(good.last.kind).toBe("done");
    expect(good.sent).toEqual([64]);
    const bad = await attempt("mariadb", { ...account, password: "passwort" });
    bad.link.close();
    expect(bad.last).toMatchObject(DENIED);
  });
});
