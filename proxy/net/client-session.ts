import { type FaultName, makeFault } from "../base/faults.ts";
import type { EndpointCounters } from "../observe/counters.ts";
import type { ClientCloseReason } from "../observe/events.ts";
import type { PoolKey } from "../pool/key.ts";
import { Waiter } from "../pool/waiters.ts";
import { SessionLedger } from "../session/session-ledger.ts";
import { NO_STATE, NO_STATES, type StateTable } from "../session/session-state.ts";
import type { Verdict } from "../sql/verdict.ts";
import { type ErrFields, encodeErr } from "../wire/err.ts";
import { encodeOk, plainOk } from "../wire/ok.ts";
import { ResponseShape } from "../wire/response-walker.ts";
import { framePacket } from "../wire/writer.ts";
import type { Account } from "./accounts.ts";
import type { Backend, BackendUser } from "./backend.ts";
import { waitForBackend } from "./borrowing.ts";
import { ClientInput } from "./client-input.ts";
import type { ClientLogin } from "./client-login.ts";
import type { Endpoint } from "./endpoint.ts";
import { killStatement } from "./killer.ts";
import { type Link, type LinkOwner, WriteResult } from "./link.ts";
import { NO_VERDICT, Phase } from "./phase.ts";
import { lacksPast, needsPreparation, prepare, restorePast } from "./prepare.ts";
import { countWait, outliveLoss } from "./refusal.ts";
import type { Service } from "./service.ts";
import { afterResponse, recycle } from "./settle.ts";

/** One client's conversation, from accept to close. */
export class ClientSession extends Waiter implements LinkOwner, BackendUser {
  readonly service: Service;
  readonly endpoint: Endpoint;
  readonly counters: EndpointCounters;
  readonly id: number;
  readonly connectedAt: number;
  link: Link;
  phase: number = Phase.LOGIN;
  login: ClientLogin | null = null;
  readonly ledger: SessionLedger;
  /** States of the class that its capabilities put it in; none before the login. */
  states: StateTable = NO_STATES;
  account: Account | null = null;
  capabilities = 0;
  mariadbCapabilities = 0;
  loginCharset = 0;
  nonce: Buffer | null = null;
  tls = false;
  /** It has logged in at least once. */
  setUp = false;
  backend: Backend | null = null;
  lastBackend: Backend | null = null;
  /** The command being served. */
  command = 0;
  shape: ResponseShape = ResponseShape.RESULT;
  verdict: Verdict = NO_VERDICT;
  digest: string | null = null;
  /** Position of the SQL text in the command, from its header. */
  textOffset = 5;
  /** Responses since the backend was borrowed. */
  leaseUses = 0;
  /** Monotonic milliseconds. */
  lastActiveMs: number;
  commandStartedMs = 0;
  backendStartedMs = 0;
  halfClosedAtMs = 0;
  /** Called when preparation for a check of the schema at login is over. */
  onPrepared: ((error: ErrFields | null) => void) | null = null;
  closeReason: ClientCloseReason = "tcp-closed";
  readonly input = new ClientInput(this);
  /** The command that waits was with a backend before, and did nothing there. */
  isRetry = false;
  #backendPaused = false;

  constructor(service: Service, endpoint: Endpoint, link: Link) {
    super(null, endpoint.role);
    this.service = service;
    this.endpoint = endpoint;
    this.counters = endpoint.counters;
    this.id = service.newId();
    this.sessionId = this.id;
    this.link = link;
    this.ledger = new SessionLedger(NO_STATE, this.id);
    this.lastActiveMs = service.monotonicMs();
    this.connectedAt = service.epochMs();
  }

  get clientAddress(): string {
    return `${this.link.remoteAddress}:${this.link.remotePort}`;
  }

  /** Nothing of it would be lost by closing it. */
  get isAtRest(): boolean {
    return this.phase === Phase.IDLE && !this.ledger.inTransaction && this.input.isEmpty;
  }

  /** For the sweep: the time for the login is up. */
  loginTimedOut(): void {
    if (this.login === null) this.close("login-timeout");
    else this.login.timedOut();
  }

  get isClosed(): boolean {
    return this.phase === Phase.CLOSED;
  }

  // --- what the login tells

  /** The link is encrypted from here on. */
  secured(link: Link): void {
    this.link = link;
    this.tls = true;
    this.counters.clientConnectionsTLS += 1;
    this.counters.clientConnectionsNoTLS -= 1;
  }

  /** Only a change of user ends a pin before the connection ends. */
  unpin(): void {
    if (this.ledger.pinRule === null) return;
    this.ledger.pinRule = null;
    this.service.pins.end(this.id, this.service.epochMs());
  }

  // --- what the client's link tells

  onBytes(bytes: Uint8Array, end: number): void {
    try {
      if (this.login !== null) this.login.onBytes(bytes, end);
      else if (this.phase !== Phase.CLOSED) this.input.received(bytes, end);
    } catch (error) {
      this.defect("client input", error);
    }
  }

  /** It may only have said its last word, and still read the answer: the sweep ends what takes long. */
  onEnd(): void {
    this.halfClosedAtMs = this.service.monotonicMs();
    this.#endHalfClosed();
  }

  /** A client that sends no more, and to whom no answer is due, is gone. */
  #endHalfClosed(): void {
    if (this.halfClosedAtMs === 0) return;
    if (this.login !== null) this.close("tcp-closed");
    else if (this.phase === Phase.IDLE && this.input.isEmpty) this.closeAfterError("tcp-closed");
  }

  onDrained(): void {
    if (this.#backendPaused) {
      this.#backendPaused = false;
      this.backend?.resume();
    }
    if (this.phase === Phase.IDLE) this.consumePending();
  }

  onClosed(): void {
    this.close("tcp-closed");
  }

  consumePending(): void {
    this.input.consumePending();
    this.#endHalfClosed();
  }

  // --- what commands do

  /**
   * Sends the command in `bytes[at, stop)`, whose first packet has this payload length, to a backend: at once where one is there and fit,
   * else later. Returns false if the bytes were kept for later.
   */
  serve(bytes: Uint8Array, at: number, stop: number, length: number): boolean {
    const { service } = this;
    const now = service.monotonicMs();
    this.commandStartedMs = now;
    this.lastActiveMs = now;
    this.stateToken = this.ledger.state.token;
    let backend = this.backend;
    if (backend === null) {
      const { pool } = service;
      const key = this.key as PoolKey;
      backend = pool.take(
        key,
        this.role,
        this.stateToken,
        this.id,
        this.lastBackend,
        now,
      ) as Backend | null;
      if (backend === null) {
        this.input.park(bytes, at);
        waitForBackend(this, now);
        return false;
      }
      this.lease(backend, now);
      if (needsPreparation(this, backend)) {
        this.input.park(bytes, at);
        this.prepareLease(backend);
        return false;
      }
    } else if (lacksPast(this, backend)) {
      this.input.park(bytes, at);
      restorePast(this, backend);
      return false;
    }
    this.backendStartedMs = now;
    this.sendCommand(bytes, at, stop, length);
    return true;
  }

  lease(backend: Backend, now: number): void {
    this.backend = backend;
    this.leaseUses = 0;
    backend.user = this;
    backend.counters.databaseConnectionsCurrentlyBorrowed += 1;
    this.counters.databaseConnectionsBorrowLatency.record((now - this.commandStartedMs) * 1000);
  }

  /** The pool's word that it is this session's turn. */
  lent(backend: Backend): void {
    this.counters.sessionsWaiting -= 1;
    try {
      countWait(this);
      this.lease(backend, this.service.monotonicMs());
      if (needsPreparation(this, backend)) this.prepareLease(backend);
      else this.sendKept();
    } catch (error) {
      this.defect("lease", error);
    }
  }

  prepareLease(backend: Backend): void {
    this.phase = Phase.PREPARING;
    prepare(this, backend);
  }

  /** Sends the command that waited for its backend. */
  sendKept(): void {
    if (this.onPrepared !== null) {
      const told = this.onPrepared;
      this.onPrepared = null;
      return told(null);
    }
    this.backendStartedMs = this.service.monotonicMs();
    this.input.sendCommand();
  }

  /** Sends the command in `bytes[at, stop)`, whose first packet has this payload length, to the backend borrowed for it. */
  sendCommand(bytes: Uint8Array, at: number, stop: number, length: number): void {
    const backend = this.backend as Backend;
    if (this.ledger.pendingPin !== null) this.endpoint.pin(this, backend, bytes, at, stop);
    if (this.service.events.wantsStatements) this.endpoint.statementSent(this, bytes, at, stop);
    this.phase = Phase.RUNNING;
    backend.serve(this.shape);
    this.sendUnanswered(bytes, at, stop, length);
  }

  /** The same for a command that no response follows. */
  sendUnanswered(bytes: Uint8Array, at: number, stop: number, length: number): void {
    const backend = this.backend as Backend;
    const sent = backend.send(bytes, at, stop);
    this.input.expectRest(length, stop - at - 4);
    if (!sent) this.input.hold();
  }

  // --- what the backend tells

  fromBackend(backend: Backend, bytes: Uint8Array, end: number, ended: boolean): void {
    const result = this.link.write(bytes, 0, end);
    if (result === WriteResult.DONE) return;
    if (!ended) {
      this.#backendPaused = true;
      backend.pause();
    } else if (result === WriteResult.HELD) backend.surrenderBuffer();
  }

  responseEnded(backend: Backend): void {
    const now = this.service.monotonicMs();
    this.endpoint.answered(this, backend, now);
    this.lastActiveMs = now;
    if (this.input.hasRequest) {
      // The server answered before the request was complete: it will hear no more of it.
      this.service.pool.discard(this.release(), "broken", now);
      return this.closeAfterError("backend-lost");
    }
    this.phase = Phase.IDLE;
    this.leaseUses += 1;
    afterResponse(this, backend, now);
    if (this.input.isHeld) this.input.drained();
    if (this.phase === Phase.IDLE && !(this.input.isEmpty && this.halfClosedAtMs === 0))
      this.consumePending();
  }

  fileWanted(_backend: Backend): void {
    this.input.expectFile();
  }

  backendDrained(_backend: Backend): void {
    this.input.drained();
  }

  backendLost(_backend: Backend, _malformed: boolean): void {
    if (this.backend !== null) outliveLoss(this);
  }

  /** Ends the lease's bookkeeping; what happens to the backend is the caller's business. */
  #unlease(backend: Backend): void {
    this.backend = null;
    backend.user = null;
    backend.counters.databaseConnectionsCurrentlyBorrowed -= 1;
    if (this.ledger.pinRule !== null)
      backend.counters.databaseConnectionsCurrentlySessionPinned -= 1;
    if (this.countedTransaction) {
      this.countedTransaction = false;
      backend.counters.databaseConnectionsCurrentlyInTransaction -= 1;
    }
  }

  /** The gauge of transactions counts this session. */
  countedTransaction = false;

  /** Takes the backend out of the session's hands. */
  release(): Backend {
    const backend = this.backend as Backend;
    this.#unlease(backend);
    this.lastBackend = backend;
    return backend;
  }

  // --- answers of the proxy's own

  sendOk(warnings = 0): void {
    const ok = { ...plainOk(this.ledger.status), warnings };
    this.sendRaw(framePacket(encodeOk(ok, this.capabilities), 1));
  }

  sendError(error: ErrFields, sequence = 1): void {
    this.sendRaw(framePacket(encodeErr(error), sequence));
  }

  sendRaw(packet: Buffer): void {
    this.link.write(packet, 0, packet.length);
  }

  /** For faults without parameters. */
  refuse(name: FaultName): void {
    this.sendError(makeFault(name as "unknownCommand"));
  }

  refuseAndClose(name: FaultName, reason: ClientCloseReason): void {
    this.refuse(name);
    this.closeAfterError(reason);
  }

  /** Closes once everything written has left. */
  closeAfterError(reason: ClientCloseReason): void {
    this.#shut(reason, true);
  }

  close(reason: ClientCloseReason): void {
    this.#shut(reason, false);
  }

  #shut(reason: ClientCloseReason, gracefully: boolean): void {
    if (this.phase === Phase.CLOSED) return;
    const phase = this.phase;
    this.phase = Phase.CLOSED;
    this.closeReason = reason;
    this.onPrepared = null;
    if (phase === Phase.WAITING && this.service.pool.cancel(this))
      this.counters.sessionsWaiting -= 1;
    this.input.clear();
    this.login?.cancel();
    this.login = null;
    const backend = this.backend;
    if (backend !== null) {
      this.release();
      if (phase === Phase.RUNNING) {
        killStatement(this.service, backend);
        this.service.pool.discard(backend, "client-gone", this.service.monotonicMs());
      } else if (!backend.isBusy) recycle(this.service, backend);
      // Otherwise housekeeping is under way: whoever waits for it finds the session gone.
    }
    if (gracefully) this.link.end();
    else this.link.destroy();
    this.endpoint.ended(this);
  }

  /** A defect in our own code: this session ends, nobody else notices. */
  defect(where: string, error: unknown): void {
    this.service.bug(where, error, this.id);
    const { backend } = this;
    if (backend !== null) {
      this.release();
      this.service.pool.discard(backend, "broken", this.service.monotonicMs());
    }
    this.close("bug");
  }

  /** Whether a fact holds of the statement being served. */
  is(fact: number): boolean {
    return (this.verdict.flags & fact) !== 0;
  }
}
