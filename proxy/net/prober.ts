import { BOUNDS } from "../base/bounds.ts";
import { TargetCounters } from "../observe/counters.ts";
import type { TargetReason } from "../observe/events.ts";
import { PoolTarget } from "../pool/backend.ts";
import { NO_ROLE } from "../pool/role.ts";
import type { Node } from "../target/node.ts";
import { rowsOf, type Sighting, type TopologyReader } from "../target/sighting.ts";
import type { Greeting } from "../wire/greeting.ts";
import { Backend } from "./backend.ts";
import { type OwnFailure, ownReset } from "./housekeeping.ts";
import { type OpeningFailure, openConnection, ownCapabilities } from "./opening.ts";
import { FACTS_COLLATION, FACTS_QUERIES, factsOf, type ServerFacts } from "./server-facts.ts";
import type { Service } from "./service.ts";
import type { MonitorLogins } from "./target-monitor.ts";

/** A login may take this many probes' time: it is several round trips, and the first one of a user costs the server a hash. */
const LOGIN_PROBES = 3;
/** Pause after a refused login, and the longest one: retries can lock an account on its server. */
const DENIED_FIRST_MS = 1_000;
const DENIED_LONGEST_MS = 30_000;

export interface ProberOwner {
  answered(node: Node, sighting: Sighting): void;
  failed(node: Node): void;
}

/** Asks one server for its role, over a connection of its own. */
export class Prober {
  readonly node: Node;
  /** Why the last probe failed; null after one that succeeded. */
  reason: TargetReason | null = null;
  detail: string | null = null;
  /** What a proxy must know to speak for this server; null before it has answered. */
  facts: ServerFacts | null = null;
  readonly #service: Service;
  readonly #reader: TopologyReader;
  readonly #logins: MonitorLogins;
  readonly #owner: ProberOwner;
  #connection: Backend | null = null;
  /** When the probe under way was begun, and when it counts as failed; 0 while there is none. */
  #askedAtMs = 0;
  #deadlineMs = 0;
  #nextMs = 0;
  #deniedPauseMs = 0;
  #stopped = false;

  constructor(
    node: Node,
    service: Service,
    {
      reader,
      logins,
      owner,
    }: { reader: TopologyReader; logins: MonitorLogins; owner: ProberOwner },
  ) {
    this.node = node;
    this.#service = service;
    this.#reader = reader;
    this.#logins = logins;
    this.#owner = owner;
  }

  /** To be called often: asks when it is time to. */
  tick(now: number, intervalMs: number): void {
    if (this.#stopped) return;
    if (this.#deadlineMs !== 0) {
      if (now > this.#deadlineMs) this.#failed("UNREACHABLE", "no answer in time");
      return;
    }
    if (now < Math.min(this.#nextMs, this.#askedAtMs + this.#pauseMs(intervalMs))) return;
    const { timeout } = this.#service.spec.target.monitor;
    this.#askedAtMs = now;
    this.#nextMs = now + this.#pauseMs(intervalMs);
    this.#deadlineMs = now + (this.#connection === null ? LOGIN_PROBES * timeout : timeout);
    if (this.#connection === null) this.#open();
    else this.#ask(this.#connection, []);
  }

  /** Asks at the next tick, whatever the interval. */
  hurry(): void {
    if (this.#deniedPauseMs === 0) this.#nextMs = 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** Its login or its way to the server has changed. */
  renew(): void {
    this.#deadlineMs = 0;
    this.#nextMs = 0;
    this.#deniedPauseMs = 0;
    this.#drop();
  }

  #pauseMs(intervalMs: number): number {
    return Math.max(intervalMs, this.#deniedPauseMs);
  }

  #open(): void {
    const service = this.#service;
    const login = this.#logins.current();
    if (login === null) return this.#failed("AUTH_FAILURE", "no credentials to watch it with");
    const target = new PoolTarget(this.node.key, NO_ROLE, null, false);
    const connection = new Backend(target, service.pool.key(login.username, 0), {
      id: service.newId(),
      owner: {
        broken: (_backend, detail) => this.#lost(connection, detail),
        isRefusal: () => false,
        bug: (where, error, session) => service.bug(where, error, session),
        monotonicMs: () => service.monotonicMs(),
      },
      counters: new TargetCounters(),
    });
    this.#connection = connection;
    const giveUp = openConnection(
      {
        ...this.node.address,
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
        this.#learn(connection, opened.greeting);
      },
    );
    connection.openingWith(service.monotonicMs() + BOUNDS.backendLoginMs, giveUp);
    service.watch(connection);
  }

  /** A connection's first question is also what the server is like. */
  #learn(connection: Backend, greeting: Greeting): void {
    const commands = [ownReset(), ...FACTS_QUERIES.map((sql) => connection.query(sql))];
    this.#ask(connection, commands, (answers) => {
      const rows = rowsOf(answers.slice(1), connection.walker.deprecateEof);
      this.facts = factsOf(greeting, rows);
    });
  }

  #ask(
    connection: Backend,
    first: readonly ReturnType<typeof ownReset>[],
    learn: (answers: readonly Buffer[]) => void = () => {},
  ): void {
    const { queries, required } = this.#reader;
    const commands = [...first, ...queries.map((sql) => connection.query(sql))];
    connection.run(commands, (failure, answers) => {
      if (this.#connection !== connection) return;
      if (failure !== null && failure.index < first.length + required)
        return this.#failed("CONNECTION_FAILED", wordsOf(failure));
      learn(answers.slice(0, first.length));
      const rows = rowsOf(answers.slice(first.length), connection.walker.deprecateEof);
      const sighting = this.#reader.read(rows, this.#askedAtMs);
      if (sighting === null)
        return this.#failed("CONNECTION_FAILED", "it does not say what role it has");
      this.#deadlineMs = 0;
      this.#deniedPauseMs = 0;
      this.reason = null;
      this.detail = null;
      this.#owner.answered(this.node, sighting);
    });
  }

  #refused({ failure, detail }: OpeningFailure): void {
    if (failure === "access-denied") {
      this.#deniedPauseMs = Math.min(DENIED_LONGEST_MS, this.#deniedPauseMs * 2 || DENIED_FIRST_MS);
      this.#nextMs = this.#service.monotonicMs() + this.#deniedPauseMs;
      this.#logins.refused();
      return this.#failed("AUTH_FAILURE", detail);
    }
    const isAway = failure === "unreachable" || failure === "timeout";
    this.#failed(isAway ? "UNREACHABLE" : "CONNECTION_FAILED", detail);
  }

  #lost(connection: Backend, detail: string): void {
    if (this.#connection === connection) this.#failed("CONNECTION_FAILED", detail);
  }

  #failed(reason: TargetReason, detail: string): void {
    this.#drop();
    this.#deadlineMs = 0;
    this.reason = reason;
    this.detail = detail;
    if (!this.#stopped) this.#owner.failed(this.node);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    this.#service.watched.delete(connection);
    connection.close();
  }
}

function wordsOf({ error }: OwnFailure): string {
  return `${error.errno} ${error.message}`;
}
