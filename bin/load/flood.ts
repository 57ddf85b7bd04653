/** Many requests at once, each followed by the next, for some time. */
import { Agent, request } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";

export interface FloodOptions {
  readonly url: string;
  /** Requests at once. */
  readonly concurrency: number;
  readonly ms: number;
  readonly signal: AbortSignal;
}

export interface FloodResult {
  readonly requests: number;
  readonly seconds: number;
  /** How many answers had which status; `none` where there was no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Milliseconds of the answers with status 200. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Milliseconds that one request may take: longer than any HTTP API lets it. */
const REQUEST_MS = 60_000;

export async function flood({ url, concurrency, ms, signal }: FloodOptions): Promise<FloodResult> {
  const secure = url.startsWith("https:");
  const agent = new (secure ? TlsAgent : Agent)({ keepAlive: true, maxSockets: concurrency });
  const statuses: Record<string, number> = {};
  const taken: number[] = [];
  const since = performance.now();
  const one = async (path: string): Promise<void> => {
    const from = performance.now();
    const status = await ask(new URL(path, url), agent, secure);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === "200") taken.push(performance.now() - from);
  };
  const visitor = async (_: unknown, i: number): Promise<void> => {
    while (!signal.aborted && performance.now() - since < ms) await one(`load/${i % 10}`);
  };
  await Promise.all(Array.from({ length: concurrency }, visitor));
  const seconds = (performance.now() - since) / 1_000;
  agent.destroy();
  taken.sort((a, b) => a - b);
  const requests = Object.values(statuses).reduce((sum, each) => sum + each, 0);
  const latencyMs = {
    p50: quantile(taken, 0.5),
    p99: quantile(taken, 0.99),
    max: quantile(taken, 1),
  };
  return { requests, seconds, statuses, latencyMs };
}

/** The status of the answer, read to its end. */
function ask(url: URL, agent: Agent, secure: boolean): Promise<string> {
  return new Promise((resolve) => {
    const options = { agent, headers: { accept: "application/json" }, timeout: REQUEST_MS };
    const call = (secure ? requestTls : request)(url, options, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(String(answer.statusCode)));
      answer.once("error", () => resolve("none"));
    });
    call.once("timeout", () => call.destroy());
    call.once("error", () => resolve("none"));
    call.end();
  });
}

/** 0 where there is nothing. */
export function quantile(sorted: readonly number[], part: number): number {
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * part));
  return Math.round((sorted[at] ?? 0) * 10) / 10;
}
