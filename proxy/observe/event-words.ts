/**
 * Events in words. Sentences seen in RDS Proxy's logs are taken over as they are; where none is known, ours say so in
 * `docs/fidelity.md`. No sentence holds a value of a statement.
 */
import type {
  BackendClosed,
  BackendFailed,
  Blame,
  ClientClosed,
  ClientLoginFailed,
  ClientRefused,
  CredentialsFailed,
  ProxyEvent,
  SpecRefused,
  TargetChanged,
  WriterChanged,
} from "./events.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";

export interface EventWords {
  readonly level: LogLevel;
  /** Only with `debugLogging`. */
  readonly detail: boolean;
  readonly blame: Blame;
  readonly text: string;
}

export function wordsOf(event: ProxyEvent): EventWords {
  switch (event.kind) {
    case "client-connected":
      return detail(`A new client connected from ${event.clientAddress}.`);
    case "client-logged-in":
      return detail(
        `The client logged in as the user "${event.user}" with TLS ${onOff(event.tls)}.`,
      );
    case "client-refused":
      return clientRefused(event);
    case "client-login-failed":
      return loginFailed(event);
    case "client-closed":
      return clientClosed(event);
    case "backend-opened":
      return detail(
        `A TCP connection was established from the proxy at ${event.localAddress} to the database at ${event.remoteAddress}.`,
      );
    case "backend-failed":
      return backendFailed(event);
    case "backend-closed":
      return backendClosed(event);
    case "backend-reset":
      return detail(
        "The database connection was released to the connection pool upon session reset.",
      );
    case "session-pinned":
      return warn(
        "client",
        `The client session was pinned to the database connection [dbConnection=${event.backend}] for the remainder of the session. The proxy can't reuse this connection until the session ends. Reason: ${event.reason}`,
      );
    case "borrow-timed-out":
      return warn(
        "operator",
        `Timed-out waiting to acquire database connection. The user "${event.user}" waited ${event.waitedMs} ms for a ${event.role} target.`,
      );
    case "statement-served":
      return {
        level: "DEBUG",
        detail: true,
        blame: "nobody",
        text: `A statement took ${event.us} µs. Digest: "${event.digest}".`,
      };
    default:
      return wordsOfProxy(event);
  }
}

type ProxyWide = Exclude<
  ProxyEvent,
  {
    readonly kind:
      | `client-${string}`
      | `backend-${string}`
      | "session-pinned"
      | "borrow-timed-out"
      | "statement-served";
  }
>;

function wordsOfProxy(event: ProxyWide): EventWords {
  switch (event.kind) {
    case "target-changed":
      return targetChanged(event);
    case "writer-changed":
      return writerChanged(event);
    case "instances-not-found":
      return warn(
        "operator",
        `The instances of the cluster ${event.cluster} couldn't be located. ${event.detail}`,
      );
    case "credentials-failed":
      return warn("operator", `Credentials couldn't be retrieved. ${credentialsReason(event)}`);
    case "proxy-listening":
      return info(
        `The endpoint "${event.endpoint}" (${event.role}) listens on ${event.host}:${event.port}.`,
      );
    case "proxy-draining":
      return info(
        `The proxy accepts no new clients. ${event.sessions} sessions have ${Math.round(event.withinMs / 1000)} s to end.`,
      );
    case "proxy-stopped":
      return info(
        event.sessionsCut === 0
          ? "The proxy stopped."
          : `The proxy stopped and cut ${event.sessionsCut} sessions off.`,
      );
    case "spec-reloaded":
      return info(
        event.changes.length === 0
          ? "The configuration was read again. Nothing changed."
          : `The configuration was read again. Changed: ${event.changes.join("; ")}.`,
      );
    case "debug-logging-ended":
      return info("Debug logging was turned off 24 hours after it had been turned on.");
    case "spec-refused":
      return { level: "ERROR", detail: false, blame: "operator", text: specRefused(event) };
    case "bug-found":
      return {
        level: "ERROR",
        detail: false,
        blame: "proxy",
        text: `A defect of the proxy showed in ${event.where}: ${event.detail}${event.stack === null ? "" : ` ${event.stack}`}`,
      };
  }
}

function clientRefused(event: ClientRefused): EventWords {
  const reasons: Record<ClientRefused["limit"], string> = {
    connections: `Number simultaneous connections exceeded (${event.value})`,
    "connection-rate": `Connections rate limit exceeded (${event.value})`,
    "iam-rate": "IAM authentication rate limit exceeded",
  };
  return warn(
    "operator",
    `A client connection from ${event.clientAddress} was refused. Reason: ${reasons[event.limit]}.`,
  );
}

const LOGIN_METHODS: Record<ClientLoginFailed["method"], string> = {
  "native-password": "MySQL native password authentication",
  "caching-sha2-password": "MySQL caching SHA2 password authentication",
  iam: "IAM authentication",
  none: "no authentication method",
};

/** Verbatim, for passwords as for tokens. */
const INVALID_CREDENTIALS =
  "Invalid credentials. If you provide an IAM token, make sure to either use the correct password or enable IAM authentication.";

const LOGIN_FAILURES: Record<ClientLoginFailed["failure"], string> = {
  "wrong-password": INVALID_CREDENTIALS,
  "bad-token": INVALID_CREDENTIALS,
  "unknown-user": "The proxy has no credentials for this user.",
  "tls-required": "This RDS Proxy requires TLS connections.",
  "tls-handshake": "The TLS handshake failed.",
  "no-credentials": "The credentials of this user couldn't be retrieved.",
  "unknown-schema": "The database refused the schema.",
  "no-backend": "The database couldn't be asked for the schema.",
  "bad-charset": "The client's character set can't be used.",
  "malformed-packet": "The client broke the protocol.",
  timeout: "The client did not complete its login in time.",
  "method-mismatch": "The client doesn't support the authentication method of this user.",
};

function loginFailed(event: ClientLoginFailed): EventWords {
  const method = LOGIN_METHODS[event.method];
  const reason = LOGIN_FAILURES[event.failure];
  const { failure } = event;
  const blame = failure === "no-credentials" || failure === "no-backend" ? "operator" : "client";
  const user = event.user === null ? "an unknown user" : `user "${event.user}"`;
  const text = `Proxy authentication with ${method} failed for ${user} with TLS ${onOff(event.tls)}. Reason: ${reason}`;
  return warn(blame, event.detail === undefined ? text : `${text} The token: ${event.detail}.`);
}

/** Reason, and who is to blame; nobody means an ordinary end. */
const CLIENT_CLOSE_REASONS: Record<ClientClosed["reason"], readonly [Blame, string]> = {
  "client-quit": ["nobody", "The client requested that the connection close."],
  "tcp-closed": ["nobody", "The TCP channel was closed by either the client or the proxy."],
  "login-failed": ["nobody", "The login failed."],
  drained: ["nobody", "The proxy is stopping."],
  killed: ["nobody", "The connection was killed."],
  "idle-timeout": ["client", "The connection was idle for longer than the idle client timeout."],
  lifetime: ["client", "The connection reached its maximum lifetime of 24 hours."],
  "login-timeout": ["client", "The login took too long."],
  "malformed-packet": ["client", "The client broke the protocol."],
  "borrow-timeout": ["operator", "Timed-out waiting to acquire database connection."],
  "user-removed": ["operator", "The user was removed from the configuration."],
  "backend-lost": ["target", "The database connection that the session depended on was lost."],
  "target-changed": ["target", "The target that the session depended on changed its role."],
  bug: ["proxy", "A defect of the proxy ended the session."],
};

function clientClosed(event: ClientClosed): EventWords {
  const [blame, reason] = CLIENT_CLOSE_REASONS[event.reason];
  const text = `The client connection closed. Reason: ${reason}`;
  if (blame === "nobody") return detail(text);
  return blame === "client" ? { ...info(text), blame } : warn(blame, text);
}

const BACKEND_FAILURES: Record<BackendFailed["failure"], readonly [Blame, string]> = {
  unreachable: ["target", "The database can't be reached."],
  timeout: ["target", "The database didn't answer in time."],
  tls: ["operator", "The TLS handshake with the database failed."],
  "access-denied": ["operator", "The database refused the credentials."],
  "too-many-connections": ["operator", "The database has no connections left."],
  refused: ["target", "The database refused the connection."],
  "init-query": ["operator", "The initialization query failed."],
};

function backendFailed(event: BackendFailed): EventWords {
  const [blame, reason] = BACKEND_FAILURES[event.failure];
  const errno = event.errno === null ? "" : ` (${event.errno})`;
  return warn(
    blame,
    `A database connection to ${event.target} couldn't be opened for the user "${event.user}". Reason: ${reason} ${event.detail}${errno}`,
  );
}

const BACKEND_CLOSE_REASONS: Record<BackendClosed["reason"], string> = {
  "client-gone":
    "The client connection that borrowed this database connection from the connection pool was closed in the middle of a request.",
  idle: "The connection was idle and the pool holds enough idle connections.",
  lifetime: "The connection reached its maximum lifetime.",
  surplus: "The pool is above its maximum.",
  "reset-failed": "The session reset failed.",
  lost: "The database closed the connection.",
  "target-gone": "The target left the target group.",
  "role-changed": "The target changed its role.",
  "credentials-changed": "The credentials changed.",
  "malformed-packet": "The database broke the protocol.",
  stopped: "The proxy is stopping.",
};

function backendClosed(event: BackendClosed): EventWords {
  const text = `The database connection closed. Reason: ${BACKEND_CLOSE_REASONS[event.reason]}`;
  const unexpected =
    event.reason === "lost" ||
    event.reason === "malformed-packet" ||
    event.reason === "reset-failed";
  return unexpected ? warn("target", text) : detail(text);
}

function targetChanged(event: TargetChanged): EventWords {
  if (event.after === null) return info(`The target ${event.target} left the target group.`);
  const { state, role } = event.after;
  const reason = event.reason === null ? "" : ` Reason: ${event.reason}.`;
  const more = event.detail === "" ? "" : ` ${event.detail}`;
  const text = `The target ${event.target} is ${state} with the role ${role}.${reason}${more}`;
  return state === "UNAVAILABLE" ? warn("target", text) : info(text);
}

function writerChanged(event: WriterChanged): EventWords {
  if (event.to === null)
    return warn("target", `The target group has no writer. It was ${event.from ?? "unknown"}.`);
  const before = event.from === null ? "" : ` It was ${event.from}.`;
  return info(
    `The writer is ${event.to}.${before} The target group was without a writer for ${event.withoutMs} ms.`,
  );
}

function credentialsReason(event: CredentialsFailed): string {
  switch (event.failure) {
    case "duplicate-user":
      return `The database user "${event.user}" was found in multiple DB proxy authentication entries. ${event.detail}`.trim();
    case "secret-unreadable":
      return `The AWS Secrets Manager secret with the ARN "${event.secretArn}" can't be read: ${event.detail}`;
    case "secret-forbidden":
      return `The IAM role "${event.detail}" is not authorized to read the AWS Secrets Manager secret with the ARN "${event.secretArn}"`;
    case "secret-malformed":
      return `The AWS Secrets Manager secret with the ARN "${event.secretArn}" can't be used: ${event.detail}`;
  }
}

function specRefused(event: SpecRefused): string {
  const problems = event.problems.map(
    ({ file, line, column, key, message }) => `${file}:${line}:${column}: ${key}: ${message}`,
  );
  return `The changed configuration was refused and the old one stays: ${problems.join("; ")}`;
}

function detail(text: string): EventWords {
  return { level: "INFO", detail: true, blame: "nobody", text };
}

function info(text: string): EventWords {
  return { level: "INFO", detail: false, blame: "nobody", text };
}

function warn(blame: Blame, text: string): EventWords {
  return { level: "WARN", detail: false, blame, text };
}

function onOff(tls: boolean): string {
  return tls ? "on" : "off";
}
