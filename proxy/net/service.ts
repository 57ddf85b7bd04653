import { randomBytes } from "node:crypto";
import type { LoginKey } from "../auth/login-key.ts";
import { NoncePool } from "../auth/nonce-pool.ts";
import { type PasswordScheme, Plugin } from "../auth/plugins.ts";
import { BOUNDS } from "../base/bounds.ts";
import type { ProxyCounters } from "../observe/counters.ts";
import type { EventBus } from "../observe/events.ts";
import type { PinLog } from "../observe/pin-log.ts";
import type { CloseReason, PooledBackend, PoolTarget } from "../pool/backend.ts";
import type { PoolKey } from "../pool/key.ts";
import { Pool } from "../pool/pool.ts";
import type { PoolPorts } from "../pool/ports.ts";
import { NO_ROLE, Role } from "../pool/role.ts";
import type { Waiter } from "../pool/waiters.ts";
import type { ProxyClock } from "../ports.ts";
import type { ProxySpec } from "../spec/proxy-spec.ts";
import { VerdictCache } from "../sql/verdict-cache.ts";
import type { Account, Accounts } from "./accounts.ts";
import { Backend, type BackendOwner } from "./backend.ts";
import { backendRefused, borrowTimedOut } from "./borrowing.ts";
import { CapabilityClass } from "./capability-class.ts";
import type { ClientSession } from "./client-session.ts";
import { Denials } from "./denials.ts";
import { type IamCheck, problemOfToken } from "./iam-login.ts";
import { splitStatements } from "./init-query.ts";
import { correctStates } from "./login-state.ts";
import { openBackend } from "./open-backend.ts";
import type { OpeningFailure } from "./opening.ts";
import { CLOSE_REASONS, poolLimits } from "./pool-settings.ts";
import { type ServerFacts, UNSEEN_SERVER } from "./server-facts.ts";
import type { ServerTls } from "./tls.ts";
import { NO_TROUBLE_WATCH, type TroubleWatch } from "./trouble.ts";

/** A target's address, beside what the pool knows of it. */
export interface TargetAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServiceOptions {
  readonly spec: ProxySpec;
  readonly accounts: Accounts;
  readonly clock: ProxyClock;
  readonly events: EventBus;
  readonly counters: ProxyCounters;
  readonly pins: PinLog;
  readonly loginKey: LoginKey;
}

/** What sessions, backends and the runtime share: one for each proxy. */
export class Service implements BackendOwner, PoolPorts {
  spec: ProxySpec;
  facts: ServerFacts = UNSEEN_SERVER;
  /** A server has been seen: facts are its own. */
  seen = false;
  /** Clients are greeted, with what is known by now. */
  #greets = false;
  /** Decides on IAM tokens: deny by default. */
  iam: IamCheck = { keys: null, endpoints: [] };
  draining = false;
  /** Certificate authorities for targets, in PEM. */
  targetCa: Buffer | null = null;
  #initStatements: readonly string[];
  readonly accounts: Accounts;
  readonly clock: ProxyClock;
  readonly events: EventBus;
  readonly counters: ProxyCounters;
  readonly pins: PinLog;
  readonly loginKey: LoginKey;
  /** null: no client may speak TLS. */
  tls: ServerTls | null = null;
  killsRunning = 0;
  /** Hears of signs of trouble at the targets. */
  trouble: TroubleWatch = NO_TROUBLE_WATCH;
  readonly nonces = new NoncePool();
  readonly verdicts = new VerdictCache();
  readonly sessions = new Map<number, ClientSession>();
  readonly backends = new Set<Backend>();
  readonly pool: Pool;
  readonly addresses = new Map<PoolTarget, TargetAddress>();
  readonly denials = new Denials();
  /** User and schema pairs that a server has lately accepted, with the time. */
  readonly knownSchemas = new Map<string, number>();
  readonly #classes: CapabilityClass[] = [];
  readonly #charsets = new Map<PoolKey, number>();
  /** Backends outside of the pool. */
  readonly watched = new Set<Backend>();
  readonly #unknown: (() => void)[] = [];
  #rateSecond = 0;
  #rateCount = 0;
  #nextId = randomBytes(4).readUInt32LE(0) >>> 2;

  constructor(options: ServiceOptions) {
    this.spec = options.spec;
    this.accounts = options.accounts;
    this.clock = options.clock;
    this.events = options.events;
    this.counters = options.counters;
    this.pins = options.pins;
    this.loginKey = options.loginKey;
    this.#initStatements = splitStatements(options.spec.pool.initQuery);
    this.pool = new Pool(poolLimits(options.spec), this);
    this.accounts.onRenewed = (username) => this.renewUsers([username]);
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  epochMs(): number {
    return this.clock.epochMs();
  }

  /** The plugin that greetings name and unknown users go through. */
  get defaultScheme(): PasswordScheme {
    for (const account of this.accounts.all()) return account.scheme;
    return Plugin.CACHING_SHA2;
  }

  /** Why a new client may not come in, or null. */
  refusal(): { limit: "connections" | "connection-rate"; value: number } | null {
    const { maxClientConnections, maxConnectionRate } = this.spec.limits;
    if (this.sessions.size >= maxClientConnections) {
      return { limit: "connections", value: maxClientConnections };
    }
    if (maxConnectionRate === 0) return null;
    const second = Math.floor(this.monotonicMs() / 1000);
    if (second !== this.#rateSecond) {
      this.#rateSecond = second;
      this.#rateCount = 0;
    }
    this.#rateCount += 1;
    return this.#rateCount > maxConnectionRate
      ? { limit: "connection-rate", value: maxConnectionRate }
      : null;
  }

  /** Calls back once it is known what server the proxy speaks for, or that this will take long. */
  whenKnown(ready: () => void): void {
    if (this.#greets) ready();
    else this.#unknown.push(ready);
  }

  /** A server has been seen: the proxy speaks as it does from now on. */
  learn(facts: ServerFacts): void {
    this.facts = facts;
    if (!this.seen) correctStates(this);
    this.seen = true;
    this.greet();
  }

  /** Clients are not kept waiting for a server's own words any longer. */
  greet(): void {
    this.#greets = true;
    for (const ready of this.#unknown.splice(0)) ready();
  }

  /** Why a token lets nobody in as this user; null: it does. */
  problemOfToken(user: string, token: string): string | null {
    return problemOfToken(this.iam, { user, token, nowMs: this.epochMs() });
  }

  rememberSchema(user: string, schema: string): void {
    if (this.knownSchemas.size >= BOUNDS.sessionStatesMax) this.knownSchemas.clear();
    this.knownSchemas.set(`${user}\0${schema}`, this.monotonicMs());
  }

  /** A connection of our own that is in no pool: the sweep keeps its deadlines. */
  watch(backend: Backend): void {
    this.watched.add(backend);
  }

  /** A number for a session or backend: random-looking like RDS Proxy's, above any thread id that a server is likely to have. */
  newId(): number {
    do this.#nextId = 0x4000_0000 + ((this.#nextId + ID_STEP) % 0x4000_0000);
    while (this.sessions.has(this.#nextId));
    return this.#nextId;
  }

  /** The initialization query of backends from now on. */
  set initStatements(statements: readonly string[]) {
    this.#initStatements = statements;
    for (const kind of this.#classes) kind.initStatements = this.#initStatements;
  }

  capabilityClass(flags: number, mariadb: number): CapabilityClass {
    const found = this.#classes.find((known) => known.flags === flags && known.mariadb === mariadb);
    if (found !== undefined) return found;
    const made = new CapabilityClass(this.#classes.length, flags, mariadb, this.#initStatements);
    this.#classes.push(made);
    return made;
  }

  /** The pool key of a session; `charset` is what new backends for it log in with. */
  keyFor(account: Account, kind: CapabilityClass, charset: number): PoolKey {
    const key = this.pool.key(account.username, kind.id);
    this.#charsets.set(key, charset);
    return key;
  }

  classOf(key: PoolKey): CapabilityClass {
    return this.#classes[key.classId] as CapabilityClass;
  }

  charsetOf(key: PoolKey): number {
    return this.#charsets.get(key) ?? this.facts.charset;
  }

  // --- what the pool asks for

  open(target: PoolTarget, key: PoolKey): PooledBackend {
    const backend = new Backend(target, key, {
      id: this.newId(),
      owner: this,
      counters: this.counters.target(target.id, roleName(target)),
    });
    this.backends.add(backend);
    openBackend(this, backend);
    return backend;
  }

  lend(waiter: Waiter, backend: PooledBackend): void {
    (waiter as ClientSession).lent(backend as Backend);
  }

  expire(waiter: Waiter): void {
    borrowTimedOut(waiter as ClientSession);
  }

  close(pooled: PooledBackend, reason: CloseReason): void {
    const backend = pooled as Backend;
    backend.closeReason = CLOSE_REASONS[reason];
    backend.close();
    // The pool is in the middle of something: its place is freed afterwards.
    process.nextTick(() => this.#closed(backend));
  }

  random(): number {
    return Math.random();
  }

  // --- what backends tell

  broken(backend: Backend, detail: string): void {
    if (!backend.wasOpen) {
      this.#tellFailed(backend, { failure: "unreachable", error: null, detail });
    }
    this.#closed(backend);
    this.trouble.suspect();
  }

  isRefusal(backend: Backend, bytes: Uint8Array, end: number): boolean {
    return this.trouble.isRefusal(backend, bytes, end);
  }

  opened(backend: Backend): void {
    const { counters } = backend;
    backend.wasOpen = true;
    this.denials.forgive(backend.target, backend.key.userKey);
    counters.databaseConnectionsSetupSucceeded += 1;
    counters.databaseConnections += 1;
    if (backend.encrypted) {
      counters.databaseConnectionRequestsWithTLS += 1;
      counters.databaseConnectionsWithTLS += 1;
    }
    this.events.emit({
      kind: "backend-opened",
      at: this.epochMs(),
      target: backend.target.id,
      backend: backend.id,
      user: backend.key.userKey,
      localAddress: backend.localAddress,
      remoteAddress: backend.remoteAddress,
      tls: backend.encrypted,
    });
    this.pool.opened(backend, this.monotonicMs());
  }

  /** A login at a server did not succeed. Refused users are told at once; everybody else waits on for the next attempt. */
  openingFailed(backend: Backend, failure: OpeningFailure): void {
    if (!this.backends.delete(backend)) return;
    this.#tellFailed(backend, failure);
    const { key, target } = backend;
    const now = this.monotonicMs();
    const denied = failure.failure === "access-denied";
    const account = this.accounts.find(key.userKey);
    if (denied && account !== null) this.denials.note(target, account, failure, now);
    this.pool.openFailed(backend, failure, now);
    if (!denied && failure.failure !== "init-query") return this.trouble.suspect();
    void this.#renewPassword(account).then((renewed) => {
      if (renewed) this.pool.renewKey(key, this.monotonicMs());
      else this.#refuseWaiters(backend, failure);
    });
  }

  /** A login was not even tried: the server refused the same one a moment ago. */
  openingDenied(backend: Backend, failure: OpeningFailure): void {
    if (!this.backends.delete(backend)) return;
    this.pool.openFailed(backend, failure, this.monotonicMs());
    this.#refuseWaiters(backend, failure);
  }

  openingTimedOut(backend: Backend): void {
    backend.close();
    const detail = `no login within ${BOUNDS.backendLoginMs} ms`;
    this.openingFailed(backend, { failure: "timeout", error: null, detail });
  }

  /** These users' passwords are others now: their backends are replaced as they come back. */
  renewUsers(usernames: readonly string[]): void {
    for (const key of this.pool.keys)
      if (usernames.includes(key.userKey)) this.pool.renewKey(key, this.monotonicMs());
  }

  async #renewPassword(account: Account | null): Promise<boolean> {
    if (account === null) return false;
    try {
      await this.accounts.refresh(account);
    } catch {
      // There is an event of it.
    }
    // Another login may have had the secret read in the meantime.
    const now = this.accounts.find(account.username);
    return now !== null && now.password !== account.password;
  }

  /** Those who wait for this user at targets of this role. */
  #refuseWaiters({ key, target }: Backend, failure: OpeningFailure): void {
    const role = target.role === Role.READ_WRITE ? Role.READ_WRITE : Role.READ_ONLY;
    let waiter = this.pool.oldestWaiter(key, role);
    while (waiter !== null) {
      this.pool.cancel(waiter);
      backendRefused(waiter as ClientSession, failure);
      waiter = this.pool.oldestWaiter(key, role);
    }
  }

  #tellFailed(backend: Backend, failure: OpeningFailure): void {
    backend.counters.databaseConnectionsSetupFailed += 1;
    this.events.emit({
      kind: "backend-failed",
      at: this.epochMs(),
      target: backend.target.id,
      user: backend.key.userKey,
      failure: failure.failure,
      errno: failure.error?.errno ?? null,
      detail: failure.detail,
    });
  }

  #closed(backend: Backend): void {
    if (!this.backends.delete(backend)) return;
    if (backend.wasOpen) {
      const { counters } = backend;
      counters.databaseConnections -= 1;
      if (backend.encrypted) counters.databaseConnectionsWithTLS -= 1;
      this.events.emit({
        kind: "backend-closed",
        at: this.epochMs(),
        target: backend.target.id,
        backend: backend.id,
        reason: backend.closeReason,
      });
    }
    this.pool.closed(backend, this.monotonicMs());
  }

  /** A defect of ours: told, counted, survived by everybody else. */
  bug(where: string, error: unknown, session: number | null): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    this.events.emit({
      kind: "bug-found",
      at: this.epochMs(),
      where,
      detail: message,
      stack: stack ?? null,
      session,
    });
  }
}

/** Odd, so that the ids go through all values before one comes again. */
const ID_STEP = 0x1234_5679;

export function roleName(target: PoolTarget): "READ_WRITE" | "READ_ONLY" {
  return target.role === Role.READ_ONLY || target.role === NO_ROLE ? "READ_ONLY" : "READ_WRITE";
}
