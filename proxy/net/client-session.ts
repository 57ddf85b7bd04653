import { BOUNDS } from "../base/bounds.ts";
import { type FaultName, makeFault } from "../base/faults.ts";
import type { EndpointCounters } from "../observe/counters.ts";
import type { ClientCloseReason } from "../observe/events.ts";
import type { PoolKey } from "../pool/key.ts";
import { Waiter } from "../pool/waiters.ts";
import type { SessionState } from "../session/session-state.ts";
import { Fact, type PinRuleId, type Verdict } from "../sql/verdict.ts";
import { type ErrFields, encodeErr } from "../wire/err.ts";
import { encodeOk, plainOk } from "../wire/ok.ts";
import type { RequestWalker } from "../wire/request-walker.ts";
import { RequestWalker as Requests } from "../wire/request-walker.ts";
import { ResponseShape } from "../wire/response-walker.ts";
import { Status } from "../wire/status.ts";
import { framePacket } from "../wire/writer.ts";
import type { Account } from "./accounts.ts";
import type { Backend, BackendUser, DiagnosticsOwner } from "./backend.ts";
import type { ClientLogin } from "./client-login.ts";
import { dispatchCommand, NO_VERDICT } from "./commands.ts";
import type { Endpoint } from "./endpoint.ts";
import { killStatement } from "./kill.ts";
import { type Link, type LinkOwner, WriteResult } from "./link.ts";
import type { OpeningFailure } from "./opening.ts";
import { needsPreparation, prepare } from "./prepare.ts";
import type { Service } from "./service.ts";
import { afterResponse, recycle } from "./settle.ts";

/** Where a session is in the serving of a command. */
export const Phase = {
  LOGIN: 0,
  IDLE: 1,
  /** In the pool's queue. */
  WAITING: 2,
  /** Its backend is being brought into its state. */
  PREPARING: 3,
  /** A command is with the backend. */
  RUNNING: 4,
  /** The response is out; the backend is asked what the command has changed. */
  SETTLING: 5,
  CLOSED: 6,
} as const;

/** Why a lent backend stays with its session although its response is complete. */
export type Hold = "transaction" | "pin" | null;

/** One client's conversation, from accept to close. */
export class ClientSession extends Waiter implements LinkOwner, BackendUser, DiagnosticsOwner {
  readonly service: Service;
  readonly endpoint: Endpoint;
  readonly counters: EndpointCounters;
  readonly id: number;
  readonly connectedAt: number;
  link: Link;
  phase: number = Phase.LOGIN;
  login: ClientLogin | null = null;
  account: Account | null = null;
  capabilities = 0;
  mariadbCapabilities = 0;
  tls = false;
  /** It has logged in at least once. */
  setUp = false;
  state: SessionState;
  backend: Backend | null = null;
  lastBackend: Backend | null = null;
  pinRule: PinRuleId | null = null;
  /** Pins once the command being served has its backend. */
  pendingPin: PinRuleId | null = null;
  xaOpen = false;
  /** Status flags of the session outside of any command. */
  status: number = Status.AUTOCOMMIT;
  /** The command being served. */
  command = 0;
  shape: ResponseShape = ResponseShape.RESULT;
  verdict: Verdict = NO_VERDICT;
  /** Position of the SQL text in the command, from its header. */
  textOffset = 5;
  /** Responses since the backend was borrowed. */
  leaseUses = 0;
  /** Variables, or the schema, that may have changed since the backend was borrowed. */
  dirtyVariables: Set<string> | null = null;
  dirtySchema = false;
  insertIdVersion = 0;
  insertIdLow = 0;
  insertIdHigh = 0;
  insertIdDoubtful = false;
  affectedRows = 0;
  foundRows = 0;
  warnings = 0;
  /** `uses` of `lastBackend` right after the last statement. */
  diagnosticsUse = -1;
  /** The answer to SHOW WARNINGS, taken before somebody else used the backend. */
  keptDiagnostics: Buffer | null = null;
  /** Monotonic milliseconds. */
  lastActiveMs: number;
  commandStartedMs = 0;
  backendStartedMs = 0;
  halfClosedAtMs = 0;
  /** Called when preparation for a check of the schema at login is over. */
  onPrepared: ((error: ErrFields | null) => void) | null = null;
  closeReason: ClientCloseReason = "tcp-closed";
  #pending: Buffer | null = null;
  #pendingStart = 0;
  #pendingEnd = 0;
  #inputEnd = 0;
  #request: RequestWalker | null = null;
  #fileWanted = false;
  #consuming = false;
  #inputPaused = false;
  #backendPaused = false;

  constructor(service: Service, endpoint: Endpoint, link: Link) {
    super(null, endpoint.role);
    this.service = service;
    this.endpoint = endpoint;
    this.counters = endpoint.counters;
    this.id = service.newId();
    this.sessionId = this.id;
    this.link = link;
    this.state = service.states.state(null, false, new Map());
    this.lastActiveMs = service.monotonicMs();
    this.connectedAt = service.epochMs();
  }

  get clientAddress(): string {
    return `${this.link.remoteAddress}:${this.link.remotePort}`;
  }

  get holdsTransaction(): boolean {
    return (this.status & Status.IN_TRANS) !== 0 || this.xaOpen;
  }

  /** Nothing of it would be lost by closing it. */
  get isAtRest(): boolean {
    return this.phase === Phase.IDLE && !this.holdsTransaction && this.#pending === null;
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

  /** The user is who it says it is: its session begins in this state. */
  begin(state: SessionState): void {
    this.state = state;
    this.status = Status.AUTOCOMMIT;
    this.xaOpen = false;
    this.insertIdVersion = 0;
    this.insertIdLow = 0;
    this.insertIdHigh = 0;
    this.affectedRows = 0;
    this.foundRows = 0;
    this.warnings = 0;
    this.keptDiagnostics = null;
    this.dirtySchema = false;
    this.dirtyVariables = null;
    this.insertIdDoubtful = false;
  }

  /** Has a backend go to the session's schema, and tells the server's error if it refuses. */
  checkSchema(done: (error: ErrFields | null) => void): void {
    const { service } = this;
    const now = service.monotonicMs();
    this.verdict = NO_VERDICT;
    this.commandStartedMs = now;
    this.stateToken = this.state.token;
    this.onPrepared = (error) => {
      if (error === null) {
        const backend = this.release();
        backend.stateToken = this.state.token;
        service.pool.giveBack(backend, service.monotonicMs());
      }
      this.phase = Phase.LOGIN;
      done(error);
    };
    const backend = service.pool.take(
      this.key as PoolKey,
      this.role,
      this.stateToken,
      this.id,
      null,
      now,
    ) as Backend | null;
    if (backend === null) return this.#enqueue(now);
    this.#lease(backend, now);
    this.prepareLease(backend);
  }

  loggedIn(): void {
    const { service, counters } = this;
    this.lastActiveMs = service.monotonicMs();
    if (!this.setUp) {
      this.setUp = true;
      counters.clientConnectionsInSetup -= 1;
      counters.clientConnectionsSetupSucceeded += 1;
    }
    service.events.emit({
      kind: "client-logged-in",
      at: service.epochMs(),
      endpoint: this.endpoint.name,
      session: this.id,
      user: this.account?.username ?? "",
      tls: this.tls,
      schema: this.state.schema,
    });
  }

  /** Only a change of user ends a pin before the connection ends. */
  unpin(): void {
    if (this.pinRule === null) return;
    this.pinRule = null;
    this.service.pins.end(this.id, this.service.epochMs());
  }

  // --- what the client's link tells

  onBytes(bytes: Uint8Array, end: number): void {
    try {
      this.#received(bytes, end);
    } catch (error) {
      this.#defect("client input", error);
    }
  }

  onEnd(): void {
    if (
      this.phase === Phase.RUNNING ||
      this.phase === Phase.WAITING ||
      this.phase === Phase.PREPARING
    ) {
      // It may only have said its last word, and still read the answer: the sweep ends what takes long.
      this.halfClosedAtMs = this.service.monotonicMs();
      return;
    }
    this.close("tcp-closed");
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

  #received(bytes: Uint8Array, end: number): void {
    if (this.login !== null) return this.login.onBytes(bytes, end);
    if (this.phase === Phase.CLOSED) return;
    let at = 0;
    if (this.#request !== null && this.#pending === null) at = this.#relayRequest(bytes, 0, end);
    if (at < end && this.#pending === null && this.phase === Phase.IDLE && this.#request === null) {
      at = this.#consume(bytes, at, end);
    }
    if (at !== KEPT && at < end) this.#keep(bytes, at, end);
  }

  /** Bytes that must wait for what came before them. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const fresh = bytes.subarray(start, end);
    const old = this.#pending;
    this.#pending =
      old === null
        ? Buffer.from(fresh)
        : Buffer.concat([old.subarray(this.#pendingStart, this.#pendingEnd), fresh]);
    this.#pendingStart = 0;
    this.#pendingEnd = this.#pending.length;
    if (this.#pendingEnd > BOUNDS.clientPendingBytes && !this.#inputPaused) {
      this.#inputPaused = true;
      this.link.pause();
    }
  }

  /** Serves what was kept, as far as it goes. */
  consumePending(): void {
    if (this.#consuming) return;
    this.#consuming = true;
    try {
      while (this.#pending !== null && this.#progress(this.#pending)) {}
    } finally {
      this.#consuming = false;
    }
    const left = this.#pending === null ? 0 : this.#pendingEnd - this.#pendingStart;
    if (this.#inputPaused && left <= BOUNDS.clientPendingBytes && this.phase !== Phase.CLOSED) {
      this.#inputPaused = false;
      this.link.resume();
    }
  }

  /** One step through what was kept. Returns whether another may follow. */
  #progress(bytes: Buffer): boolean {
    const start = this.#pendingStart;
    let at = start;
    if (this.#request !== null) at = this.#relayRequest(bytes, at, this.#pendingEnd);
    if (this.phase === Phase.IDLE && this.#request === null && at < this.#pendingEnd) {
      at = this.#consume(bytes, at, this.#pendingEnd);
    }
    if (at !== KEPT && this.#pending === bytes) {
      this.#pendingStart = at;
      if (at >= this.#pendingEnd) this.#pending = null;
    }
    return this.phase === Phase.IDLE && (this.#pending !== bytes || this.#pendingStart !== start);
  }

  /** Takes commands from the bytes in hand. Returns the position up to which they are done with, or KEPT. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (this.phase === Phase.IDLE && this.#request === null && end - at >= 4) {
      if (this.link.pendingBytes > BOUNDS.clientPendingBytes) return at;
      const length =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16);
      if (bytes[at + 3] !== 0) {
        this.refuseAndClose("packetsOutOfOrder", "malformed-packet");
        return KEPT;
      }
      if (length === 0) {
        this.refuseAndClose("malformedPacket", "malformed-packet");
        return KEPT;
      }
      const whole = end - at >= 4 + length;
      if (!whole && (length <= COLLECT_BYTES || end - at < 5)) return at;
      const stop = whole ? at + 4 + length : end;
      this.#inputEnd = end;
      if (bytes === this.#pending) this.#pendingStart = at;
      if (!dispatchCommand(this, bytes, at, stop, length)) return KEPT;
      at = stop;
    }
    return at;
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
    this.stateToken = this.state.token;
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
        this.#park(bytes, at);
        this.#enqueue(now);
        return false;
      }
      this.#lease(backend, now);
      if (needsPreparation(this, backend)) {
        this.#park(bytes, at);
        this.prepareLease(backend);
        return false;
      }
    }
    this.#sendCommand(backend, bytes, at, stop, length);
    return true;
  }

  #park(bytes: Uint8Array, at: number): void {
    if (bytes !== this.#pending) this.#keep(bytes, at, this.#inputEnd);
  }

  #enqueue(now: number): void {
    this.phase = Phase.WAITING;
    this.counters.sessionsWaiting += 1;
    const outcome = this.service.pool.enqueue(this, now);
    if (outcome === "waiting") return;
    this.counters.sessionsWaiting -= 1;
    this.failCommand(makeFault("borrowTimeout"));
  }

  #lease(backend: Backend, now: number): void {
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
      this.#lease(backend, this.service.monotonicMs());
      if (needsPreparation(this, backend)) this.prepareLease(backend);
      else this.sendKept();
    } catch (error) {
      this.#defect("lease", error);
    }
  }

  prepareLease(backend: Backend): void {
    this.phase = Phase.PREPARING;
    prepare(this, backend);
  }

  /** The backend that was lent cannot be brought into this session's state: wait for another. */
  waitAgain(): void {
    this.#enqueue(this.service.monotonicMs());
  }

  borrowTimedOut(): void {
    const { service } = this;
    this.counters.sessionsWaiting -= 1;
    this.counters.borrowTimeouts += 1;
    service.events.emit({
      kind: "borrow-timed-out",
      at: service.epochMs(),
      endpoint: this.endpoint.name,
      session: this.id,
      user: this.account?.username ?? "",
      role: this.endpoint.targetRole,
      waitedMs: service.monotonicMs() - this.commandStartedMs,
    });
    this.failCommand(makeFault("borrowTimeout"));
  }

  /** No backend can be had for this user. */
  backendRefused(failure: OpeningFailure): void {
    this.counters.sessionsWaiting -= 1;
    const denied = failure.failure === "access-denied";
    const user = this.account?.username ?? "";
    const fault = makeFault("accessDenied", { user, host: "%", usingPassword: "YES" });
    this.failCommand(denied ? fault : (failure.error ?? makeFault("unknownError")));
  }

  /** Answers the command that waits with an error, and drops it. */
  failCommand(error: ErrFields): void {
    if (this.onPrepared !== null) {
      const told = this.onPrepared;
      this.onPrepared = null;
      return told(error);
    }
    this.pendingPin = null;
    this.phase = Phase.IDLE;
    this.sendError(error);
    if (this.#dropPendingCommand()) this.consumePending();
    else this.closeAfterError("borrow-timeout");
  }

  /** False where the command has not arrived whole, so that there is no telling where the next one begins. */
  #dropPendingCommand(): boolean {
    const bytes = this.#pending;
    if (bytes === null) return true;
    const length = bytes.readUIntLE(this.#pendingStart, 3);
    const next = this.#pendingStart + 4 + length;
    if (next > this.#pendingEnd || length === 0xffffff) return false;
    this.#pendingStart = next;
    if (next === this.#pendingEnd) this.#pending = null;
    return true;
  }

  /** Sends the command that waited for its backend. */
  sendKept(): void {
    if (this.onPrepared !== null) {
      const told = this.onPrepared;
      this.onPrepared = null;
      return told(null);
    }
    const bytes = this.#pending as Buffer;
    const at = this.#pendingStart;
    const length = bytes.readUIntLE(at, 3);
    const stop = Math.min(this.#pendingEnd, at + 4 + length);
    this.#sendCommand(this.backend as Backend, bytes, at, stop, length);
    this.#pendingStart = stop;
    if (stop === this.#pendingEnd) this.#pending = null;
    if (this.#request !== null || this.phase === Phase.IDLE) this.consumePending();
  }

  /** Replaces the command that waits: the statement is rewritten. */
  replaceKept(packet: Buffer): void {
    const bytes = this.#pending as Buffer;
    const next = this.#pendingStart + 4 + bytes.readUIntLE(this.#pendingStart, 3);
    this.#pending = Buffer.concat([packet, bytes.subarray(next, this.#pendingEnd)]);
    this.#pendingStart = 0;
    this.#pendingEnd = this.#pending.length;
  }

  /** The command that waits, header included. */
  keptCommand(): Buffer {
    const bytes = this.#pending as Buffer;
    const length = bytes.readUIntLE(this.#pendingStart, 3);
    return bytes.subarray(this.#pendingStart, this.#pendingStart + 4 + length);
  }

  #sendCommand(
    backend: Backend,
    bytes: Uint8Array,
    at: number,
    stop: number,
    length: number,
  ): void {
    if (this.pendingPin !== null) this.endpoint.pin(this, backend, bytes, at, stop);
    this.phase = Phase.RUNNING;
    this.backendStartedMs = this.service.monotonicMs();
    backend.serve(this.shape);
    const sent = backend.send(bytes, at, stop);
    if (stop - at < 4 + length || length === 0xffffff) {
      this.#request = Requests.command(length, stop - at - 4);
      if (!sent) this.#pauseInput();
    }
  }

  /** A command that no response follows. */
  sendUnanswered(bytes: Uint8Array, at: number, stop: number, length: number): void {
    const backend = this.backend as Backend;
    const sent = backend.send(bytes, at, stop);
    if (stop - at < 4 + length || length === 0xffffff) {
      this.#request = Requests.command(length, stop - at - 4);
      if (!sent) this.#pauseInput();
    }
  }

  #relayRequest(bytes: Uint8Array, start: number, end: number): number {
    const request = this.#request as RequestWalker;
    const backend = this.backend;
    const stop = request.feed(bytes, start, end);
    if (backend !== null && stop > start && !backend.send(bytes, start, stop)) this.#pauseInput();
    if (request.done) {
      this.#request = null;
      if (this.#fileWanted) {
        this.#fileWanted = false;
        backend?.walker.fileSent();
      }
    }
    return stop;
  }

  #pauseInput(): void {
    if (this.#inputPaused) return;
    this.#inputPaused = true;
    this.link.pause();
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
    const databaseUs = (now - this.backendStartedMs) * 1000;
    this.counters.queryDatabaseResponseLatency.record(databaseUs);
    backend.counters.queryDatabaseResponseLatency.record(databaseUs);
    this.counters.queryResponseLatency.record((now - this.commandStartedMs) * 1000);
    this.lastActiveMs = now;
    if (this.#request !== null) {
      // The server answered before the request was complete: it will hear no more of it.
      return this.closeAfterError("backend-lost");
    }
    this.phase = Phase.IDLE;
    this.leaseUses += 1;
    afterResponse(this, backend, now);
    if (this.halfClosedAtMs !== 0 && this.#pending === null) return this.close("tcp-closed");
    if (this.phase === Phase.IDLE && this.#pending !== null) this.consumePending();
  }

  fileWanted(_backend: Backend): void {
    this.#fileWanted = true;
    this.#request = Requests.file();
    if (this.#pending !== null) this.consumePending();
  }

  backendDrained(_backend: Backend): void {
    if (!this.#inputPaused) return;
    if (this.#pending !== null) return this.consumePending();
    this.#inputPaused = false;
    this.link.resume();
  }

  backendLost(_backend: Backend, _malformed: boolean): void {
    const backend = this.backend;
    if (backend === null) return;
    this.#unlease(backend);
    this.close("backend-lost");
  }

  /** Ends the lease's bookkeeping; what happens to the backend is the caller's business. */
  #unlease(backend: Backend): void {
    this.backend = null;
    backend.user = null;
    backend.counters.databaseConnectionsCurrentlyBorrowed -= 1;
    if (this.pinRule !== null) backend.counters.databaseConnectionsCurrentlySessionPinned -= 1;
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

  sendOk(status: number = this.status): void {
    this.#write(framePacket(encodeOk(plainOk(status), this.capabilities), 1));
  }

  sendError(error: ErrFields, sequence = 1): void {
    this.#write(framePacket(encodeErr(error), sequence));
  }

  sendRaw(bytes: Buffer): void {
    this.#write(bytes);
  }

  #write(packet: Buffer): void {
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
    this.#pending = null;
    this.#request = null;
    this.login?.cancel();
    this.login = null;
    const backend = this.backend;
    if (backend !== null) {
      this.release();
      if (phase === Phase.RUNNING) {
        killStatement(this.service, backend);
        this.service.pool.discard(backend, "client-gone", this.service.monotonicMs());
      } else if (phase === Phase.IDLE) recycle(this.service, backend);
      // Otherwise housekeeping is under way: whoever waits for it finds the session gone.
    }
    if (gracefully) this.link.end();
    else this.link.destroy();
    this.endpoint.ended(this);
  }

  /** Answers the command that waits with bytes that another backend sent before, and gives the backend back. */
  answerKept(answer: Buffer): void {
    const backend = this.release();
    this.service.pool.giveBack(backend, this.service.monotonicMs());
    this.phase = Phase.IDLE;
    this.sendRaw(answer);
    this.#dropPendingCommand();
    this.consumePending();
  }

  keepDiagnostics(answer: Buffer | null): void {
    this.keptDiagnostics = answer;
  }

  /** A defect in our own code: this session ends, nobody else notices. */
  #defect(where: string, error: unknown): void {
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

  get isOpaque(): boolean {
    return this.is(Fact.OPAQUE);
  }
}

/** Bytes of a command that is waited for whole before it is looked at. Longer ones are passed on as they come. */
const COLLECT_BYTES = 60_000;

/** No position: the bytes wait in the session, or nobody needs them any more. */
const KEPT = -1;
