import {
  answerBusy,
  answerFailure,
  answerFavicon,
  answerMethodRefused,
  answerRobots,
  answerView,
} from "./answers.ts";
import { ProxyConnection } from "./connection.ts";
import { classifyFailure, errorFields } from "./failures.ts";
import type { HttpApiEvent, HttpApiResponse, LambdaContext } from "./http-api.ts";
import { type Hit, type Received, receive } from "./receive.ts";
import { CredentialsCache, type FetchSecret } from "./secret.ts";
import type { Settings } from "./settings.ts";
import { countHit } from "./store.ts";

export interface LogEntry {
  readonly level: "error" | "warn";
  readonly requestId: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface WebhookPorts {
  readonly fetchSecret: FetchSecret;
  readonly log: (entry: LogEntry) => void;
}

/** Milliseconds kept back of the function's time, so that it answers itself instead of being killed. */
const ANSWER_RESERVE_MS = 1_000;

/** Counts each path that is hit and shows them all. */
export class Webhook {
  readonly #settings: Settings;
  readonly #log: WebhookPorts["log"];
  readonly #connection: ProxyConnection;
  #requests = 0;

  constructor(settings: Settings, ports: WebhookPorts) {
    this.#settings = settings;
    this.#log = ports.log;
    this.#connection = new ProxyConnection(settings, new CredentialsCache(ports.fetchSecret));
  }

  async answer(event: HttpApiEvent, context: LambdaContext): Promise<HttpApiResponse> {
    const received = receive(event);
    const { receipt } = received;
    this.#requests += 1;
    switch (receipt.kind) {
      case "method-refused":
        return answerMethodRefused(received, receipt.method);
      case "favicon":
        return answerFavicon();
      case "robots":
        return answerRobots(received);
      case "hit":
        return await this.#answerHit(received, receipt.hit, context);
    }
  }

  /** For tests: Lambda itself never says goodbye. */
  close(): void {
    this.#connection.close();
  }

  async #answerHit(received: Received, hit: Hit, context: LambdaContext): Promise<HttpApiResponse> {
    const budgetMs = Math.max(1, context.getRemainingTimeInMillis() - ANSWER_RESERVE_MS);
    const { database } = this.#settings;
    try {
      const paths = await this.#connection.use((query) => countHit(query, database, hit), budgetMs);
      return answerView(received, {
        hitPath: hit.path,
        requestId: received.requestId,
        paths,
        requests: this.#requests,
        connections: this.#connection.opened,
      });
    } catch (error) {
      return this.#answerError(received, error);
    }
  }

  /** The client learns that it failed and whether to come back; the log learns why. */
  #answerError(received: Received, error: unknown): HttpApiResponse {
    const { requestId } = received;
    const kind = classifyFailure(error);
    const busy = kind === "busy" || kind === "stale";
    const { message, ...fields } = errorFields(error);
    const stack = error instanceof Error && kind === "other" ? { stack: error.stack } : {};
    this.#log({ level: busy ? "warn" : "error", requestId, message, kind, ...fields, ...stack });
    if (busy) return answerBusy(received);
    return answerFailure(received, 500, "The hit could not be counted.");
  }
}
