import { BOUNDS } from "../base/bounds.ts";
import type { TargetCounters } from "../observe/counters.ts";
import type { BackendCloseReason } from "../observe/events.ts";
import { PooledBackend, type PoolTarget } from "../pool/backend.ts";
import type { PoolKey } from "../pool/key.ts";
import type { SessionState } from "../session/session-state.ts";
import { Capability } from "../wire/capabilities.ts";
import { type ResponseShape, ResponseWalker } from "../wire/response-walker.ts";
import {
  Housekeeping,
  type HousekeepingDone,
  type OwnCommand,
  ownQuery,
  ownQueryWithAttributes,
} from "./housekeeping.ts";
import { type Link, type LinkOwner, WriteResult } from "./link.ts";
import type { Challenge } from "./relogin.ts";

/** Who is served by a lent backend. */
export interface BackendUser {
  /** `bytes[0, end)` belong to the response being served; `ended` tells that it is complete with them. */
  fromBackend(backend: Backend, bytes: Uint8Array, end: number, ended: boolean): void;
  responseEnded(backend: Backend): void;
  /** The server asks for the file of a LOAD DATA LOCAL. */
  fileWanted(backend: Backend): void;
  /** What was written to the backend has left. */
  backendDrained(backend: Backend): void;
  /** The backend is gone, or sent what is no response. It may not be used any more. */
  backendLost(backend: Backend, malformed: boolean): void;
}

/** Whom a backend tells that it broke. */
export interface BackendOwner {
  /** Its link is gone, or it broke the protocol, in whatever state. Called before the user hears of it. */
  broken(backend: Backend, detail: string): void;
  /** `bytes[0, end)` end a response with an error. True: the client shall not see it, and the owner has taken the backend back. */
  isRefusal?(backend: Backend, bytes: Uint8Array, end: number): boolean;
  /** Our own code failed over what it sent. */
  bug(where: string, error: unknown, session: number | null): void;
  monotonicMs(): number;
}

const Mode = { OPENING: 0, READY: 1, SERVING: 2, HOUSEKEEPING: 3, DEAD: 4 } as const;

/** One connection to a database server, logged in. */
export class Backend extends PooledBackend implements LinkOwner {
  /** Our own id, as in log lines. */
  readonly id: number;
  readonly owner: BackendOwner;
  readonly counters: TargetCounters;
  /** Capabilities negotiated with the server. */
  capabilities = 0;
  readonly walker = new ResponseWalker();
  /** The server's id of this connection, as KILL takes it. */
  threadId = 0;
  user: BackendUser | null = null;
  /** The state it is in, or null where only the fields below tell. */
  sessionState: SessionState | null = null;
  schema: string | null = null;
  /** A reset has set what USE sets beside the schema to the server's defaults. */
  schemaStale = false;
  multiStatements = false;
  /** Values that differ from a fresh connection's; null after something unseen may have changed them. */
  variables: ReadonlyMap<string, string> | null = new Map();
  /** That of its last login. */
  loginCollation = 0;
  /** What the server asked in its greeting; null before the login. */
  challenge: Challenge | null = null;
  /** A statement may have left state that no ledger knows: reset before another session gets it. */
  tainted = false;
  /** A KILL may still be on its way to it. */
  killsPending = 0;
  encrypted = false;
  /** It was ready at least once. */
  wasOpen = false;
  closeReason: BackendCloseReason = "lost";
  /** Which of the service's baselines its fresh values were. */
  baselineId = 0;
  /** The session that used it last, to know whose leftovers these are. */
  usedBy = 0;
  /** What LAST_INSERT_ID() says there, as far as it is known. */
  insertIdLow = 0;
  insertIdHigh = 0;
  #giveUp: (() => void) | null = null;
  #openingDeadlineMs = Number.POSITIVE_INFINITY;
  #sent = 0;
  #link: Link | null = null;
  #mode: number = Mode.OPENING;
  #housekeeping: Housekeeping | null = null;
  #out = Buffer.allocUnsafeSlow(OUT_BYTES);
  /** The part of it that the last statement filled. */
  #outFilled: Uint8Array = this.#out;
  #outBusy = false;

  constructor(target: PoolTarget, key: PoolKey, setting: BackendSetting) {
    super(target, key);
    this.id = setting.id;
    this.owner = setting.owner;
    this.counters = setting.counters;
  }

  /** Somebody else dials and logs in, until {@link adopt}. */
  openingWith(deadlineMs: number, giveUp: () => void): void {
    this.#openingDeadlineMs = deadlineMs;
    this.#giveUp = giveUp;
  }

  /** The login is complete: from now on the link is ours. */
  adopt(link: Link, threadId: number, capabilities: number): void {
    this.#link = link;
    this.#giveUp = null;
    this.#openingDeadlineMs = Number.POSITIVE_INFINITY;
    this.capabilities = capabilities;
    this.walker.deprecateEof = (capabilities & Capability.DEPRECATE_EOF) !== 0;
    this.walker.optionalMetadata = (capabilities & Capability.OPTIONAL_RESULTSET_METADATA) !== 0;
    this.multiStatements = (capabilities & Capability.MULTI_STATEMENTS) !== 0;
    this.encrypted = link.encrypted;
    this.threadId = threadId;
    link.owner = this;
    this.#mode = Mode.READY;
    link.resume();
  }

  /** Somebody logs in anew on the link, until {@link reclaimLink}. The backend must be lent, and not serving. */
  lendLink(owner: LinkOwner, deadlineMs: number): Link {
    const link = this.#link as Link;
    this.#mode = Mode.OPENING;
    this.#openingDeadlineMs = deadlineMs;
    link.owner = owner;
    return link;
  }

  reclaimLink(): void {
    if (this.#link === null) return;
    this.#link.owner = this;
    this.#openingDeadlineMs = Number.POSITIVE_INFINITY;
    this.#mode = Mode.READY;
  }

  /** Its link is gone while somebody else has it. */
  fail(detail: string): void {
    this.#lost(detail, false);
  }

  /** Its session is as after a login or reset, with these character sets. */
  fresh(charset: ReadonlyMap<string, string>, baselineId: number): void {
    this.variables = charset;
    this.baselineId = baselineId;
    this.tainted = false;
    this.insertIdLow = 0;
    this.insertIdHigh = 0;
  }

  get dead(): boolean {
    return this.#mode === Mode.DEAD;
  }

  /** Statements of our own, or a login, are under way. */
  get isBusy(): boolean {
    return this.#housekeeping !== null || this.#mode === Mode.OPENING;
  }

  get deadlineMs(): number {
    return this.#housekeeping === null ? this.#openingDeadlineMs : this.#housekeeping.deadlineMs;
  }

  /** Our end of the connection. */
  get localAddress(): string {
    return this.#link?.localName ?? "";
  }

  get remoteAddress(): string {
    return this.#link === null ? "" : `${this.#link.remoteAddress}:${this.#link.remotePort}`;
  }

  /** Expects a response of this shape to what is sent next. */
  serve(shape: ResponseShape): void {
    this.#mode = Mode.SERVING;
    this.walker.start(shape);
  }

  /** Returns false while the server is slower than its client: {@link BackendUser.backendDrained} follows. */
  send(bytes: Uint8Array, start: number, end: number): boolean {
    const link = this.#link;
    if (link === null) return true;
    const size = end - start;
    this.#sent = 0;
    if (this.#outBusy || size > OUT_BYTES) {
      const copy = Buffer.allocUnsafe(size);
      copy.set(bytes.subarray(start, end));
      return link.write(copy, 0, size) === WriteResult.DONE;
    }
    const out = this.#out;
    if (size > 512)
      out.set(start === 0 && end === bytes.byteLength ? bytes : bytes.subarray(start, end));
    else for (let i = 0; i < size; i++) out[i] = bytes[start + i] as number;
    this.#sent = size;
    if (this.#outFilled.byteLength !== size) this.#outFilled = out.subarray(0, size);
    const result = link.write(this.#outFilled, 0, size);
    if (result === WriteResult.DONE) return true;
    this.#outBusy = result === WriteResult.HELD;
    return false;
  }

  /** Whether a number with these digits stands in the statement sent last. Says yes where it cannot tell. */
  sentNumber(digits: string): boolean {
    if (this.#sent === 0) return true;
    const sent = this.#out.subarray(0, this.#sent);
    let at = sent.indexOf(digits, 5, "latin1");
    while (at >= 0) {
      if (!isWordByte(sent[at - 1]) && !isWordByte(sent[at + digits.length])) return true;
      at = sent.indexOf(digits, at + 1, "latin1");
    }
    return false;
  }

  /** The statement sent last from this position, a character for a byte; null where it was too long to be kept. */
  sentText(from: number): string | null {
    return this.#sent <= from ? null : this.#out.toString("latin1", from, this.#sent);
  }

  /** The command sent last, header included; null where it was too long to be kept. */
  sentCommand(): Buffer | null {
    if (this.#sent < 5 || this.#sent !== 4 + this.#out.readUIntLE(0, 3)) return null;
    return Buffer.from(this.#out.subarray(0, this.#sent));
  }

  /** A byte of the statement or command sent last. */
  sentByte(at: number): number {
    return at < this.#sent ? (this.#out[at] as number) : 0;
  }

  /** Runs commands of our own. The backend must be lent or just opened, and not serving. */
  run(commands: readonly OwnCommand[], done: HousekeepingDone): void {
    const deadline = this.owner.monotonicMs() + BOUNDS.housekeepingMs;
    const work = new Housekeeping(commands, deadline, done);
    this.#housekeeping = work;
    this.#mode = Mode.HOUSEKEEPING;
    work.start(this.walker);
    const packets = work.packets();
    this.send(packets, 0, packets.length);
  }

  query(sql: string): OwnCommand {
    const attributes = (this.capabilities & Capability.QUERY_ATTRIBUTES) !== 0;
    return attributes ? ownQueryWithAttributes(sql) : ownQuery(sql);
  }

  /** The memory of the read being delivered is held by a client's link. */
  surrenderBuffer(): void {
    this.#link?.surrenderBuffer();
  }

  pause(): void {
    this.#link?.pause();
  }

  resume(): void {
    this.#link?.resume();
  }

  /** Nobody is told. */
  close(): void {
    this.#mode = Mode.DEAD;
    this.user = null;
    this.#housekeeping = null;
    this.#giveUp?.();
    this.#giveUp = null;
    this.#link?.destroy();
    this.#link = null;
  }

  onBytes(bytes: Uint8Array, end: number): void {
    try {
      if (this.#mode === Mode.SERVING) this.#served(bytes, end);
      else if (this.#mode === Mode.HOUSEKEEPING) this.#kept(bytes, end);
      else if (this.#mode === Mode.READY) this.#lost("unexpected bytes from the server", false);
    } catch (error) {
      this.owner.bug("backend input", error, null);
      this.#lost("a defect of the proxy", false);
    }
  }

  onEnd(): void {
    this.#lost("the server closed the connection", false);
  }

  onDrained(): void {
    this.#outBusy = false;
    this.user?.backendDrained(this);
  }

  onClosed(error: Error | null): void {
    if (this.#mode !== Mode.DEAD) this.#lost(error?.message ?? "the connection was closed", false);
  }

  /** A deadline of ours has passed. */
  timedOut(): void {
    this.#lost("no answer to a statement of the proxy's own", false);
  }

  #served(bytes: Uint8Array, end: number): void {
    const walker = this.walker;
    const user = this.user as BackendUser;
    const stop = walker.feed(bytes, 0, end);
    const ended = walker.done;
    if (walker.malformed) return this.#lost("malformed response", true);
    if (ended) this.#mode = Mode.READY;
    if (ended && walker.errorCode !== 0 && this.owner.isRefusal?.(this, bytes, stop)) return;
    user.fromBackend(this, bytes, stop, ended);
    if (stop < end) return this.#lost("bytes after the end of a response", true);
    if (ended) user.responseEnded(this);
    else if (walker.wantsFile) user.fileWanted(this);
  }

  #kept(bytes: Uint8Array, end: number): void {
    const work = this.#housekeeping as Housekeeping;
    const finished = work.feed(this.walker, bytes, end);
    if (this.walker.malformed) return this.#lost("malformed response", true);
    if (!finished) return;
    this.#housekeeping = null;
    this.#mode = Mode.READY;
    work.finish();
  }

  #lost(detail: string, malformed: boolean): void {
    if (this.#mode === Mode.DEAD) return;
    const user = this.user;
    this.close();
    this.owner.broken(this, detail);
    user?.backendLost(this, malformed);
  }
}

/** Letters, digits, `_`, `$` and everything above ASCII: a digit beside one of them belongs to a longer word. */
function isWordByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  const isLetter = lower >= 0x61 && lower <= 0x7a;
  return (
    isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x24 || byte > 0x7f
  );
}

/** Bytes of a statement that is sent without memory of its own. */
const OUT_BYTES = 16_384;

export interface BackendSetting {
  readonly id: number;
  readonly owner: BackendOwner;
  readonly counters: TargetCounters;
}
