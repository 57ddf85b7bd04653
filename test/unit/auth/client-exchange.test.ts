import { describe, expect, it } from "vitest";
import { BackendLogin, type BackendLoginOptions } from "../../../proxy/auth/client-exchange.ts";
import { signEd25519 } from "../../../proxy/auth/ed25519.ts";
import { generateLoginKey } from "../../../proxy/auth/login-key.ts";
import { Plugin } from "../../../proxy/auth/plugins.ts";
import {
  cachingSha2Scramble,
  decryptPassword,
  nativeScramble,
} from "../../../proxy/auth/scramble.ts";
import { encodeAuthMoreData, encodeAuthSwitchRequest } from "../../../proxy/wire/auth-packets.ts";
import { encodeErr } from "../../../proxy/wire/err.ts";

const NONCE = Buffer.from("0123456789abcdefghij");
const SWITCH_NONCE = Buffer.from("jihgfedcba9876543210");
const KEY = await generateLoginKey();
const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const FAST = Buffer.from([1, 3]);
const FULL = Buffer.from([1, 4]);

function open(options: Partial<BackendLoginOptions> = {}): BackendLogin {
  const login = new BackendLogin({
    plugin: Plugin.CACHING_SHA2,
    nonce: NONCE,
    password: "secret",
    secure: true,
    publicKey: null,
    mayAskForPublicKey: false,
    ...options,
  });
  login.first();
  return login;
}

function switchTo(
  plugin: string,
  data: Buffer = Buffer.concat([SWITCH_NONCE, Buffer.alloc(1)]),
): Buffer {
  return encodeAuthSwitchRequest({ plugin, data });
}

function failed(kind: string): unknown {
  return { kind: "failed", failure: expect.objectContaining({ kind }) };
}

/** The password that the login sent encrypted, as the server reads it. */
function decrypted(step: ReturnType<BackendLogin["receive"]>, nonce: Buffer): string | undefined {
  return step.kind === "send"
    ? decryptPassword(step.payload, nonce, KEY.privateKey)?.toString()
    : undefined;
}

describe("the first answer", () => {
  const first = (plugin: string, password = "secret") =>
    new BackendLogin({
      plugin,
      nonce: NONCE,
      password,
      secure: true,
      publicKey: null,
      mayAskForPublicKey: false,
    }).first();

  it("is the greeting's plugin where that is a scramble", () => {
    expect(first(Plugin.NATIVE)).toEqual({
      plugin: Plugin.NATIVE,
      authResponse: nativeScramble("secret", NONCE),
    });
    expect(first(Plugin.CACHING_SHA2)).toEqual({
      plugin: Plugin.CACHING_SHA2,
      authResponse: cachingSha2Scramble("secret", NONCE),
    });
  });

  it("is a native scramble else: a password is never volunteered in clear", () => {
    for (const plugin of [Plugin.CLEAR, Plugin.SHA256, Plugin.ED25519, "auth_gssapi_client", ""]) {
      expect(first(plugin)).toEqual({
        plugin: Plugin.NATIVE,
        authResponse: nativeScramble("secret", NONCE),
      });
    }
  });

  it("is empty for an empty password", () => {
    expect(first(Plugin.CACHING_SHA2, "").authResponse.length).toBe(0);
  });
});

describe("a login at a server", () => {
  it("is done at OK, at once or after the fast path", () => {
    expect(open().receive(OK)).toEqual({ kind: "done", ok: OK });
    const login = open();
    expect(login.receive(FAST)).toEqual({ kind: "wait" });
    expect(login.receive(OK)).toEqual({ kind: "done", ok: OK });
  });

  it("is refused by the server's own error", () => {
    const err = { errno: 1045, sqlState: "28000", message: "Access denied" };
    expect(open().receive(encodeErr(err))).toEqual({
      kind: "failed",
      failure: { kind: "refused", err: { kind: "err", ...err } },
    });
  });

  it("follows a switch with the new nonce", () => {
    expect(open().receive(switchTo(Plugin.NATIVE))).toEqual({
      kind: "send",
      payload: nativeScramble("secret", SWITCH_NONCE),
    });
    const sha2 = open({ plugin: Plugin.NATIVE });
    expect(sha2.receive(switchTo(Plugin.CACHING_SHA2))).toEqual({
      kind: "send",
      payload: cachingSha2Scramble("secret", SWITCH_NONCE),
    });
    expect(sha2.receive(FAST)).toEqual({ kind: "wait" });
  });

  it("signs for MariaDB's ed25519, a nonce that ends in NUL too", () => {
    const nonce = Buffer.concat([Buffer.alloc(31, 7), Buffer.alloc(1)]);
    expect(open().receive(switchTo(Plugin.ED25519, nonce))).toEqual({
      kind: "send",
      payload: signEd25519("secret", nonce),
    });
    expect(open().receive(switchTo(Plugin.ED25519, Buffer.alloc(31, 7)))).toEqual(
      failed("protocol"),
    );
  });

  it("follows MariaDB from plugin to plugin, but not for ever", () => {
    const login = open();
    for (let i = 0; i < 8; i++) expect(login.receive(switchTo(Plugin.NATIVE)).kind).toBe("send");
    expect(login.receive(switchTo(Plugin.NATIVE))).toEqual(failed("protocol"));
  });

  it("fails by name for a plugin that the proxy does not have", () => {
    expect(open().receive(switchTo("authentication_ldap_sasl_client"))).toEqual({
      kind: "failed",
      failure: { kind: "unsupportedPlugin", plugin: "authentication_ldap_sasl_client" },
    });
    expect(open().receive(Buffer.from([0xfe]))).toMatchObject({
      failure: { plugin: "mysql_old_password" },
    });
    expect(open().receive(Buffer.from([0x02, 0x61, 0x00]))).toEqual(failed("unsupportedPlugin"));
  });
});

describe("full authentication", () => {
  it("sends the password with its NUL under TLS", () => {
    expect(open().receive(FULL)).toEqual({ kind: "send", payload: Buffer.from("secret\0") });
    expect(open().receive(switchTo(Plugin.SHA256))).toEqual({
      kind: "send",
      payload: Buffer.from("secret\0"),
    });
    expect(open().receive(switchTo(Plugin.CLEAR, Buffer.alloc(0)))).toEqual({
      kind: "send",
      payload: Buffer.from("secret\0"),
    });
  });

  it("without TLS encrypts with the key that is configured", () => {
    const options = { secure: false, publicKey: KEY.publicPem };
    expect(decrypted(open(options).receive(FULL), NONCE)).toBe("secret\0");
    expect(decrypted(open(options).receive(switchTo(Plugin.SHA256)), SWITCH_NONCE)).toBe(
      "secret\0",
    );
  });

  it("without TLS asks for the key only where that is allowed", () => {
    const options = { secure: false, mayAskForPublicKey: true };
    const sha2 = open(options);
    expect(sha2.receive(FULL)).toEqual({ kind: "send", payload: Buffer.from([2]) });
    expect(decrypted(sha2.receive(encodeAuthMoreData(KEY.publicPem)), NONCE)).toBe("secret\0");
    expect(sha2.receive(OK)).toEqual({ kind: "done", ok: OK });
    const sha256 = open(options);
    expect(sha256.receive(switchTo(Plugin.SHA256))).toEqual({
      kind: "send",
      payload: Buffer.from([1]),
    });
    expect(decrypted(sha256.receive(encodeAuthMoreData(KEY.publicPem)), SWITCH_NONCE)).toBe(
      "secret\0",
    );
    expect(open({ secure: false }).receive(FULL)).toEqual(failed("needsTls"));
    expect(open({ secure: false }).receive(switchTo(Plugin.SHA256))).toEqual(failed("needsTls"));
  });

  it("never sends a password in clear without TLS", () => {
    const options = { secure: false, publicKey: KEY.publicPem, mayAskForPublicKey: true };
    expect(open(options).receive(switchTo(Plugin.CLEAR))).toEqual(failed("needsTls"));
  });

  it("fails for a key that is none, and for OK in place of a key", () => {
    const options = { secure: false, mayAskForPublicKey: true };
    const rubbish = open(options);
    rubbish.receive(FULL);
    expect(rubbish.receive(encodeAuthMoreData(Buffer.from("no key")))).toEqual(
      failed("badPublicKey"),
    );
    const early = open(options);
    early.receive(FULL);
    expect(early.receive(OK)).toEqual(failed("protocol"));
  });

  it("sends a NUL for an empty password", () => {
    expect(open({ password: "", secure: false }).receive(FULL)).toEqual({
      kind: "send",
      payload: Buffer.alloc(1),
    });
    expect(open({ password: "" }).receive(switchTo(Plugin.CACHING_SHA2))).toEqual({
      kind: "send",
      payload: Buffer.alloc(1),
    });
  });
});

describe("a server that breaks the protocol", () => {
  it("ends the login", () => {
    const packets: [string, Buffer][] = [
      ["empty", Buffer.alloc(0)],
      ["unknown", Buffer.from([0x41])],
      ["truncated switch", Buffer.from("\xfemysql_native_password", "latin1")],
      ["unknown marker", Buffer.from([1, 9])],
      ["marker of two bytes", Buffer.from([1, 3, 3])],
      ["truncated error", Buffer.from([0xff, 1])],
    ];
    for (const [name, packet] of packets)
      expect(open().receive(packet), name).toEqual(failed("protocol"));
  });

  it("may not send sha2 markers to a native login, nor again once answered", () => {
    expect(open({ plugin: Plugin.NATIVE }).receive(FULL)).toEqual(failed("protocol"));
    const login = open();
    login.receive(FULL);
    expect(login.receive(FULL)).toEqual(failed("protocol"));
  });

  it("may not switch after it has accepted the scramble, nor say anything once it is over", () => {
    const login = open();
    login.receive(FAST);
    expect(login.receive(switchTo(Plugin.CLEAR))).toEqual(failed("protocol"));
    expect(login.receive(OK)).toEqual(failed("protocol"));
  });

  it("may not speak before the first answer", () => {
    const login = new BackendLogin({
      plugin: Plugin.NATIVE,
      nonce: NONCE,
      password: "secret",
      secure: true,
      publicKey: null,
      mayAskForPublicKey: false,
    });
    expect(login.receive(OK)).toEqual(failed("protocol"));
  });
});
