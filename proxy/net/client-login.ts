import { Plugin } from "../auth/plugins.ts";
import { ServerLogin, type ServerLoginStep } from "../auth/server-exchange.ts";
import { BOUNDS } from "../base/bounds.ts";
import { makeFault } from "../base/faults.ts";
import type { LoginFailure, LoginMethod } from "../observe/events.ts";
import { Capability } from "../wire/capabilities.ts";
import type { ChangeUser } from "../wire/change-user.ts";
import { wideCharset } from "../wire/charsets.ts";
import type { ErrFields } from "../wire/err.ts";
import { encodeGreeting } from "../wire/greeting.ts";
import { decodeLogin, type Login } from "../wire/login.ts";
import { MalformedPacket } from "../wire/malformed-packet.ts";
import { Status } from "../wire/status.ts";
import { framePacket } from "../wire/writer.ts";
import { type Account, credentialOf } from "./accounts.ts";
import type { ClientSession } from "./client-session.ts";
import { checkSchema, loggedIn, welcome } from "./login-outcome.ts";
import { stateAfterLogin } from "./login-state.ts";
import { Phase } from "./phase.ts";
import { classFlags, offeredCapabilities, offeredMariadbCapabilities } from "./server-facts.ts";
import { acceptTls } from "./tls.ts";

/** How long a server's word that a user may use a schema is good for, in milliseconds. */
const SCHEMA_KNOWN_MS = 60_000;
/** How long a client with a wrong password waits at most while its user's secret is read again, in milliseconds. */
const REREAD_WAIT_MS = 3_000;

/** From the greeting, or a COM_CHANGE_USER, to the OK or the refusal. */
export class ClientLogin {
  readonly #session: ClientSession;
  readonly #nonce: Buffer;
  readonly #changing: boolean;
  #received: Buffer = EMPTY;
  #sequence = 0;
  #expected = 1;
  #exchange: ServerLogin | null = null;
  #user = "";
  #account: Account | null = null;
  #schema = "";
  #charset = 0;
  #capabilities = 0;
  #mariadbCapabilities = 0;
  /** Why a token was refused, for the log. */
  #problem: string | null = null;
  /** What the client sends is kept: a TLS handshake, a secret or a backend is waited for. */
  #paused = false;
  #cancelTls: (() => void) | null = null;
  #over = false;

  private constructor(session: ClientSession, nonce: Buffer, changing: boolean) {
    this.#session = session;
    this.#nonce = nonce;
    this.#changing = changing;
  }

  /** Greets a client that has just connected. */
  static greet(session: ClientSession): ClientLogin {
    session.nonce = session.service.nonces.next();
    const login = new ClientLogin(session, session.nonce, false);
    login.#greet();
    return login;
  }

  static changeUser(session: ClientSession, request: ChangeUser): ClientLogin {
    // MariaDB's client library scrambles with the greeting's nonce whatever else it is asked for; servers keep to it as well.
    const login = new ClientLogin(session, session.nonce as Buffer, true);
    login.#capabilities = session.capabilities;
    login.#mariadbCapabilities = session.mariadbCapabilities;
    login.#sequence = 1;
    login.#begin(request, request.charset);
    return login;
  }

  cancel(): void {
    this.#over = true;
    this.#cancelTls?.();
  }

  onBytes(bytes: Uint8Array, end: number): void {
    if (this.#over) return;
    this.#received =
      this.#received.length === 0
        ? Buffer.from(bytes.subarray(0, end))
        : Buffer.concat([this.#received, bytes.subarray(0, end)]);
    if (this.#received.length > BOUNDS.loginPacketBytes + BOUNDS.clientReadBytes)
      return this.#fail(makeFault("packetTooLarge"), "malformed-packet");
    try {
      this.#packets();
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      this.#fail(makeFault("badHandshake"), "malformed-packet");
    }
  }

  #packets(): void {
    while (!this.#over && !this.#paused && this.#received.length >= 4) {
      const received = this.#received;
      const length = received.readUIntLE(0, 3);
      if (length > BOUNDS.loginPacketBytes)
        return this.#fail(makeFault("packetTooLarge"), "malformed-packet");
      if (received.length < 4 + length) return;
      if (received[3] !== this.#expected)
        return this.#fail(makeFault("packetsOutOfOrder"), "malformed-packet");
      this.#sequence = (this.#expected + 1) & 0xff;
      this.#expected = (this.#expected + 2) & 0xff;
      this.#received = received.subarray(4 + length);
      const payload = received.subarray(4, 4 + length);
      if (this.#exchange === null) this.#opened(payload);
      else this.#step(this.#exchange.receive(payload));
    }
  }

  #greet(): void {
    const { service, id, link } = this.#session;
    const { facts } = service;
    const greeting = encodeGreeting({
      kind: "greeting",
      serverVersion: facts.version,
      connectionId: id,
      nonce: this.#nonce,
      capabilities: offeredCapabilities(facts, service.tls !== null),
      mariadbCapabilities: offeredMariadbCapabilities(facts),
      charset: facts.charset,
      status: Status.AUTOCOMMIT,
      plugin: service.defaultScheme,
    });
    const packet = framePacket(greeting, 0);
    link.write(packet, 0, packet.length);
  }

  #opened(payload: Buffer): void {
    const session = this.#session;
    const login = decodeLogin(payload);
    if (login.kind === "oldLogin")
      return this.#fail(makeFault("authModeUnsupported"), "method-mismatch");
    if (login.kind === "sslRequest") return this.#secure();
    if (session.service.spec.requireTLS && !session.tls) {
      this.#user = login.user;
      return this.#fail(makeFault("tlsRequired"), "tls-required");
    }
    const offered = offeredCapabilities(session.service.facts, session.tls);
    this.#capabilities = (login.capabilities & offered) >>> 0;
    const mariadb = offeredMariadbCapabilities(session.service.facts);
    this.#mariadbCapabilities = login.mariadbCapabilities & mariadb;
    this.#begin(login, login.charset);
  }

  #secure(): void {
    const session = this.#session;
    const { tls } = session.service;
    if (tls === null || session.tls) return this.#fail(makeFault("badHandshake"), "tls-handshake");
    this.#paused = true;
    // The login proper follows without a word of ours between.
    this.#expected = this.#sequence;
    const early = this.#received;
    this.#received = EMPTY;
    this.#cancelTls = acceptTls(session.link, session, tls, early, (link) => {
      this.#paused = false;
      this.#cancelTls = null;
      if (link === null) return this.#lost();
      session.secured(link);
      link.resume();
    });
  }

  #begin(login: Pick<Login, "user" | "authResponse" | "plugin" | "schema">, charset: number): void {
    const session = this.#session;
    const { service } = session;
    const wide = wideCharset(charset);
    this.#user = login.user;
    if (wide !== null)
      return this.#fail(makeFault("clientCharacterSet", { value: wide }), "bad-charset");
    this.#schema = login.schema;
    this.#charset = charset === 0 ? service.facts.charset : charset;
    this.#account = service.accounts.find(login.user);
    this.#exchange = new ServerLogin({
      credential: credentialOf(this.#account),
      decoyScheme: service.defaultScheme,
      plugin: login.plugin,
      authResponse: login.authResponse,
      canSwitch: (this.#capabilities & Capability.PLUGIN_AUTH) !== 0,
      secure: session.tls,
      nonce: this.#nonce,
      key: service.loginKey,
    });
    // What comes with a change of user may be meant for another plugin: ask anew.
    this.#step(this.#changing ? this.#exchange.startAnew() : this.#exchange.start());
  }

  #step(step: ServerLoginStep): void {
    switch (step.kind) {
      case "send":
        return this.#send(step.payload);
      case "accept":
        if (step.before !== null) this.#send(step.before);
        return this.#accepted();
      case "verifyToken":
        return this.#verify(step.token);
      case "refuse": {
        const failure = FAILURES[step.reason] ?? "malformed-packet";
        if (step.fault !== "accessDenied") return this.#fail(makeFault(step.fault), failure);
        if (step.usingPassword && isWrongPassword(step.reason)) return this.#askAgain(failure);
        return this.#fail(this.#denied(step.usingPassword), failure);
      }
    }
  }

  #verify(token: string): void {
    this.#problem = this.#session.service.problemOfToken(this.#user, token);
    this.#step((this.#exchange as ServerLogin).tokenVerified(this.#problem === null));
  }

  /** The password may have been changed in the user's secret since that was last read. */
  #askAgain(failure: LoginFailure): void {
    const { accounts } = this.#session.service;
    const rereading = accounts.rereadAfterDenial(this.#user);
    if (rereading === null) return this.#decide(failure);
    this.#paused = true;
    const timer = setTimeout(() => decide(), REREAD_WAIT_MS);
    const decide = (): void => {
      clearTimeout(timer);
      if (this.#over || !this.#paused) return;
      this.#paused = false;
      this.#decide(failure);
    };
    rereading.then(decide, decide);
  }

  #decide(failure: LoginFailure): void {
    const account = this.#session.service.accounts.find(this.#user);
    const isRight =
      account !== null &&
      !account.iam &&
      account.password !== this.#account?.password &&
      (this.#exchange as ServerLogin).wouldAccept(account.password);
    if (!isRight) return this.#fail(this.#denied(true), failure);
    this.#account = account;
    this.#accepted();
  }

  #denied(usingPassword: boolean): ErrFields {
    const host = this.#session.link.remoteAddress;
    return makeFault("accessDenied", {
      user: this.#user,
      host,
      usingPassword: usingPassword ? "YES" : "NO",
    });
  }

  #accepted(): void {
    const session = this.#session;
    const { service } = session;
    const account = this.#account as Account;
    const flags = classFlags(service.facts, this.#capabilities);
    const kind = service.capabilityClass(flags, this.#mariadbCapabilities);
    session.account = account;
    session.capabilities = this.#capabilities;
    session.mariadbCapabilities = this.#mariadbCapabilities;
    session.states = kind.states;
    session.key = service.keyFor(account, kind, this.#charset);
    session.loginCharset = this.#charset;
    const schema = this.#schema === "" ? null : this.#schema;
    session.ledger.begin(stateAfterLogin(session, schema), service.newId());
    if (this.#schema === "" || this.#isKnownSchema()) return this.#finish();
    this.#paused = true;
    checkSchema(session, (error) => {
      if (this.#over) return;
      if (error !== null) return this.#fail(error, schemaFailureOf(error));
      service.rememberSchema(account.username, this.#schema);
      this.#finish();
    });
  }

  #isKnownSchema(): boolean {
    const { service } = this.#session;
    const at = service.knownSchemas.get(`${this.#user}\0${this.#schema}`);
    return at !== undefined && service.monotonicMs() - at < SCHEMA_KNOWN_MS;
  }

  #finish(): void {
    this.#over = true;
    const session = this.#session;
    this.#send(welcome(this.#capabilities, this.#schema));
    session.login = null;
    session.phase = Phase.IDLE;
    loggedIn(session);
    if (this.#received.length > 0) session.onBytes(this.#received, this.#received.length);
  }

  #send(payload: Buffer): void {
    const packet = framePacket(payload, this.#sequence);
    this.#sequence = (this.#sequence + 1) & 0xff;
    this.#expected = this.#sequence;
    this.#session.link.write(packet, 0, packet.length);
  }

  #lost(): void {
    this.#over = true;
    this.#tell("tls-handshake");
    this.#session.close("login-failed");
  }

  /** Also for the sweep: the time for the login is up. */
  timedOut(): void {
    this.cancel();
    this.#tell("timeout");
    this.#session.close("login-timeout");
  }

  #fail(error: ErrFields, failure: LoginFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#tell(failure);
    this.#session.sendError(error, this.#sequence);
    this.#session.closeAfterError("login-failed");
  }

  #tell(failure: LoginFailure): void {
    const session = this.#session;
    const { service } = session;
    if (failure !== "no-backend") session.counters.clientConnectionsSetupFailedAuth += 1;
    const isUnread = failure === "unknown-user" && service.accounts.isNamed(this.#user);
    service.events.emit({
      kind: "client-login-failed",
      at: service.epochMs(),
      endpoint: session.endpoint.name,
      session: session.id,
      user: this.#user === "" ? null : this.#user,
      clientAddress: session.clientAddress,
      tls: session.tls,
      method: methodOf(this.#account, service.defaultScheme),
      failure: isUnread ? "no-credentials" : failure,
      ...(this.#problem === null ? {} : { detail: this.#problem }),
    });
  }
}

const EMPTY = Buffer.alloc(0);

const FAILURES: Partial<Record<string, LoginFailure>> = {
  "unknown user": "unknown-user",
  "wrong password": "wrong-password",
  "no password sent": "wrong-password",
  "wrong token": "bad-token",
  "token without TLS": "tls-required",
  "no RSA key for a login without TLS": "tls-required",
  "client cannot switch plugin": "method-mismatch",
};

function isWrongPassword(reason: string): boolean {
  return reason === "wrong password" || reason === "unknown user";
}

/** Errors of a server that mean the schema itself: access denied to it, and unknown. */
function schemaFailureOf({ errno }: ErrFields): LoginFailure {
  return errno === 1044 || errno === 1049 ? "unknown-schema" : "no-backend";
}

function methodOf(account: Account | null, scheme: string): LoginMethod {
  if (account?.iam === true) return "iam";
  const used = account?.scheme ?? scheme;
  return used === Plugin.NATIVE ? "native-password" : "caching-sha2-password";
}
