import type { ProxySign } from "../../local/index.ts";

/** What became of requests that met a failover, by the proxy's own count. */
export interface ProxyCounts {
  readonly waited: number;
  readonly retried: number;
  readonly failed: number;
}

/** What a proxy says of itself while it is watched. */
export class ProxyWatch {
  readonly signs: ProxySign[] = [];
  readonly #adminUrl: string;
  readonly #before: ProxyCounts;
  readonly #end = new AbortController();

  private constructor(adminUrl: string, before: ProxyCounts) {
    this.#adminUrl = adminUrl;
    this.#before = before;
    void readSigns(adminUrl, this.#end.signal, this.signs);
  }

  static async start(adminUrl: string): Promise<ProxyWatch> {
    return new ProxyWatch(adminUrl, await readCounts(adminUrl));
  }

  /** Since the watch began. */
  async counts(): Promise<ProxyCounts> {
    const now = await readCounts(this.#adminUrl);
    const before = this.#before;
    return {
      waited: now.waited - before.waited,
      retried: now.retried - before.retried,
      failed: now.failed - before.failed,
    };
  }

  stop(): void {
    this.#end.abort();
  }
}

async function readCounts(adminUrl: string): Promise<ProxyCounts> {
  const response = await fetch(`${adminUrl}/metrics`);
  const text = await response.text();
  const sum = (what: string) =>
    [...text.matchAll(new RegExp(`^sluice_failover_requests_${what}(?:\\{.*\\})? (\\S+)$`, "gm"))]
      .map(([, value]) => Number(value))
      .reduce((total, value) => total + value, 0);
  return { waited: sum("waited"), retried: sum("retried"), failed: sum("failed") };
}

interface ProxyEvent {
  readonly kind: string;
  readonly time: string;
  readonly to?: string | null;
  readonly target?: string;
  readonly after?: { readonly role: string; readonly state: string } | null;
}

/** Follows the proxy's events until told to stop. */
async function readSigns(adminUrl: string, signal: AbortSignal, signs: ProxySign[]): Promise<void> {
  try {
    const response = await fetch(`${adminUrl}/api/v1/events`, { signal });
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        const sign = data === undefined ? null : signOf(JSON.parse(data) as ProxyEvent);
        if (sign !== null) signs.push(sign);
      }
    }
  } catch {
    // The proxy has ended, or nobody wants to know any more.
  }
}

function signOf(event: ProxyEvent): ProxySign | null {
  const { kind, to, target, after } = event;
  const at = Date.parse(event.time);
  if (kind === "writer-changed" && typeof to === "string") {
    return { kind: "writer-verified", at, detail: to };
  }
  if (kind === "target-changed" && after?.role === "READ_WRITE" && after.state === "AVAILABLE") {
    return { kind: "routing-changed", at, detail: String(target) };
  }
  return null;
}
