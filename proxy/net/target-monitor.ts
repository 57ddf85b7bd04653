import { BOUNDS } from "../base/bounds.ts";
import type { TargetReason, TargetRole, TargetState } from "../observe/events.ts";
import type { PoolTarget } from "../pool/backend.ts";
import { decodeTextRows, type TextRow } from "../wire/text-result.ts";
import { Backend } from "./backend.ts";
import { ownReset } from "./housekeeping.ts";
import { type Opened, type OpeningFailure, openConnection, ownCapabilities } from "./opening.ts";
import { FACTS_COLLATION, FACTS_QUERIES, factsOf } from "./server-facts.ts";
import type { Service, TargetAddress } from "./service.ts";
import type { WatchedTarget } from "./watched-target.ts";

/** Who watches the targets. */
export interface MonitorLogin {
  readonly username: string;
  readonly password: string;
}

const STATUS_QUERY = "SELECT @@global.max_connections, @@global.read_only";

/** Pause after a refused login, and the longest one: retries can lock an account on its server. */
const DENIED_FIRST_MS = 1_000;
const DENIED_LONGEST_MS = 30_000;

/** Whose login a monitor uses. */
export interface MonitorLogins {
  current(): MonitorLogin | null;
  /** A server has refused it: its password may have changed where it is kept. */
  refused(): void;
}

/** Watches one target over a connection of its own, outside of the pool. */
export class TargetMonitor implements WatchedTarget {
  readonly target: PoolTarget;
  readonly role: TargetRole;
  state: TargetState = "REGISTERING";
  reason: TargetReason | null = null;
  description: string | null = null;
  readonly lagMs = null;
  readonly #service: Service;
  readonly #logins: MonitorLogins;
  #connection: Backend | null = null;
  /** When the probe under way counts as failed; 0 while there is none. */
  #deadlineMs = 0;
  #nextProbeMs = 0;
  #deniedPauseMs = 0;
  #stopped = false;

  constructor(service: Service, target: PoolTarget, role: TargetRole, logins: MonitorLogins) {
    this.#service = service;
    this.target = target;
    this.role = role;
    this.#logins = logins;
  }

  /** To be called often: probes when it is time to. */
  tick(now: number): void {
    if (this.#stopped) return;
    const { interval, timeout } = this.#service.spec.target.monitor;
    if (this.#deadlineMs !== 0) {
      if (now > this.#deadlineMs) this.#failed("UNREACHABLE", "no answer in time");
      return;
    }
    if (now < this.#nextProbeMs) return;
    this.#nextProbeMs = now + interval;
    const connection = this.#connection;
    if (connection === null) {
      this.#deadlineMs = now + Math.max(timeout, BOUNDS.backendLoginMs);
      this.#open();
    } else {
      this.#deadlineMs = now + timeout;
      this.#probe(connection);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** Its login or its way to the server has changed: the next probe makes a new connection. */
  renew(): void {
    this.#deadlineMs = 0;
    this.#nextProbeMs = 0;
    this.#deniedPauseMs = 0;
    this.#drop();
  }

  #open(): void {
    const service = this.#service;
    const login = this.#logins.current();
    if (login === null) return this.#failed("AUTH_FAILURE", "no credentials to watch it with");
    const { host, port } = service.addresses.get(this.target) as TargetAddress;
    const connection = new Backend(this.target, service.pool.key(login.username, 0), {
      id: service.newId(),
      owner: {
        broken: (_backend, detail) => this.#lost(detail),
        bug: (where, error, session) => service.bug(where, error, session),
        monotonicMs: () => service.monotonicMs(),
      },
      counters: service.counters.target(this.target.id, this.#roleName()),
    });
    this.#connection = connection;
    const giveUp = openConnection(
      {
        host,
        port,
        username: login.username,
        password: login.password,
        tls: service.spec.target.tls,
        ca: service.targetCa,
        charset: FACTS_COLLATION,
        capabilities: ownCapabilities,
      },
      (failure, opened) => {
        if (opened === null) return this.#refused(failure as OpeningFailure);
        connection.adopt(opened.link, opened.greeting.connectionId, opened.flags);
        this.#learn(connection, opened);
      },
    );
    connection.openingWith(service.monotonicMs() + BOUNDS.backendLoginMs, giveUp);
    service.watch(connection);
  }

  /** Reads what the proxy must know to speak for this server. */
  #learn(connection: Backend, opened: Opened): void {
    const queries = [
      ownReset(),
      ...[...FACTS_QUERIES, STATUS_QUERY].map((sql) => connection.query(sql)),
    ];
    connection.run(queries, (failure, answers) => {
      if (failure !== null) return this.#lost(`${failure.error.errno} ${failure.error.message}`);
      const rows = answers.map(
        (answer) => decodeTextRows(answer, connection.walker.deprecateEof) ?? [],
      );
      // Clients are spoken to as the writer would; a reader's word counts until that has been heard.
      if (this.role === "READ_WRITE" || !this.#service.seen)
        this.#service.learn(factsOf(opened.greeting, rows.slice(1)));
      this.#deniedPauseMs = 0;
      this.#available(rows.at(-1)?.[0] ?? []);
    });
  }

  #probe(connection: Backend): void {
    connection.run([connection.query(STATUS_QUERY)], (failure, answers) => {
      if (failure !== null) return this.#lost(`${failure.error.errno} ${failure.error.message}`);
      const rows = decodeTextRows(answers[0] as Buffer, connection.walker.deprecateEof) ?? [];
      this.#available(rows[0] ?? []);
    });
  }

  #available(row: TextRow): void {
    this.#deadlineMs = 0;
    const { pool } = this.#service;
    const now = this.#service.monotonicMs();
    const limit = Number(row[0] ?? 0);
    pool.setTargetMaxConnections(this.target, limit > 0 ? limit : null, now);
    const { counters } = this.#service;
    counters.target(this.target.id, this.#roleName()).maxDatabaseConnectionsAllowed =
      this.target.capacity;
    this.#become("AVAILABLE", null, null);
  }

  #refused(failure: OpeningFailure): void {
    const reason =
      failure.failure === "access-denied"
        ? "AUTH_FAILURE"
        : failure.failure === "unreachable" || failure.failure === "timeout"
          ? "UNREACHABLE"
          : "CONNECTION_FAILED";
    if (reason === "AUTH_FAILURE") {
      this.#deniedPauseMs = Math.min(DENIED_LONGEST_MS, this.#deniedPauseMs * 2 || DENIED_FIRST_MS);
      this.#nextProbeMs = this.#service.monotonicMs() + this.#deniedPauseMs;
      this.#logins.refused();
    }
    this.#failed(reason, failure.detail);
  }

  #lost(detail: string): void {
    this.#failed("CONNECTION_FAILED", detail);
  }

  #failed(reason: TargetReason, detail: string): void {
    this.#drop();
    this.#deadlineMs = 0;
    this.#become("UNAVAILABLE", reason, detail);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    this.#service.watched.delete(connection);
    connection.close();
  }

  #roleName(): "READ_WRITE" | "READ_ONLY" {
    return this.role === "READ_ONLY" ? "READ_ONLY" : "READ_WRITE";
  }

  #become(state: TargetState, reason: TargetReason | null, detail: string | null): void {
    const before = this.state;
    this.reason = reason;
    this.description = detail;
    if (before === state) return;
    this.state = state;
    const role = this.role;
    this.#service.events.emit({
      kind: "target-changed",
      at: this.#service.epochMs(),
      target: this.target.id,
      before: { state: before, role },
      after: { state, role },
      reason,
      detail: detail ?? "",
    });
  }
}
