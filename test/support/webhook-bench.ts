import type { RowDataPacket } from "mysql2/promise";
import { expect } from "vitest";
import type { HttpApiEvent, HttpApiResponse } from "../../lambda/webhook/http-api.ts";
import type { Settings } from "../../lambda/webhook/settings.ts";
import { type LogEntry, Webhook } from "../../lambda/webhook/webhook.ts";
import type { TestServer } from "./servers.ts";

export interface Secret {
  readonly username: string;
  readonly password: string;
}

interface HitOptions {
  readonly requestId?: string;
  readonly accept?: string;
  readonly remainingMs?: number;
}

interface Shown {
  readonly hit: string;
  readonly paths: readonly { path: string; hits: number; first: string; last: string }[];
}

let requests = 0;

/** One execution environment of the webhook, in this process. */
export class WebhookBench {
  readonly settings: Settings;
  readonly log: LogEntry[] = [];
  readonly #webhook: Webhook;

  /** Each reading of the secret gives the next of `secrets`, the last one for ever. */
  constructor(settings: Settings, secrets: readonly Secret[]) {
    this.settings = settings;
    const left = [...secrets];
    const fetchSecret = async () => JSON.stringify(left.length > 1 ? left.shift() : left[0]);
    this.#webhook = new Webhook(settings, { fetchSecret, log: (entry) => this.log.push(entry) });
  }

  hit(path: string, options: HitOptions = {}): Promise<HttpApiResponse> {
    requests += 1;
    const {
      requestId = `request-${requests}`,
      accept = "application/json",
      remainingMs = 30_000,
    } = options;
    return this.#webhook.answer(toEvent(path, requestId, accept), {
      awsRequestId: "lambda",
      getRemainingTimeInMillis: () => remainingMs,
    });
  }

  close(): void {
    this.#webhook.close();
  }
}

function toEvent(rawPath: string, requestId: string, accept: string): HttpApiEvent {
  const http = { method: "GET" };
  return {
    rawPath,
    headers: { accept },
    requestContext: { requestId, timeEpoch: Date.now(), http },
  };
}

/** The document of an answer that must be a good one. */
export function shown(response: HttpApiResponse): Shown {
  expect(response, response.body).toMatchObject({ statusCode: 200 });
  return JSON.parse(response.body) as Shown;
}

/** Hits by path. */
export function counts(response: HttpApiResponse): Record<string, number> {
  return Object.fromEntries(shown(response).paths.map(({ path, hits }) => [path, hits]));
}

/** Cuts every connection of a user at the server; how many there were. */
export async function killConnections(here: TestServer, user: string): Promise<number> {
  const found = await here.sql(
    `SELECT id FROM information_schema.processlist WHERE user = '${user}'`,
  );
  for (const { id, ID } of found as RowDataPacket[]) await here.sql(`KILL ${id ?? ID}`);
  return found.length;
}
