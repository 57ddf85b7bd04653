import { NO_ROLE, Role } from "../../../proxy/pool/role.ts";
import {
  GroupWatch,
  type WatchSetting,
  type WriterMove,
} from "../../../proxy/target/group-watch.ts";
import type { InstanceRow } from "../../../proxy/target/sighting.ts";

const ROLE_NAMES = { [Role.READ_WRITE]: "writer", [Role.READ_ONLY]: "reader", [NO_ROLE]: "none" };

export interface Said {
  readonly readOnly: boolean;
  readonly serverId?: string;
  readonly lagMs?: number;
  readonly rows?: readonly InstanceRow[];
}

/** A watch over servers that answer what a test tells them to. Each answer takes a millisecond. */
export class WatchBench {
  readonly watch: GroupWatch;
  readonly moves: WriterMove[] = [];
  now = 1_000;

  constructor(over: Partial<WatchSetting> & Pick<WatchSetting, "topology">, seeds = ["a:1"]) {
    this.watch = new GroupWatch(
      {
        seeds: seeds.map(addressOf),
        domainSuffix: "",
        instances: new Map(),
        maxLagMs: 10_000,
        intervalMs: 500,
        ...over,
      },
      this.now,
    );
  }

  says(key: string, { readOnly, serverId, lagMs, rows }: Said): void {
    const askedAtMs = this.now;
    this.now += 1;
    const maxConnections = 100;
    const sighting = { askedAtMs, maxConnections, readOnly, lagMs: lagMs ?? null };
    const aurora = { serverId: serverId ?? null, rows: rows ?? null };
    this.#note(this.watch.sighted(key, { ...sighting, ...aurora }, this.now));
  }

  silent(key: string): void {
    this.now += 1;
    this.#note(this.watch.missed(key, this.now));
  }

  refuses(key: string): void {
    this.#note(this.watch.refused(key, this.now));
    this.now += 1;
  }

  get writer(): string | null {
    return this.watch.judgement.writer?.id ?? null;
  }

  /** `id` to role, or the problem in brackets where it gets no sessions. */
  get members(): Record<string, string> {
    return Object.fromEntries(
      this.watch.judgement.members.map(({ id, role, accepting, problem }) => [
        id,
        accepting ? ROLE_NAMES[role] : `${ROLE_NAMES[role]} (${problem})`,
      ]),
    );
  }

  get keys(): string[] {
    return [...this.watch.nodes].map(({ key }) => key);
  }

  #note(move: WriterMove | null): void {
    if (move !== null) this.moves.push(move);
  }
}

export function addressOf(text: string): { host: string; port: number } {
  const [host, port] = text.split(":");
  return { host: host as string, port: Number(port) };
}
