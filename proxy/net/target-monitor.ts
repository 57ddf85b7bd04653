import { BOUNDS } from "../base/bounds.ts";
import type { TargetReason, TargetRole, TargetState } from "../observe/events.ts";
import type { PoolTarget } from "../pool/backend.ts";
import { decodeTextRows, type TextRow } from "../wire/text-result.ts";
import { Backend } from "./backend.ts";
import { ownReset } from "./housekeeping.ts";
import { type Opened, type OpeningFailure, openConnection, ownCapabilities } from "./opening.ts";
import {
  CHARSET_QUERY,
  COLLATIONS_QUERY,
  decodeCharset,
  decodeCollations,
  decodeTracked,
  type ServerFacts,
  TRACKED_QUERY,
} from "./server-facts.ts";
import type { Service, TargetAddress } from "./service.ts";

/** Who watches the targets. */
export interface MonitorLogin {
  readonly username: string;
  readonly password: string;
}

const STATUS_QUERY = "SELECT @@global.max_connections, @@global.read_only";

/** Watches one target over a connection of its own, outside of the pool. */
export class TargetMonitor {
  readonly target: PoolTarget;
  readonly role: TargetRole;
  state: TargetState = "REGISTERING";
  reason: TargetReason | null = null;
  description: string | null = null;
  readonly #service: Service;
  readonly #login: () => MonitorLogin | null;
  #connection: Backend | null = null;
  #busy = false;
  #nextProbeMs = 0;
  #stopped = false;

  constructor(
    service: Service,
    target: PoolTarget,
    role: TargetRole,
    login: () => MonitorLogin | null,
  ) {
    this.#service = service;
    this.target = target;
    this.role = role;
    this.#login = login;
  }

  /** To be called often: probes when it is time to. */
  tick(now: number): void {
    if (this.#stopped || this.#busy || now < this.#nextProbeMs) return;
    this.#nextProbeMs = now + this.#service.spec.target.monitor.interval;
    this.#busy = true;
    if (this.#connection === null) this.#open();
    else this.#probe(this.#connection);
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  #open(): void {
    const service = this.#service;
    const login = this.#login();
    if (login === null) return this.#failed("AUTH_FAILURE", "no credentials to watch it with");
    const { host, port } = service.addresses.get(this.target) as TargetAddress;
    const connection = new Backend(this.target, service.pool.key(login.username, 0), {
      id: service.newId(),
      owner: {
        broken: (_backend, detail) => this.#lost(detail),
        bug: (where, error, session) => service.bug(where, error, session),
        monotonicMs: () => service.monotonicMs(),
      },
      counters: service.counters.target(this.target.id, "READ_WRITE"),
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
        charset: 45,
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
      ...[CHARSET_QUERY, COLLATIONS_QUERY, TRACKED_QUERY, STATUS_QUERY].map((sql) =>
        connection.query(sql),
      ),
    ];
    connection.run(queries, (failure, answers) => {
      if (failure !== null) return this.#lost(`${failure.error.errno} ${failure.error.message}`);
      const rows = answers.map(
        (answer) => decodeTextRows(answer, connection.walker.deprecateEof) ?? [],
      );
      this.#service.facts = factsOf(opened, rows);
      this.#service.known();
      this.#available(rows[4]?.[0] ?? []);
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
    this.#busy = false;
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
    this.#failed(reason, failure.detail);
  }

  #lost(detail: string): void {
    this.#failed("CONNECTION_FAILED", detail);
  }

  #failed(reason: TargetReason, detail: string): void {
    this.#drop();
    this.#busy = false;
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

function factsOf(opened: Opened, rows: readonly (readonly TextRow[])[]): ServerFacts {
  const { greeting } = opened;
  return {
    version: greeting.serverVersion,
    mariadb: /mariadb/i.test(greeting.serverVersion),
    capabilities: greeting.capabilities,
    mariadbCapabilities: greeting.mariadbCapabilities,
    charset: greeting.charset,
    collations: decodeCollations(rows[2] ?? []),
    tracked: decodeTracked(rows[3] ?? []),
    resetCharset: decodeCharset(rows[1]?.[0] ?? []),
  };
}
