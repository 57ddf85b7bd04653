import { BOUNDS } from "../base/bounds.ts";
import type { EndpointCounters } from "../observe/counters.ts";
import { Role } from "../pool/role.ts";
import type { EndpointRole } from "../spec/proxy-spec.ts";
import { digest } from "../sql/digest.ts";
import { untrackedVariable } from "../sql/explain.ts";
import { fixFor, reasonFor } from "../sql/rules.ts";
import type { PinRuleId } from "../sql/verdict.ts";
import { Command } from "../wire/command.ts";
import type { Backend } from "./backend.ts";
import type { ClientSession } from "./client-session.ts";
import type { Service } from "./service.ts";

/** One address that clients connect to, with the role of the targets that serve it. */
export class Endpoint {
  readonly service: Service;
  readonly name: string;
  readonly targetRole: EndpointRole;
  readonly role: Role;
  readonly counters: EndpointCounters;

  constructor(service: Service, name: string, targetRole: EndpointRole) {
    this.service = service;
    this.name = name;
    this.targetRole = targetRole;
    this.role = targetRole === "READ_ONLY" ? Role.READ_ONLY : Role.READ_WRITE;
    this.counters = service.counters.endpoint(name);
  }

  /** The command about to be sent pins its session to this backend. */
  pin(session: ClientSession, backend: Backend, bytes: Uint8Array, at: number, stop: number): void {
    const { service } = this;
    const rule = session.ledger.pendingPin as PinRuleId;
    session.ledger.pendingPin = null;
    session.ledger.pinRule = rule;
    service.pool.pinnedChanged(backend, true);
    backend.counters.databaseConnectionsCurrentlySessionPinned += 1;
    service.counters.countPin(rule);
    const text = digestOf(session, bytes, at, stop);
    const pinned = {
      kind: "session-pinned",
      at: service.epochMs(),
      endpoint: this.name,
      session: session.id,
      user: session.account?.username ?? "",
      clientAddress: session.clientAddress,
      target: backend.target.id,
      backend: backend.id,
      rule,
      reason: reasonFor(rule, text),
      digest: text,
      fix: fixFor(rule, untrackedVariable(session.verdict)),
    } as const;
    service.pins.add(pinned);
    service.events.emit(pinned);
  }

  /** A command is about to be sent while statement events are wanted. */
  statementSent(session: ClientSession, bytes: Uint8Array, at: number, stop: number): void {
    const hasText = session.command === Command.QUERY || session.command === Command.STMT_PREPARE;
    // What else a command holds is values.
    session.digest = hasText ? digestOf(session, bytes, at, stop) : "";
  }

  /** A command has been answered, to the last byte. */
  answered(session: ClientSession, backend: Backend, now: number): void {
    const { counters } = this;
    const databaseUs = (now - session.backendStartedMs) * 1000;
    counters.queryDatabaseResponseLatency.record(databaseUs);
    backend.counters.queryDatabaseResponseLatency.record(databaseUs);
    counters.queryResponseLatency.record((now - session.commandStartedMs) * 1000);
    if (session.digest !== null) this.#statementServed(session, backend, databaseUs);
  }

  #statementServed(session: ClientSession, backend: Backend, us: number): void {
    const text = session.digest as string;
    session.digest = null;
    this.service.events.emit({
      kind: "statement-served",
      at: this.service.epochMs(),
      endpoint: this.name,
      session: session.id,
      backend: backend.id,
      digest: text,
      us: Math.round(us),
    });
  }

  /** A session is over. */
  ended(session: ClientSession): void {
    const { service, counters } = this;
    if (!service.sessions.delete(session.id)) return;
    counters.clientConnections -= 1;
    counters.clientConnectionsClosed += 1;
    if (session.tls) counters.clientConnectionsTLS -= 1;
    else counters.clientConnectionsNoTLS -= 1;
    if (!session.setUp) counters.clientConnectionsInSetup -= 1;
    if (session.ledger.pinRule !== null) service.pins.end(session.id, service.epochMs());
    service.events.emit({
      kind: "client-closed",
      at: service.epochMs(),
      endpoint: this.name,
      session: session.id,
      reason: session.closeReason,
      clientAddress: session.clientAddress,
      user: session.account?.username ?? null,
    });
  }
}

function digestOf(session: ClientSession, bytes: Uint8Array, at: number, stop: number): string {
  const start = at + (session.command === Command.QUERY ? session.textOffset : 5);
  const end = Math.min(stop, start + BOUNDS.statementTextBytes);
  return digest(bytes, start, end, session.ledger.state.reading, BOUNDS.digestChars);
}
