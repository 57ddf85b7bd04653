/** Lines of proxies, of this run. */
export interface LogEvent {
  readonly id: string;
  readonly at: number;
  readonly receivedAt: number;
  readonly message: string;
}

export interface LogGroup {
  readonly name: string;
  readonly createdAt: number;
  readonly events: readonly LogEvent[];
}

const EVENTS_MAX = 10_000;
/** How many more are kept until the oldest are dropped all at once. */
const SLACK = 1_000;

/** Each group has one stream. */
export const STREAM = "proxy";

export function groupOfProxy(proxyName: string): string {
  return `/aws/rds/proxy/${proxyName}`;
}

export class LogStore {
  readonly #nowMs: () => number;
  readonly #groups = new Map<string, { createdAt: number; events: LogEvent[] }>();
  #next = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  write(group: string, line: string): void {
    const receivedAt = this.#nowMs();
    const at = Date.parse(line.slice(0, line.indexOf(" ")));
    const kept = this.#groups.get(group) ?? { createdAt: receivedAt, events: [] };
    this.#groups.set(group, kept);
    const id = String(this.#next++).padStart(20, "0");
    kept.events.push({ id, at: Number.isNaN(at) ? receivedAt : at, receivedAt, message: line });
    if (kept.events.length > EVENTS_MAX + SLACK) kept.events.splice(0, SLACK);
  }

  find(name: string): LogGroup | null {
    const kept = this.#groups.get(name);
    return kept === undefined ? null : { name, ...kept };
  }

  all(): LogGroup[] {
    return [...this.#groups.keys()].sort().map((name) => this.find(name)!);
  }
}
