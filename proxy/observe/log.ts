import { wordsOf } from "./event-words.ts";
import type { ProxyEvent } from "./events.ts";
import { LineLimiter } from "./line-limiter.ts";

/** text: lines as RDS Proxy writes them · json: one object a line. */
export type LogForm = "text" | "json";

/** Characters of one line; what a peer can make long is cut there. */
const LINE_CHARS_MAX = 8_192;

export interface LogOptions {
  readonly form: LogForm;
  /** Gets each line, without its end. */
  readonly sink: (line: string) => void;
  /** `debugLogging`. */
  readonly debug: boolean;
}

/** Writes events as log lines. Subscribe its `write` to the event bus. */
export class EventLog {
  debug: boolean;
  readonly #form: LogForm;
  readonly #sink: (line: string) => void;
  readonly #limiter = new LineLimiter();

  constructor({ form, sink, debug }: LogOptions) {
    this.debug = debug;
    this.#form = form;
    this.#sink = sink;
  }

  readonly write = (event: ProxyEvent): void => {
    const words = wordsOf(event);
    if (words.detail && !this.debug) return;
    for (const { key, leftOut } of this.#limiter.expired(event.at))
      this.#notice(event.at, key, leftOut);
    if (!words.detail && !this.#limiter.admits(noiseKeyOf(event), event.at)) return;
    this.#sink(this.#form === "json" ? jsonLine(event) : textLine(event));
  };

  #notice(at: number, key: string, leftOut: number): void {
    const time = new Date(at).toISOString();
    const message = `${leftOut} more lines like this were left out: ${key}`;
    this.#sink(
      this.#form === "json"
        ? JSON.stringify({ time, level: "WARN", kind: "lines-left-out", message })
        : `${time} [WARN] ${plain(message)}`,
    );
  }
}

/** One event as a line of the RDS Proxy kind. */
export function textLine(event: ProxyEvent): string {
  const { level, text } = wordsOf(event);
  const endpoint =
    "endpoint" in event && event.kind !== "proxy-listening"
      ? ` [proxyEndpoint=${event.endpoint}]`
      : "";
  const client =
    "session" in event && event.session !== null ? ` [clientConnection=${event.session}]` : "";
  const showsBackend =
    event.kind === "backend-opened" ||
    event.kind === "backend-closed" ||
    event.kind === "backend-reset";
  const backend = showsBackend ? ` [dbConnection=${event.backend}]` : "";
  return plain(
    `${new Date(event.at).toISOString()} [${level}]${endpoint}${client}${backend} ${text}`,
  );
}

/** One event as a JSON object: its fields, and the words for it. */
export function jsonLine(event: ProxyEvent): string {
  const { level, blame, text } = wordsOf(event);
  const { at, kind, ...fields } = event;
  return JSON.stringify({
    time: new Date(at).toISOString(),
    level,
    kind,
    blame,
    message: text.slice(0, LINE_CHARS_MAX),
    ...fields,
  });
}

/** What makes two lines the same one again: the kind of trouble and whom it befalls, not when or for which client. */
function noiseKeyOf(event: ProxyEvent): string | null {
  switch (event.kind) {
    case "client-refused":
      return `${event.kind} ${event.endpoint} ${event.limit}`;
    case "client-login-failed":
      return `${event.kind} ${event.user} ${event.failure}`;
    case "client-closed":
      return `${event.kind} ${event.endpoint} ${event.reason}`;
    case "backend-failed":
      return `${event.kind} ${event.target} ${event.user} ${event.failure}`;
    case "backend-closed":
      return `${event.kind} ${event.target} ${event.reason}`;
    case "borrow-timed-out":
      return `${event.kind} ${event.user} ${event.role}`;
    case "credentials-failed":
      return `${event.kind} ${event.user} ${event.secretArn} ${event.failure}`;
    case "session-pinned":
      return `${event.kind} ${event.user} ${event.rule} ${event.digest}`;
    case "bug-found":
      return `${event.kind} ${event.where} ${event.detail}`;
    default:
      return null;
  }
}

/** User names and the words of servers come from outside: they must not forge or break lines. */
function plain(line: string): string {
  const cut = line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line;
  return cut.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
