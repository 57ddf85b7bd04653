import { encodeAuthMoreData, encodeAuthSwitchRequest, Sha2Marker } from "../wire/auth-packets.ts";
import type { LoginKey } from "./login-key.ts";
import { type PasswordScheme, Plugin } from "./plugins.ts";
import {
  CACHING_SHA2_BYTES,
  cachingSha2Scramble,
  decryptPassword,
  isSameBytes,
  isSamePassword,
  NATIVE_BYTES,
  nativeScramble,
} from "./scramble.ts";

/** How a user proves itself to the proxy; null: nobody has this name, which the client must not be able to tell. */
export type Credential =
  | { readonly kind: "password"; readonly password: string; readonly scheme: PasswordScheme }
  | { readonly kind: "iam" }
  | null;

export interface ServerLoginOptions {
  readonly credential: Credential;
  /** Scheme to go through for a user that does not exist. */
  readonly decoyScheme: PasswordScheme;
  /** The plugin that the client named; empty: none. */
  readonly plugin: string;
  readonly authResponse: Buffer;
  /** The client has PLUGIN_AUTH: it understands AuthSwitchRequest. */
  readonly canSwitch: boolean;
  /** TLS or a unix socket: passwords may travel in clear. */
  readonly secure: boolean;
  /** The greeting's nonce, without its NUL. */
  readonly nonce: Buffer;
  /** For caching_sha2_password without TLS; null: such logins succeed only by the fast path. */
  readonly key: LoginKey | null;
}

/** For the log; the client reads only `fault`. */
export type RefusalReason =
  | "unknown user"
  | "wrong password"
  | "no password sent"
  | "wrong token"
  | "token without TLS"
  | "no RSA key for a login without TLS"
  | "client cannot switch plugin"
  | "malformed answer"
  | "packet out of turn";

export type ServerLoginStep =
  /** Send the payload; the client's next packet goes to `receive`. */
  | { readonly kind: "send"; readonly payload: Buffer }
  /** The login is good: send `before` if there is one, then OK. */
  | { readonly kind: "accept"; readonly before: Buffer | null }
  /** The login is over: send the fault, close. */
  | {
      readonly kind: "refuse";
      readonly fault: "accessDenied" | "authModeUnsupported" | "badHandshake";
      readonly usingPassword: boolean;
      readonly reason: RefusalReason;
    }
  /** Have the token verified, then tell `tokenVerified`. */
  | { readonly kind: "verifyToken"; readonly token: string };

type Phase = "new" | "switched" | "full" | "key" | "clear" | "verifying" | "over";

/** Stands in for the password of a user that does not exist. Matching it grants nothing. */
const DECOY_PASSWORD = "decoy";
const EMPTY = Buffer.alloc(0);
const NUL = Buffer.alloc(1);
const FAST_AUTH_SUCCESS = encodeAuthMoreData(Buffer.from([Sha2Marker.FAST_AUTH_SUCCESS]));
const FULL_AUTHENTICATION = encodeAuthMoreData(Buffer.from([Sha2Marker.FULL_AUTHENTICATION]));

/**
 * One login of a client at the proxy, from HandshakeResponse41 or COM_CHANGE_USER to accept or refuse. What it does not
 * expect, it refuses. An unknown user goes through the same packets and the same work as a wrong password.
 */
export class ServerLogin {
  readonly #options: ServerLoginOptions;
  readonly #known: boolean;
  readonly #password: string;
  readonly #scheme: PasswordScheme;
  #phase: Phase = "new";
  /** The last scramble, and the password where it was sent: what a password can be checked against. */
  #scrambled: Buffer | null = null;
  #sent: Buffer | null = null;

  constructor(options: ServerLoginOptions) {
    const { credential } = options;
    this.#options = options;
    this.#known = credential !== null;
    this.#password = credential?.kind === "password" ? credential.password : DECOY_PASSWORD;
    this.#scheme = credential?.kind === "password" ? credential.scheme : options.decoyScheme;
  }

  /**
   * The first step, from the packet that opened the login. An empty answer by the right plugin is no answer yet: libmysqlclient
   * sends one where the greeting named another plugin, and for caching_sha2_password in every COM_CHANGE_USER, and waits
   * for a nonce.
   */
  start(): ServerLoginStep {
    if (this.#phase !== "new") return this.#refuse("packet out of turn");
    const { credential, plugin, canSwitch, authResponse } = this.#options;
    if (credential?.kind === "iam") return this.#startToken();
    // A client without PLUGIN_AUTH cannot name a plugin: it speaks the native one.
    const named = canSwitch ? plugin : Plugin.NATIVE;
    if (named === this.#scheme && !(canSwitch && authResponse.length === 0))
      return this.#checkScramble(authResponse);
    if (!canSwitch) return this.#refuse("client cannot switch plugin");
    return this.#switch();
  }

  /** The same where the client cannot know the nonce yet: COM_CHANGE_USER is scrambled with one from long ago. */
  startAnew(): ServerLoginStep {
    if (this.#phase !== "new") return this.#refuse("packet out of turn");
    if (this.#options.credential?.kind === "iam") return this.#startToken();
    if (!this.#options.canSwitch) return this.#refuse("client cannot switch plugin");
    return this.#switch();
  }

  /** The client's next packet, after a "send". */
  receive(payload: Buffer): ServerLoginStep {
    switch (this.#phase) {
      case "switched":
        return this.#checkScramble(payload);
      case "full":
        return this.#receiveFull(payload);
      case "key":
        return this.#checkEncrypted(payload);
      case "clear":
        return this.#askForToken(payload);
      default:
        return this.#refuse("packet out of turn");
    }
  }

  /** The answer to a "verifyToken". */
  tokenVerified(good: boolean): ServerLoginStep {
    if (this.#phase !== "verifying") return this.#refuse("packet out of turn");
    return good ? this.#accept(null) : this.#refuse("wrong token");
  }

  /** After a refusal for a wrong password: whether this one, which has just been read anew, would have been right. */
  wouldAccept(password: string): boolean {
    if (this.#phase !== "over" || password === "") return false;
    const { nonce } = this.#options;
    if (this.#sent !== null) return isSamePassword(this.#sent, Buffer.from(password));
    if (this.#scrambled === null) return false;
    const scramble = this.#scheme === Plugin.NATIVE ? nativeScramble : cachingSha2Scramble;
    return isSameBytes(scramble(password, nonce), this.#scrambled);
  }

  #switch(): ServerLoginStep {
    this.#phase = "switched";
    const data = Buffer.concat([this.#options.nonce, NUL]);
    return send(encodeAuthSwitchRequest({ plugin: this.#scheme, data }));
  }

  #checkScramble(response: Buffer): ServerLoginStep {
    if (isNoPassword(response)) return this.#checkNoPassword();
    return this.#scheme === Plugin.NATIVE
      ? this.#checkNative(response)
      : this.#checkCachingSha2(response);
  }

  /** As MySQL: no password is right for a user that has none, and is refused at once for any other. */
  #checkNoPassword(): ServerLoginStep {
    if (this.#known && this.#password === "") return this.#accept(null);
    return this.#refuse("no password sent");
  }

  #checkNative(response: Buffer): ServerLoginStep {
    if (response.length !== NATIVE_BYTES) return this.#refuse("malformed answer");
    this.#scrambled = response;
    const same = isSameBytes(nativeScramble(this.#password, this.#options.nonce), response);
    return same && this.#known ? this.#accept(null) : this.#refuse("wrong password");
  }

  /**
   * A mismatch goes on to full authentication, as on a server whose cache is cold: some drivers scramble wrongly after a
   * switch (go-sql-driver issue 1666) and yet know the password.
   */
  #checkCachingSha2(response: Buffer): ServerLoginStep {
    if (response.length !== CACHING_SHA2_BYTES) return this.#refuse("malformed answer");
    this.#scrambled = response;
    const same = isSameBytes(cachingSha2Scramble(this.#password, this.#options.nonce), response);
    if (same && this.#known) return this.#accept(FAST_AUTH_SUCCESS);
    if (!this.#options.secure && this.#options.key === null) {
      return this.#refuse("no RSA key for a login without TLS");
    }
    this.#phase = "full";
    return send(FULL_AUTHENTICATION);
  }

  #receiveFull(payload: Buffer): ServerLoginStep {
    const { key, secure } = this.#options;
    if (secure) return this.#checkPassword(payload);
    const asksForKey = payload.length === 1 && payload[0] === Sha2Marker.PUBLIC_KEY_REQUEST;
    if (!asksForKey || key === null) return this.#checkEncrypted(payload);
    this.#phase = "key";
    return send(encodeAuthMoreData(key.publicPem));
  }

  #checkEncrypted(payload: Buffer): ServerLoginStep {
    const { key, nonce } = this.#options;
    if (key === null || payload.length !== key.bytes) return this.#refuse("malformed answer");
    const password = decryptPassword(payload, nonce, key.privateKey);
    return password === null ? this.#refuse("malformed answer") : this.#checkPassword(password);
  }

  /** `sent` is the password in clear with its NUL. */
  #checkPassword(sent: Buffer): ServerLoginStep {
    this.#sent = withoutNul(sent);
    const same = isSamePassword(this.#sent, Buffer.from(this.#password));
    return same && this.#known ? this.#accept(null) : this.#refuse("wrong password");
  }

  #startToken(): ServerLoginStep {
    const { secure, canSwitch, plugin, authResponse } = this.#options;
    if (!secure) return this.#refuse("token without TLS");
    if (!canSwitch) return this.#refuse("client cannot switch plugin");
    if (plugin === Plugin.CLEAR) return this.#askForToken(authResponse);
    this.#phase = "clear";
    return send(encodeAuthSwitchRequest({ plugin: Plugin.CLEAR, data: EMPTY }));
  }

  #askForToken(payload: Buffer): ServerLoginStep {
    if (isNoPassword(payload)) return this.#refuse("no password sent");
    this.#phase = "verifying";
    return { kind: "verifyToken", token: withoutNul(payload).toString("utf8") };
  }

  #accept(before: Buffer | null): ServerLoginStep {
    this.#phase = "over";
    return { kind: "accept", before };
  }

  #refuse(reason: RefusalReason): ServerLoginStep {
    this.#phase = "over";
    const isPassword = reason === "wrong password" || reason === "no password sent";
    return {
      kind: "refuse",
      fault: FAULT_OF_REASON[reason],
      usingPassword: reason !== "no password sent",
      reason: isPassword && !this.#known ? "unknown user" : reason,
    };
  }
}

const FAULT_OF_REASON = {
  "unknown user": "accessDenied",
  "wrong password": "accessDenied",
  "no password sent": "accessDenied",
  "wrong token": "accessDenied",
  "token without TLS": "accessDenied",
  "no RSA key for a login without TLS": "accessDenied",
  "client cannot switch plugin": "authModeUnsupported",
  "malformed answer": "badHandshake",
  "packet out of turn": "badHandshake",
} as const;

function send(payload: Buffer): ServerLoginStep {
  return { kind: "send", payload };
}

/** Clients without a password send nothing, or a single NUL for the sha2 plugins. */
function isNoPassword(response: Buffer): boolean {
  return response.length === 0 || (response.length === 1 && response[0] === 0);
}

function withoutNul(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
}
