/**
 * What happens in a proxy that is worth a log line or a place in the event stream. Events carry facts, never SQL
 * texts with their values nor secrets: a statement appears as its digest. Nothing here is made for an ordinary
 * statement unless `EventBus.wantsStatements` says that somebody looks.
 */
import type { EndpointRole, SpecProblem } from "../spec/proxy-spec.ts";

/** Who has to act, or nobody. */
export type Blame = "client" | "target" | "operator" | "proxy" | "nobody";

/** Milliseconds since 1970. */
interface Timed {
  readonly at: number;
}

interface OfClient extends Timed {
  readonly endpoint: string;
  /** The id that the client sees as its connection id. */
  readonly session: number;
}

interface OfBackend extends Timed {
  readonly target: string;
  /** Our own id of the backend. */
  readonly backend: number;
}

export interface ClientConnected extends OfClient {
  readonly kind: "client-connected";
  readonly clientAddress: string;
}

/** Before a session: the limits said no. */
export interface ClientRefused extends Timed {
  readonly kind: "client-refused";
  readonly endpoint: string;
  readonly clientAddress: string;
  readonly limit: "connections" | "connection-rate" | "iam-rate";
  readonly value: number;
}

export interface ClientLoggedIn extends OfClient {
  readonly kind: "client-logged-in";
  readonly user: string;
  readonly tls: boolean;
  readonly schema: string | null;
}

export type LoginMethod = "native-password" | "caching-sha2-password" | "iam" | "none";

export type LoginFailure =
  | "wrong-password"
  | "unknown-user"
  | "bad-token"
  | "tls-required"
  | "tls-handshake"
  | "no-credentials"
  | "unknown-schema"
  | "no-backend"
  | "bad-charset"
  | "malformed-packet"
  | "timeout"
  | "method-mismatch";

export interface ClientLoginFailed extends OfClient {
  readonly kind: "client-login-failed";
  readonly user: string | null;
  readonly clientAddress: string;
  readonly tls: boolean;
  readonly method: LoginMethod;
  readonly failure: LoginFailure;
  /** What was wrong with a token. */
  readonly detail?: string;
}

export type ClientCloseReason =
  | "client-quit"
  | "tcp-closed"
  | "idle-timeout"
  | "lifetime"
  | "login-failed"
  | "login-timeout"
  | "borrow-timeout"
  | "backend-lost"
  | "target-changed"
  | "malformed-packet"
  | "killed"
  | "drained"
  | "user-removed"
  | "bug";

export interface ClientClosed extends OfClient {
  readonly kind: "client-closed";
  readonly reason: ClientCloseReason;
  readonly clientAddress: string;
  readonly user: string | null;
}

export interface BackendOpened extends OfBackend {
  readonly kind: "backend-opened";
  readonly user: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly tls: boolean;
}

export type BackendFailure =
  | "unreachable"
  | "timeout"
  | "tls"
  | "access-denied"
  | "too-many-connections"
  | "refused"
  | "init-query";

/** A backend that could not be opened. */
export interface BackendFailed extends Timed {
  readonly kind: "backend-failed";
  readonly target: string;
  readonly user: string;
  readonly failure: BackendFailure;
  /** MySQL's error number where the server sent one. */
  readonly errno: number | null;
  /** The server's or Node's words; for people. */
  readonly detail: string;
}

export type BackendCloseReason =
  | "idle"
  | "lifetime"
  | "surplus"
  | "client-gone"
  | "reset-failed"
  | "lost"
  | "target-gone"
  | "role-changed"
  | "credentials-changed"
  | "malformed-packet"
  | "stopped";

export interface BackendClosed extends OfBackend {
  readonly kind: "backend-closed";
  readonly reason: BackendCloseReason;
}

/** A backend went back to the pool after what its last session had left behind was wiped off. */
export interface BackendReset extends OfBackend {
  readonly kind: "backend-reset";
}

export interface SessionPinned extends OfClient {
  readonly kind: "session-pinned";
  readonly user: string;
  readonly clientAddress: string;
  readonly target: string;
  readonly backend: number;
  readonly rule: string;
  /** In RDS Proxy's words, with digest. */
  readonly reason: string;
  readonly digest: string | null;
  readonly fix: string;
}

export interface BorrowTimedOut extends OfClient {
  readonly kind: "borrow-timed-out";
  readonly user: string;
  readonly role: EndpointRole;
  readonly waitedMs: number;
}

/** Only while `EventBus.wantsStatements`. */
export interface StatementServed extends OfClient {
  readonly kind: "statement-served";
  readonly backend: number | null;
  readonly digest: string;
  readonly us: number;
}

/** RDS's names. */
export type TargetState = "REGISTERING" | "AVAILABLE" | "UNAVAILABLE" | "UNUSED";
export type TargetRole = EndpointRole | "UNKNOWN";
export type TargetReason =
  | "UNREACHABLE"
  | "CONNECTION_FAILED"
  | "AUTH_FAILURE"
  | "PENDING_PROXY_CAPACITY"
  | "INVALID_REPLICATION_STATE"
  | "PROMOTED";

export interface TargetChanged extends Timed {
  readonly kind: "target-changed";
  readonly target: string;
  readonly before: { readonly state: TargetState; readonly role: TargetRole } | null;
  /** null: it left the target group. */
  readonly after: { readonly state: TargetState; readonly role: TargetRole } | null;
  readonly reason: TargetReason | null;
  readonly detail: string;
}

/** The writer moved; `to` is null while there is none. */
export interface WriterChanged extends Timed {
  readonly kind: "writer-changed";
  readonly from: string | null;
  readonly to: string | null;
  /** Time without a writer. */
  readonly withoutMs: number;
}

/** The RDS API did not say where a cluster's instances are. */
export interface InstancesNotFound extends Timed {
  readonly kind: "instances-not-found";
  readonly cluster: string;
  readonly detail: string;
}

export interface CredentialsFailed extends Timed {
  readonly kind: "credentials-failed";
  readonly failure:
    | "duplicate-user"
    | "secret-unreadable"
    | "secret-forbidden"
    | "secret-malformed";
  readonly user: string | null;
  readonly secretArn: string | null;
  /** Of secret-forbidden: the ARN of the role. */
  readonly detail: string;
}

/** RDS Proxy turns it off by itself, and so do we. */
export interface DebugLoggingEnded extends Timed {
  readonly kind: "debug-logging-ended";
}

export interface ProxyListening extends Timed {
  readonly kind: "proxy-listening";
  readonly endpoint: string;
  readonly role: EndpointRole;
  readonly host: string;
  readonly port: number;
}

export interface ProxyDraining extends Timed {
  readonly kind: "proxy-draining";
  readonly withinMs: number;
  readonly sessions: number;
}

export interface ProxyStopped extends Timed {
  readonly kind: "proxy-stopped";
  readonly sessionsCut: number;
}

export interface SpecReloaded extends Timed {
  readonly kind: "spec-reloaded";
  readonly changes: readonly string[];
}

export interface SpecRefused extends Timed {
  readonly kind: "spec-refused";
  readonly problems: readonly SpecProblem[];
}

/** A defect of ours; the process goes on without the session it happened in. */
export interface BugFound extends Timed {
  readonly kind: "bug-found";
  readonly where: string;
  readonly detail: string;
  readonly stack: string | null;
  readonly session: number | null;
}

export type ProxyEvent =
  | ClientConnected
  | ClientRefused
  | ClientLoggedIn
  | ClientLoginFailed
  | ClientClosed
  | BackendOpened
  | BackendFailed
  | BackendClosed
  | BackendReset
  | SessionPinned
  | BorrowTimedOut
  | StatementServed
  | TargetChanged
  | WriterChanged
  | InstancesNotFound
  | CredentialsFailed
  | ProxyListening
  | ProxyDraining
  | ProxyStopped
  | SpecReloaded
  | SpecRefused
  | DebugLoggingEnded
  | BugFound;

export type EventListener = (event: ProxyEvent) => void;

/** Hands each event to whoever listens, at once and in the order of subscription. */
export class EventBus {
  /** Whether statement events are wanted (`debugLogging`): ask before making one. */
  wantsStatements = false;
  readonly #listeners = new Set<EventListener>();

  emit(event: ProxyEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Returns the end of the subscription. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
