import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { BackendLogin, type BackendLoginFailure } from "../auth/client-exchange.ts";
import { BOUNDS } from "../base/bounds.ts";
import type { BackendFailure } from "../observe/events.ts";
import type { TargetTlsMode } from "../spec/proxy-spec.ts";
import { Capability, MariadbCapability } from "../wire/capabilities.ts";
import type { ErrFields } from "../wire/err.ts";
import { decodeGreeting, type Greeting } from "../wire/greeting.ts";
import { encodeAttributes, encodeLogin, encodeSslRequest } from "../wire/login.ts";
import { framePacket } from "../wire/writer.ts";
import { dial, upgradeToTls } from "./dialer.ts";
import type { Link, LinkOwner } from "./link.ts";

/** How and as whom a connection to a server is opened. */
export interface OpeningOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly tls: TargetTlsMode;
  /** Certificate authorities in PEM; null: those that Node knows. */
  readonly ca: Buffer | null;
  /** Collation number to log in with. */
  readonly charset: number;
  /** Chooses the capabilities, knowing the server's. */
  capabilities(server: Greeting): { readonly flags: number; readonly mariadb: number };
}

export interface OpeningFailure {
  readonly failure: BackendFailure;
  readonly error: ErrFields | null;
  readonly detail: string;
}

export interface Opened {
  readonly link: Link;
  readonly greeting: Greeting;
  readonly flags: number;
}

type OpeningDone = (failure: OpeningFailure | null, opened: Opened | null) => void;

const ATTRIBUTES = encodeAttributes([["_client_name", "sluice"]]);

/**
 * Dials a server and logs in. `done` is called once; the returned function gives up without calling it. The deadline is the
 * caller's to keep.
 */
export function openConnection(options: OpeningOptions, done: OpeningDone): () => void {
  const opening = new Opening(options, done);
  return () => opening.giveUp();
}

class Opening implements LinkOwner {
  readonly #options: OpeningOptions;
  readonly #done: OpeningDone;
  readonly #cancelDial: () => void;
  #link: Link | null = null;
  #login: BackendLogin | null = null;
  #greeting: Greeting | null = null;
  #flags = 0;
  #mariadbFlags = 0;
  #sequence = 0;
  #received: Buffer = Buffer.alloc(0);
  #over = false;
  #upgrading = false;
  #cancelTls: (() => void) | null = null;

  constructor(options: OpeningOptions, done: OpeningDone) {
    this.#options = options;
    this.#done = done;
    const { host, port } = options;
    this.#cancelDial = dial(
      { host, port, owner: this, readBytes: BOUNDS.backendReadBytes },
      (error, link) => {
        if (link === null) return this.#fail("unreachable", error?.message ?? "no connection");
        this.#link = link;
        link.resume();
      },
    );
  }

  giveUp(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelDial();
    this.#cancelTls?.();
    this.#link?.destroy();
  }

  onBytes(bytes: Uint8Array, end: number): void {
    if (this.#over) return;
    this.#received = Buffer.concat([this.#received, bytes.subarray(0, end)]);
    try {
      this.#packets();
    } catch (error) {
      this.#fail("refused", (error as Error).message);
    }
  }

  onEnd(): void {
    this.#fail("unreachable", "the server closed the connection during the login");
  }

  onDrained(): void {
    // Logins are small.
  }

  onClosed(error: Error | null): void {
    if (this.#upgrading) return;
    this.#fail("unreachable", error?.message ?? "the connection was closed during the login");
  }

  #packets(): void {
    while (!this.#over && !this.#upgrading && this.#received.length >= 4) {
      const length = this.#received.readUIntLE(0, 3);
      if (length > BOUNDS.loginPacketBytes) return this.#fail("refused", "oversized login packet");
      if (this.#received.length < 4 + length) return;
      const payload = Buffer.from(this.#received.subarray(4, 4 + length));
      this.#sequence = ((this.#received[3] as number) + 1) & 0xff;
      this.#received = this.#received.subarray(4 + length);
      if (this.#greeting === null) this.#greeted(payload);
      else this.#answered(payload);
    }
  }

  #greeted(payload: Buffer): void {
    const greeting = decodeGreeting(payload);
    if (greeting.kind === "err") return this.#refused(greeting);
    this.#greeting = greeting;
    const { flags, mariadb } = this.#options.capabilities(greeting);
    this.#flags = flags;
    this.#mariadbFlags = mariadb;
    const { tls } = this.#options;
    const offered = (greeting.capabilities & Capability.SSL) !== 0;
    if (tls === "DISABLED" || (tls === "PREFERRED" && !offered)) return this.#sendLogin(false);
    if (!offered) return this.#fail("tls", "the server does not offer TLS");
    this.#flags = (flags | Capability.SSL) >>> 0;
    this.#upgrade();
  }

  #upgrade(): void {
    const link = this.#link as Link;
    const request = encodeSslRequest({ kind: "sslRequest", ...this.#head() });
    this.#upgrading = true;
    const packet = framePacket(request, this.#sequence++);
    link.write(packet, 0, packet.length);
    this.#cancelTls = upgradeToTls(link, this, tlsOptions(this.#options), (error, secure) => {
      this.#upgrading = false;
      this.#cancelTls = null;
      if (secure === null) return this.#fail("tls", error?.message ?? "TLS handshake failed");
      this.#link = secure;
      secure.resume();
      this.#sendLogin(true);
    });
  }

  #sendLogin(secure: boolean): void {
    const { username, password } = this.#options;
    const { plugin, nonce } = this.#greeting as Greeting;
    const options = { plugin, nonce, password, secure, publicKey: null, mayAskForPublicKey: true };
    this.#login = new BackendLogin(options);
    const first = this.#login.first();
    const login = encodeLogin({
      kind: "login",
      ...this.#head(),
      user: username,
      authResponse: first.authResponse,
      plugin: first.plugin,
      schema: "",
      attributes: ATTRIBUTES,
      zstdLevel: 0,
    });
    this.#send(login);
  }

  #head(): {
    capabilities: number;
    mariadbCapabilities: number;
    maxPacketBytes: number;
    charset: number;
  } {
    return {
      capabilities: this.#flags,
      mariadbCapabilities: this.#mariadbFlags,
      maxPacketBytes: 0x4000_0000,
      charset: this.#options.charset,
    };
  }

  #answered(payload: Buffer): void {
    const step = (this.#login as BackendLogin).receive(payload);
    if (step.kind === "send") this.#send(step.payload);
    else if (step.kind === "failed") this.#failed(step.failure);
    else if (step.kind === "done") this.#finish();
  }

  #send(payload: Buffer): void {
    const packet = framePacket(payload, this.#sequence++);
    (this.#link as Link).write(packet, 0, packet.length);
  }

  #finish(): void {
    if (this.#received.length > 0) return this.#fail("refused", "bytes after the login");
    this.#over = true;
    const link = this.#link as Link;
    link.pause();
    this.#done(null, { link, greeting: this.#greeting as Greeting, flags: this.#flags });
  }

  #failed(failure: BackendLoginFailure): void {
    if (failure.kind === "refused") return this.#refused(failure.err);
    const detail = failure.kind === "protocol" ? failure.what : failure.plugin;
    this.#fail("refused", `${failure.kind}: ${detail}`);
  }

  #refused(error: ErrFields): void {
    const denied = DENIED.has(error.errno);
    const full = FULL.has(error.errno);
    const failure = denied ? "access-denied" : full ? "too-many-connections" : "refused";
    this.#fail(failure, `${error.errno} ${error.message}`, error);
  }

  #fail(failure: BackendFailure, detail: string, error: ErrFields | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#link?.destroy();
    this.#done({ failure, error, detail }, null);
  }
}

/**
 * What trying again does not help: a wrong password (1045, MariaDB's 1698), an account that is locked (3118, MariaDB's 4151), blocked for
 * failed logins (3955) or whose password has expired (1862).
 */
const DENIED: ReadonlySet<number> = new Set([1045, 1698, 1862, 3118, 3955, 4151]);
/** Limits of the server on its connections, or on the account's. */
const FULL: ReadonlySet<number> = new Set([1040, 1203, 1226]);

function tlsOptions(options: OpeningOptions): ConnectionOptions {
  const verify = options.tls === "VERIFY_CA" || options.tls === "VERIFY_IDENTITY";
  return {
    rejectUnauthorized: verify,
    ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
    ...(options.ca === null ? {} : { ca: options.ca }),
    ...(options.tls === "VERIFY_IDENTITY"
      ? { host: options.host }
      : { checkServerIdentity: () => undefined }),
    minVersion: "TLSv1.2",
  };
}

/** Capabilities of the proxy's own connections, which no client's results pass through. */
export function ownCapabilities(server: Greeting): { flags: number; mariadb: number } {
  const wanted =
    Capability.LONG_FLAG |
    Capability.PROTOCOL_41 |
    Capability.TRANSACTIONS |
    Capability.SECURE_CONNECTION |
    Capability.PLUGIN_AUTH |
    Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
    Capability.CONNECT_ATTRS |
    Capability.DEPRECATE_EOF;
  return { flags: (server.capabilities & wanted) >>> 0, mariadb: 0 };
}

/** Extended flags of MariaDB that a backend may have. */
export const BACKEND_MARIADB_FLAGS =
  MariadbCapability.STMT_BULK_OPERATIONS |
  MariadbCapability.EXTENDED_METADATA |
  MariadbCapability.BULK_UNIT_RESULTS;
