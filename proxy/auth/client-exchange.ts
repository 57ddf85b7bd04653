import {
  AuthHeader,
  decodeAuthMoreData,
  decodeAuthSwitchRequest,
  Sha2Marker,
} from "../wire/auth-packets.ts";
import { decodeErr, type ErrPacket } from "../wire/err.ts";
import { MalformedPacket } from "../wire/malformed-packet.ts";
import { ED25519_NONCE_BYTES, signEd25519 } from "./ed25519.ts";
import { Plugin } from "./plugins.ts";
import { cachingSha2Scramble, encryptPassword, nativeScramble } from "./scramble.ts";

export interface BackendLoginOptions {
  /** From the greeting; empty: none named. */
  readonly plugin: string;
  /** From the greeting, without its NUL. */
  readonly nonce: Buffer;
  readonly password: string;
  /** TLS or a unix socket: the password may travel in clear. */
  readonly secure: boolean;
  /** The server's RSA key in PEM, for sha2 logins without TLS. */
  readonly publicKey: string | Buffer | null;
  /** Without `publicKey`, ask the server for it. Whoever can change packets can then read the password. */
  readonly mayAskForPublicKey: boolean;
}

/** Why the proxy could not log in. For logs and target health, never for clients. */
export type BackendLoginFailure =
  | { readonly kind: "refused"; readonly err: ErrPacket }
  | { readonly kind: "unsupportedPlugin"; readonly plugin: string }
  /** The plugin would send the password in clear. */
  | { readonly kind: "needsTls"; readonly plugin: string }
  /** No RSA key, one that is none, or a password longer than it can carry. */
  | { readonly kind: "badPublicKey"; readonly plugin: string }
  | { readonly kind: "protocol"; readonly what: string };

export type BackendLoginStep =
  | { readonly kind: "send"; readonly payload: Buffer }
  /** Nothing to send; the server's next packet decides. */
  | { readonly kind: "wait" }
  /** Logged in; the OK packet, undecoded. */
  | { readonly kind: "done"; readonly ok: Buffer }
  | { readonly kind: "failed"; readonly failure: BackendLoginFailure };

/** What goes into HandshakeResponse41 or COM_CHANGE_USER. */
export interface FirstAuth {
  readonly plugin: string;
  readonly authResponse: Buffer;
}

/** MariaDB asks for one plugin after another where a user has several. */
const SWITCHES_MAX = 8;
const EMPTY = Buffer.alloc(0);
const NUL = Buffer.alloc(1);
const WAIT: BackendLoginStep = { kind: "wait" };
/** First answers that need no further data from the server, and give nothing away on a plain link. */
const SCRAMBLING: readonly string[] = [Plugin.NATIVE, Plugin.CACHING_SHA2];

type Phase = "first" | "scrambled" | "fast" | "key" | "answered" | "over";

/** One login of the proxy at a server. What it does not expect ends it. */
export class BackendLogin {
  readonly #options: BackendLoginOptions;
  #phase: Phase = "first";
  #plugin: string;
  #nonce: Buffer;
  #switches = 0;

  constructor(options: BackendLoginOptions) {
    this.#options = options;
    this.#plugin = SCRAMBLING.includes(options.plugin) ? options.plugin : Plugin.NATIVE;
    this.#nonce = options.nonce;
  }

  /**
   * The answer to the greeting. Only scrambles are volunteered: a server whose default plugin is another one, or a user with
   * another plugin, asks by AuthSwitchRequest.
   */
  first(): FirstAuth {
    this.#phase = "scrambled";
    return { plugin: this.#plugin, authResponse: this.#scramble() };
  }

  /** The server's next packet. */
  receive(payload: Buffer): BackendLoginStep {
    if (this.#phase === "first" || this.#phase === "over")
      return this.#protocol("packet out of turn");
    try {
      return this.#dispatch(payload);
    } catch (error) {
      if (error instanceof MalformedPacket) return this.#protocol(error.what);
      throw error;
    }
  }

  #dispatch(payload: Buffer): BackendLoginStep {
    switch (payload[0]) {
      case AuthHeader.OK:
        return this.#finish(payload);
      case AuthHeader.ERR:
        return this.#fail({ kind: "refused", err: decodeErr(payload) });
      case AuthHeader.SWITCH:
        return this.#switch(payload);
      case AuthHeader.MORE_DATA:
        return this.#moreData(decodeAuthMoreData(payload));
      case AuthHeader.NEXT_FACTOR:
        return this.#fail({ kind: "unsupportedPlugin", plugin: "multi-factor authentication" });
      default:
        return this.#protocol("unknown packet during login");
    }
  }

  #finish(ok: Buffer): BackendLoginStep {
    if (this.#phase === "key") return this.#protocol("OK in place of a public key");
    this.#phase = "over";
    return { kind: "done", ok };
  }

  #switch(payload: Buffer): BackendLoginStep {
    if (this.#phase !== "scrambled" && this.#phase !== "answered")
      return this.#protocol("plugin switch out of turn");
    if (++this.#switches > SWITCHES_MAX) return this.#protocol("too many plugin switches");
    const { plugin, data } = decodeAuthSwitchRequest(payload);
    this.#plugin = plugin;
    this.#nonce = Buffer.from(data.at(-1) === 0 ? data.subarray(0, -1) : data);
    this.#phase = "scrambled";
    switch (plugin) {
      case Plugin.NATIVE:
        return this.#send(this.#scramble(), "answered");
      case Plugin.CACHING_SHA2:
        return this.#send(this.#options.password === "" ? NUL : this.#scramble(), "scrambled");
      case Plugin.SHA256:
        return this.#fullAuthentication(Sha2Marker.SHA256_PUBLIC_KEY_REQUEST);
      case Plugin.CLEAR:
        return this.#options.secure ? this.#sendClear() : this.#fail({ kind: "needsTls", plugin });
      case Plugin.ED25519:
        return this.#signNonce(data);
      default:
        return this.#fail({ kind: "unsupportedPlugin", plugin });
    }
  }

  #moreData(data: Buffer): BackendLoginStep {
    if (this.#phase === "key") return this.#sendEncrypted(Buffer.from(data));
    const isSha2 = this.#phase === "scrambled" && this.#plugin === Plugin.CACHING_SHA2;
    if (!isSha2 || data.length !== 1) return this.#protocol("unexpected auth data");
    if (data[0] === Sha2Marker.FAST_AUTH_SUCCESS) {
      this.#phase = "fast";
      return WAIT;
    }
    if (data[0] === Sha2Marker.FULL_AUTHENTICATION)
      return this.#fullAuthentication(Sha2Marker.PUBLIC_KEY_REQUEST);
    return this.#protocol("unexpected auth data");
  }

  #fullAuthentication(keyRequest: number): BackendLoginStep {
    const { password, secure, publicKey, mayAskForPublicKey } = this.#options;
    if (password === "") return this.#send(NUL, "answered");
    if (secure) return this.#sendClear();
    if (publicKey !== null) return this.#sendEncrypted(publicKey);
    if (!mayAskForPublicKey) return this.#fail({ kind: "needsTls", plugin: this.#plugin });
    return this.#send(Buffer.from([keyRequest]), "key");
  }

  #sendEncrypted(publicKey: string | Buffer): BackendLoginStep {
    const encrypted = encryptPassword(this.#options.password, this.#nonce, publicKey);
    if (encrypted === null) return this.#fail({ kind: "badPublicKey", plugin: this.#plugin });
    return this.#send(encrypted, "answered");
  }

  #sendClear(): BackendLoginStep {
    return this.#send(Buffer.from(`${this.#options.password}\0`), "answered");
  }

  /** The nonce is 32 bytes of any value, so a NUL at its end may be its own. */
  #signNonce(data: Buffer): BackendLoginStep {
    if (data.length < ED25519_NONCE_BYTES) return this.#protocol("short ed25519 nonce");
    const nonce = data.subarray(0, ED25519_NONCE_BYTES);
    return this.#send(signEd25519(this.#options.password, nonce), "answered");
  }

  #scramble(): Buffer {
    if (this.#plugin === Plugin.NATIVE) return nativeScramble(this.#options.password, this.#nonce);
    if (this.#plugin === Plugin.CACHING_SHA2)
      return cachingSha2Scramble(this.#options.password, this.#nonce);
    return EMPTY;
  }

  #send(payload: Buffer, phase: Phase): BackendLoginStep {
    this.#phase = phase;
    return { kind: "send", payload };
  }

  #protocol(what: string): BackendLoginStep {
    return this.#fail({ kind: "protocol", what });
  }

  #fail(failure: BackendLoginFailure): BackendLoginStep {
    this.#phase = "over";
    return { kind: "failed", failure };
  }
}
