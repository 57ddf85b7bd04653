import { describe, expect, it } from "vitest";
import type { ProxyEvent, SessionPinned } from "../../../proxy/observe/events.ts";
import { EventLog, jsonLine, textLine } from "../../../proxy/observe/log.ts";

const AT = Date.parse("2023-09-06T08:28:13.685Z");

const PIN: SessionPinned = {
  kind: "session-pinned",
  at: AT,
  endpoint: "default",
  session: 51706963,
  user: "app",
  clientAddress: "10.0.0.9:40000",
  target: "db-1",
  backend: 973587044,
  rule: "untracked-variable",
  reason:
    "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query. Digest: \"SET `autocommit` = ? .\".",
  digest: "SET `autocommit` = ? .",
  fix: "Use the initialization query.",
};

const CLIENT = { at: AT, endpoint: "default", session: 7 };

function linesOf(events: readonly ProxyEvent[], debug = false): string[] {
  const lines: string[] = [];
  const log = new EventLog({ form: "text", debug, sink: (line) => lines.push(line) });
  for (const event of events) log.write(event);
  return lines;
}

describe("a log line", () => {
  it("of a pin is RDS Proxy's to the letter", () => {
    expect(textLine(PIN)).toBe(
      `2023-09-06T08:28:13.685Z [WARN] [proxyEndpoint=default] [clientConnection=51706963] The client session was pinned to the database connection [dbConnection=973587044] for the remainder of the session. The proxy can't reuse this connection until the session ends. Reason: ${PIN.reason}`,
    );
  });

  it.each<[ProxyEvent, string]>([
    [
      { ...CLIENT, kind: "client-connected", clientAddress: "10.0.0.9:5" },
      "[INFO] [proxyEndpoint=default] [clientConnection=7] A new client connected from 10.0.0.9:5.",
    ],
    [
      { ...CLIENT, kind: "client-closed", reason: "client-quit", clientAddress: "", user: null },
      "The client connection closed. Reason: The client requested that the connection close.",
    ],
    [
      { ...CLIENT, kind: "client-closed", reason: "tcp-closed", clientAddress: "", user: null },
      "The client connection closed. Reason: The TCP channel was closed by either the client or the proxy.",
    ],
    [
      {
        ...CLIENT,
        kind: "client-login-failed",
        user: "root",
        clientAddress: "",
        tls: true,
        method: "iam",
        failure: "bad-token",
      },
      'Proxy authentication with IAM authentication failed for user "root" with TLS on. Reason: Invalid credentials. If you provide an IAM token, make sure to either use the correct password or enable IAM authentication.',
    ],
    [
      {
        ...CLIENT,
        kind: "client-login-failed",
        user: "X",
        clientAddress: "",
        tls: true,
        method: "native-password",
        failure: "wrong-password",
      },
      'Proxy authentication with MySQL native password authentication failed for user "X" with TLS on. Reason: ',
    ],
    [
      {
        at: AT,
        kind: "backend-opened",
        target: "db",
        backend: 9,
        user: "app",
        localAddress: "10.0.0.1:1",
        remoteAddress: "10.0.0.2:3306",
        tls: false,
      },
      "[INFO] [dbConnection=9] A TCP connection was established from the proxy at 10.0.0.1:1 to the database at 10.0.0.2:3306.",
    ],
    [
      { at: AT, kind: "backend-closed", target: "db", backend: 9, reason: "client-gone" },
      "The database connection closed. Reason: The client connection that borrowed this database connection from the connection pool was closed in the middle of a request.",
    ],
    [
      { at: AT, kind: "backend-reset", target: "db", backend: 9 },
      "The database connection was released to the connection pool upon session reset.",
    ],
    [
      {
        at: AT,
        kind: "credentials-failed",
        failure: "duplicate-user",
        user: "U",
        secretArn: null,
        detail: "",
      },
      `2023-09-06T08:28:13.685Z [WARN] Credentials couldn't be retrieved. The database user "U" was found in multiple DB proxy authentication entries`,
    ],
    [
      { ...CLIENT, kind: "borrow-timed-out", user: "app", role: "READ_WRITE", waitedMs: 120_000 },
      "Timed-out waiting to acquire database connection",
    ],
    [
      {
        at: AT,
        kind: "client-refused",
        endpoint: "default",
        clientAddress: "10.0.0.9:5",
        limit: "connections",
        value: 10,
      },
      "Number simultaneous connections exceeded (10)",
    ],
  ])("of $kind has the known words", (event, words) => {
    expect(textLine(event)).toContain(words);
    expect(textLine(event)).toMatch(/^2023-09-06T08:28:13\.685Z \[(INFO|WARN)\] /);
  });

  it("may be JSON with the event's fields, its words and who is to blame", () => {
    expect(JSON.parse(jsonLine(PIN))).toMatchObject({
      time: "2023-09-06T08:28:13.685Z",
      level: "WARN",
      kind: "session-pinned",
      blame: "client",
      rule: "untracked-variable",
      session: 51706963,
      message: expect.stringContaining(
        "was pinned to the database connection [dbConnection=973587044]",
      ),
    });
  });

  it("cannot be forged by a user name", () => {
    const [line] = linesOf([
      {
        ...CLIENT,
        kind: "client-login-failed",
        user: "x\n2023 [ERROR] forged\u2028",
        clientAddress: "",
        tls: false,
        method: "none",
        failure: "unknown-user",
      },
    ]);
    expect(line).toContain("x\\u000a2023 [ERROR] forged\\u2028");
    expect(line).not.toContain("\n");
  });

  it("is cut where a peer makes it long", () => {
    expect(textLine({ ...PIN, reason: "x".repeat(100_000) }).length).toBeLessThan(10_000);
  });
});

describe("the log", () => {
  const connected: ProxyEvent = {
    ...CLIENT,
    kind: "client-connected",
    clientAddress: "10.0.0.9:5",
  };

  it("has ordinary connections and statements only with debugLogging", () => {
    const statement: ProxyEvent = {
      ...CLIENT,
      kind: "statement-served",
      backend: 1,
      digest: "SELECT ?",
      us: 12,
    };
    expect(linesOf([connected, statement, PIN])).toEqual([textLine(PIN)]);
    expect(linesOf([connected, statement, PIN], true)).toHaveLength(3);
  });

  it("lets no flood of equal lines through, and says how many were left out", () => {
    const flood = Array.from({ length: 100 }, (_, i) => ({ ...PIN, session: i, at: AT + i }));
    const lines = linesOf([
      ...flood,
      { ...PIN, rule: "get-lock", at: AT + 200 },
      { ...PIN, at: AT + 11_000 },
    ]);
    expect(lines).toHaveLength(20 + 1 + 1 + 1);
    expect(lines[20]).toContain("[WARN] [proxyEndpoint=default]");
    expect(lines[21]).toContain(
      "80 more lines like this were left out: session-pinned app untracked-variable",
    );
    expect(lines[22]).toBe(textLine({ ...PIN, at: AT + 11_000 }));
  });
});
