import { describe, expect, it } from "vitest";
import { generateLoginKey } from "../../../proxy/auth/login-key.ts";
import { Plugin } from "../../../proxy/auth/plugins.ts";
import {
  cachingSha2Scramble,
  encryptPassword,
  nativeScramble,
} from "../../../proxy/auth/scramble.ts";
import {
  type Credential,
  ServerLogin,
  type ServerLoginOptions,
  type ServerLoginStep,
} from "../../../proxy/auth/server-exchange.ts";

const NONCE = Buffer.from("0123456789abcdefghij");
const OTHER_NONCE = Buffer.from("jihgfedcba9876543210");
const KEY = await generateLoginKey();
const NATIVE: Credential = { kind: "password", password: "secret", scheme: Plugin.NATIVE };
const SHA2: Credential = { kind: "password", password: "secret", scheme: Plugin.CACHING_SHA2 };
const NOTHING = Buffer.alloc(0);
const FULL = { kind: "send", payload: Buffer.from([1, 4]) };
const FAST = { kind: "accept", before: Buffer.from([1, 3]) };
const ACCEPT = { kind: "accept", before: null };
const WRONG = {
  kind: "refuse",
  fault: "accessDenied",
  usingPassword: true,
  reason: "wrong password",
};
const MALFORMED = {
  kind: "refuse",
  fault: "badHandshake",
  usingPassword: true,
  reason: "malformed answer",
};
const OUT_OF_TURN = {
  kind: "refuse",
  fault: "badHandshake",
  usingPassword: true,
  reason: "packet out of turn",
};
const NO_PASSWORD = {
  kind: "refuse",
  fault: "accessDenied",
  usingPassword: false,
  reason: "no password sent",
};

function open(options: Partial<ServerLoginOptions>): { login: ServerLogin; step: ServerLoginStep } {
  const login = new ServerLogin({
    credential: SHA2,
    decoyScheme: Plugin.CACHING_SHA2,
    plugin: Plugin.CACHING_SHA2,
    authResponse: Buffer.alloc(0),
    canSwitch: true,
    secure: true,
    nonce: NONCE,
    key: KEY,
    ...options,
  });
  return { login, step: login.start() };
}

/** What the client learns: everything but the reason, which is for the log. */
function seen(step: ServerLoginStep): unknown {
  return step.kind === "refuse" ? { ...step, reason: "" } : step;
}

describe("a native login", () => {
  const native = { credential: NATIVE, plugin: Plugin.NATIVE };

  it("is accepted for the right scramble and refused for a wrong one", () => {
    expect(open({ ...native, authResponse: nativeScramble("secret", NONCE) }).step).toEqual(ACCEPT);
    expect(open({ ...native, authResponse: nativeScramble("Secret", NONCE) }).step).toEqual(WRONG);
  });

  it("is refused when it replays a scramble for another nonce", () => {
    expect(open({ ...native, authResponse: nativeScramble("secret", OTHER_NONCE) }).step).toEqual(
      WRONG,
    );
  });

  it("is refused without a password unless the user has none", () => {
    expect(open(native).login.receive(NOTHING)).toEqual(NO_PASSWORD);
    const nobody = { ...NATIVE, password: "" };
    expect(open({ ...native, credential: nobody }).login.receive(NOTHING)).toEqual(ACCEPT);
    expect(open({ ...native, credential: nobody, canSwitch: false }).step).toEqual(ACCEPT);
    expect(open({ ...native, canSwitch: false }).step).toEqual(NO_PASSWORD);
    expect(
      open({ ...native, credential: nobody, authResponse: nativeScramble("x", NONCE) }).step,
    ).toEqual(WRONG);
  });

  it("is refused when the scramble is cut or too long", () => {
    const scramble = nativeScramble("secret", NONCE);
    expect(open({ ...native, authResponse: scramble.subarray(1) }).step).toEqual(MALFORMED);
    expect(open({ ...native, authResponse: Buffer.concat([scramble, scramble]) }).step).toEqual(
      MALFORMED,
    );
  });

  it("is taken from clients that name no plugin for want of PLUGIN_AUTH", () => {
    const authResponse = nativeScramble("secret", NONCE);
    expect(open({ credential: NATIVE, plugin: "", canSwitch: false, authResponse }).step).toEqual(
      ACCEPT,
    );
    expect(open({ credential: SHA2, plugin: "", canSwitch: false, authResponse }).step).toEqual({
      kind: "refuse",
      fault: "authModeUnsupported",
      usingPassword: true,
      reason: "client cannot switch plugin",
    });
  });
});

describe("a client that names another plugin than the user's", () => {
  it("is asked to switch, with the nonce and its NUL", () => {
    const { step } = open({ plugin: Plugin.NATIVE, authResponse: nativeScramble("secret", NONCE) });
    expect(step.kind === "send" && step.payload.toString("latin1")).toBe(
      "\xfecaching_sha2_password\x000123456789abcdefghij\0",
    );
  });

  it("is asked to switch to its own plugin when it has not answered yet", () => {
    const { login, step } = open({});
    expect(step).toEqual(open({ plugin: "" }).step);
    expect(login.receive(cachingSha2Scramble("secret", NONCE))).toEqual(FAST);
  });

  it("is asked to switch when it names none", () => {
    expect(open({ plugin: "" }).step.kind).toBe("send");
  });

  it("is accepted by the scramble that it answers with, and by no other answer", () => {
    const native = {
      credential: NATIVE,
      plugin: Plugin.CACHING_SHA2,
      authResponse: cachingSha2Scramble("secret", NONCE),
    };
    expect(open(native).login.receive(nativeScramble("secret", NONCE))).toEqual(ACCEPT);
    expect(open(native).login.receive(nativeScramble("wrong", NONCE))).toEqual(WRONG);
    expect(open(native).login.receive(Buffer.alloc(0))).toEqual(NO_PASSWORD);
    expect(open(native).login.receive(Buffer.from("rubbish"))).toEqual(MALFORMED);
    expect(open(native).login.receive(native.authResponse)).toEqual(MALFORMED);
    const sha2 = { plugin: Plugin.NATIVE };
    expect(open(sha2).login.receive(cachingSha2Scramble("secret", NONCE))).toEqual(FAST);
    expect(open(sha2).login.receive(Buffer.from("rubbish"))).toEqual(MALFORMED);
  });
});

describe("a caching_sha2 login", () => {
  const right = cachingSha2Scramble("secret", NONCE);
  const wrong = cachingSha2Scramble("wrong", NONCE);

  it("is accepted at once for the right scramble", () => {
    expect(open({ authResponse: right }).step).toEqual(FAST);
    expect(open({ authResponse: right, secure: false, key: null }).step).toEqual(FAST);
  });

  it("goes on in clear under TLS for a wrong scramble or a replayed one", () => {
    for (const authResponse of [wrong, cachingSha2Scramble("secret", OTHER_NONCE)]) {
      const { login, step } = open({ authResponse });
      expect(step).toEqual(FULL);
      expect(login.receive(Buffer.from("secret\0"))).toEqual(ACCEPT);
      expect(open({ authResponse }).login.receive(Buffer.from("wrong\0"))).toEqual(WRONG);
      expect(open({ authResponse }).login.receive(Buffer.from("secre\0"))).toEqual(WRONG);
      expect(open({ authResponse }).login.receive(Buffer.from("secret\0\0"))).toEqual(WRONG);
      expect(open({ authResponse }).login.receive(Buffer.alloc(0))).toEqual(WRONG);
    }
  });

  it("goes on under RSA without TLS", () => {
    const sent = encryptPassword("secret", NONCE, KEY.publicPem)!;
    const { login, step } = open({ authResponse: wrong, secure: false });
    expect(step).toEqual(FULL);
    expect(login.receive(Buffer.from([2]))).toEqual({
      kind: "send",
      payload: Buffer.concat([Buffer.from([1]), KEY.publicPem]),
    });
    expect(login.receive(sent)).toEqual(ACCEPT);
    expect(open({ authResponse: wrong, secure: false }).login.receive(sent)).toEqual(ACCEPT);
  });

  it("without TLS refuses a clear password, rubbish, a replay and a wrong password", () => {
    const plain = (): ServerLogin => {
      const { login } = open({ authResponse: wrong, secure: false });
      login.receive(Buffer.from([2]));
      return login;
    };
    expect(plain().receive(Buffer.from("secret\0"))).toEqual(MALFORMED);
    expect(plain().receive(Buffer.alloc(256, 1))).toEqual(MALFORMED);
    expect(plain().receive(Buffer.from([2]))).toEqual(MALFORMED);
    expect(plain().receive(encryptPassword("wrong", NONCE, KEY.publicPem)!)).toEqual(WRONG);
    expect(plain().receive(encryptPassword("secret", OTHER_NONCE, KEY.publicPem)!)).toEqual(WRONG);
  });

  it("without TLS and without a key ends at the wrong scramble", () => {
    expect(open({ authResponse: wrong, secure: false, key: null }).step).toMatchObject({
      kind: "refuse",
      fault: "accessDenied",
    });
  });

  it("is refused without a password unless the user has none", () => {
    expect(open({}).login.receive(NOTHING)).toEqual(NO_PASSWORD);
    expect(open({ authResponse: Buffer.alloc(1) }).step).toEqual(NO_PASSWORD);
    const nobody = { ...SHA2, password: "" };
    expect(open({ credential: nobody }).login.receive(NOTHING)).toEqual(ACCEPT);
    expect(open({ credential: nobody, authResponse: Buffer.alloc(1) }).step).toEqual(ACCEPT);
    const { login, step } = open({ credential: nobody, authResponse: wrong });
    expect(step).toEqual(FULL);
    expect(login.receive(Buffer.from("wrong\0"))).toEqual(WRONG);
  });

  it("is refused when the scramble is cut", () => {
    expect(open({ authResponse: right.subarray(1) }).step).toEqual(MALFORMED);
  });
});

describe("a user that does not exist", () => {
  const wrong = {
    [Plugin.NATIVE]: nativeScramble("wrong", NONCE),
    [Plugin.CACHING_SHA2]: cachingSha2Scramble("wrong", NONCE),
  };
  const answers = [
    Buffer.from("wrong\0"),
    Buffer.from([2]),
    encryptPassword("wrong", NONCE, KEY.publicPem)!,
    Buffer.alloc(0),
  ];

  it("sees what a wrong password sees, in every scheme, on every link, by every plugin", () => {
    let compared = 0;
    for (const scheme of [Plugin.NATIVE, Plugin.CACHING_SHA2] as const) {
      for (const secure of [true, false]) {
        for (const plugin of [Plugin.NATIVE, Plugin.CACHING_SHA2, Plugin.CLEAR, ""]) {
          for (const authResponse of [wrong[scheme], Buffer.alloc(0), Buffer.from("rubbish")]) {
            const options = { plugin, secure, authResponse, decoyScheme: scheme };
            const known = open({
              ...options,
              credential: { kind: "password", password: "secret", scheme },
            });
            const unknown = open({ ...options, credential: null });
            expect(seen(unknown.step)).toEqual(seen(known.step));
            for (const answer of [wrong[scheme], ...answers]) {
              expect(seen(unknown.login.receive(answer))).toEqual(
                seen(known.login.receive(answer)),
              );
              compared++;
            }
          }
        }
      }
    }
    expect(compared).toBe(240);
  });

  it("is never accepted, not even by the decoy's own password", () => {
    for (const password of ["decoy", "", "secret"]) {
      const native = { credential: null, decoyScheme: Plugin.NATIVE, plugin: Plugin.NATIVE };
      const answer = nativeScramble(password, NONCE);
      const opened = open({ ...native, authResponse: answer });
      const last = opened.step.kind === "send" ? opened.login.receive(answer) : opened.step;
      expect(last.kind).toBe("refuse");
      const { login, step } = open({
        credential: null,
        authResponse: cachingSha2Scramble(password, NONCE),
      });
      expect(step.kind).toBe("send");
      expect(login.receive(Buffer.from(`${password}\0`)).kind).toBe("refuse");
    }
  });

  it("is told apart in the log alone", () => {
    const { step } = open({ credential: null, authResponse: Buffer.alloc(1) });
    expect(step).toEqual({ ...NO_PASSWORD, reason: "unknown user" });
  });
});

describe("a login by token", () => {
  const iam = { credential: { kind: "iam" } as const, plugin: Plugin.CLEAR };

  it("hands out the token for verification and believes the answer", () => {
    for (const good of [true, false]) {
      const { login, step } = open({
        ...iam,
        authResponse: Buffer.from("host:3306/?Action=connect\0"),
      });
      expect(step).toEqual({ kind: "verifyToken", token: "host:3306/?Action=connect" });
      expect(login.tokenVerified(good)).toEqual(
        good ? ACCEPT : { ...WRONG, reason: "wrong token" },
      );
      expect(login.tokenVerified(true)).toEqual(OUT_OF_TURN);
    }
  });

  it("asks for the clear-text plugin first where the client named another", () => {
    const { login, step } = open({ ...iam, plugin: Plugin.CACHING_SHA2 });
    expect(step.kind === "send" && step.payload.toString("latin1")).toBe(
      "\xfemysql_clear_password\0",
    );
    expect(login.receive(Buffer.from("token\0"))).toEqual({ kind: "verifyToken", token: "token" });
  });

  it("is refused without TLS, before any token is asked for", () => {
    const refused = {
      kind: "refuse",
      fault: "accessDenied",
      usingPassword: true,
      reason: "token without TLS",
    };
    expect(open({ ...iam, secure: false, authResponse: Buffer.from("token\0") }).step).toEqual(
      refused,
    );
    expect(open({ ...iam, secure: false, plugin: Plugin.NATIVE }).step).toEqual(refused);
  });

  it("is refused without a token, and from clients that cannot switch", () => {
    expect(open(iam).step).toEqual(NO_PASSWORD);
    expect(open({ ...iam, canSwitch: false }).step).toMatchObject({
      kind: "refuse",
      fault: "authModeUnsupported",
    });
  });

  it("is not accepted by a packet in place of the verifier's answer", () => {
    const { login } = open({ ...iam, authResponse: Buffer.from("token\0") });
    expect(login.receive(Buffer.from("token\0"))).toEqual(OUT_OF_TURN);
    expect(login.tokenVerified(true)).toEqual(OUT_OF_TURN);
  });
});

describe("a login that is over", () => {
  it("refuses whatever comes after accept or refuse", () => {
    const accepted = open({ authResponse: cachingSha2Scramble("secret", NONCE) }).login;
    expect(accepted.receive(Buffer.from("secret\0"))).toEqual(OUT_OF_TURN);
    expect(accepted.start()).toEqual(OUT_OF_TURN);
    const refused = open({
      credential: NATIVE,
      plugin: Plugin.NATIVE,
      authResponse: Buffer.alloc(20),
    }).login;
    expect(refused.receive(nativeScramble("secret", NONCE))).toEqual(OUT_OF_TURN);
    expect(refused.tokenVerified(true)).toEqual(OUT_OF_TURN);
  });
});

describe("a login refused for a wrong password", () => {
  const native = { credential: NATIVE, plugin: Plugin.NATIVE };

  it("would have been right by another one, whichever way that was proved", () => {
    const byNative = open({ ...native, authResponse: nativeScramble("new", NONCE) });
    expect(byNative.step).toEqual(WRONG);
    const inClear = open({ authResponse: cachingSha2Scramble("new", NONCE) });
    expect(inClear.login.receive(Buffer.from("new\0"))).toEqual(WRONG);
    const encrypted = open({ authResponse: cachingSha2Scramble("new", NONCE), secure: false });
    encrypted.login.receive(Buffer.from([2]));
    expect(encrypted.login.receive(encryptPassword("new", NONCE, KEY.publicPem)!)).toEqual(WRONG);
    for (const { login } of [byNative, inClear, encrypted]) {
      expect(login.wouldAccept("new")).toBe(true);
      for (const other of ["old", "secret", "new ", ""])
        expect(login.wouldAccept(other)).toBe(false);
    }
  });

  it("would not have been right by what its scramble alone says, once the password was sent", () => {
    const { login } = open({ authResponse: cachingSha2Scramble("new", NONCE) });
    login.receive(Buffer.from("else\0"));
    expect(login.wouldAccept("new")).toBe(false);
    expect(login.wouldAccept("else")).toBe(true);
  });

  it("cannot be asked before it is over, or where nothing was proved", () => {
    const { login } = open({ authResponse: cachingSha2Scramble("new", NONCE) });
    expect(login.wouldAccept("new")).toBe(false);
    const without = open({ ...native, canSwitch: false });
    expect(without.step).toEqual(NO_PASSWORD);
    expect(without.login.wouldAccept("")).toBe(false);
    expect(without.login.wouldAccept("decoy")).toBe(false);
  });
});
