import { AuroraRoster } from "./aurora-group.ts";
import type { Judgement, Member, Standing } from "./judgement.ts";
import { type Address, keyOf, Node } from "./node.ts";
import { judgeByReadOnly } from "./read-only-group.ts";
import type { Sighting } from "./sighting.ts";
import { Vigil } from "./vigil.ts";

export interface WatchSetting {
  readonly topology: "aurora" | "readOnly";
  readonly seeds: readonly Address[];
  readonly domainSuffix: string;
  readonly instances: ReadonlyMap<string, Address>;
  readonly maxLagMs: number;
  /** Milliseconds between two probes while all is well. */
  readonly intervalMs: number;
}

/** A change of who writes. */
export interface WriterMove {
  /** Ids of members. */
  readonly from: string | null;
  readonly to: string | null;
  readonly withoutMs: number;
}

/**
 * Who may be used for what in a target group, by the answers of its servers. Knows nothing of connections: it says whom to
 * ask and how often, is told the answers, and judges. Time is the caller's.
 */
export class GroupWatch {
  #setting: WatchSetting;
  readonly #nodes = new Map<string, Node>();
  readonly #roster: AuroraRoster | null;
  readonly #vigil: Vigil;
  /** The last to be writer, whether or not it still is. */
  #last: { readonly key: string; readonly id: string } | null = null;
  /** There is one now. */
  #stands = false;
  #judgement: Judgement = { writer: null, members: [] };

  constructor(setting: WatchSetting, nowMs: number) {
    this.#setting = setting;
    this.#vigil = new Vigil(nowMs);
    const { topology, domainSuffix, instances, seeds } = setting;
    const port = seeds[0]?.port ?? 3306;
    this.#roster =
      topology === "aurora" ? new AuroraRoster({ domainSuffix, port, instances }) : null;
    this.#renewNodes();
  }

  /** Other seeds, addresses or limits; the way of reading roles stays. */
  configure(setting: WatchSetting): void {
    this.#setting = setting;
    this.#roster?.configure(setting.instances);
    this.#renewNodes();
  }

  /** Whom to ask. */
  get nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  get judgement(): Judgement {
    return this.#judgement;
  }

  /** No writer stands, or there are doubts about it. */
  get isPanic(): boolean {
    return this.#vigil.isPanic;
  }

  /** Whether there are instances that nobody knows the way to. */
  get hasUnlocated(): boolean {
    const roster = this.#roster;
    return roster?.ids.some((id) => roster.addressOf(id) === null) === true;
  }

  /** Somebody knows where instances are. */
  locate(addresses: ReadonlyMap<string, Address>, nowMs: number): WriterMove | null {
    this.#roster?.locate(addresses);
    return this.#judge(nowMs);
  }

  node(key: string): Node | undefined {
    return this.#nodes.get(key);
  }

  intervalMs(nowMs: number): number {
    return this.#vigil.intervalMs(nowMs, this.#setting.intervalMs);
  }

  /** A server has answered. Returns the change of writer that follows, if any. */
  sighted(key: string, sighting: Sighting, nowMs: number): WriterMove | null {
    const node = this.#nodes.get(key);
    if (node === undefined) return null;
    node.sighted(sighting);
    return this.#judge(nowMs);
  }

  /** A server has not answered, or not in time. */
  missed(key: string, nowMs: number): WriterMove | null {
    const node = this.#nodes.get(key);
    if (node === undefined) return null;
    node.missed();
    return this.#judge(nowMs);
  }

  /** A sign of trouble: true if it is news, and all servers are to be asked at once. */
  alarm(nowMs: number): boolean {
    return this.#vigil.alarm(nowMs);
  }

  /** A server has refused a write because it is read-only: from now on it must prove anew that it is the writer. */
  refused(key: string, nowMs: number): WriterMove | null {
    const node = this.#nodes.get(key);
    if (node === undefined) return null;
    node.refusedAtMs = nowMs;
    return this.#judge(nowMs);
  }

  #judge(nowMs: number): WriterMove | null {
    const nodes = [...this.#nodes.values()];
    const standing: Standing = {
      writerKey: this.#last?.key ?? null,
      maxLagMs: this.#setting.maxLagMs,
    };
    if (this.#roster === null) this.#judgement = judgeByReadOnly(nodes, standing);
    else {
      const writer = this.#judgement.writer?.node ?? null;
      this.#roster.follow(nodes, writer?.takesWrites === true ? writer : null, nowMs);
      this.#renewNodes();
      this.#judgement = this.#roster.judge([...this.#nodes.values()], standing);
    }
    return this.#compare(this.#judgement.writer, nowMs);
  }

  #compare(writer: Member | null, nowMs: number): WriterMove | null {
    const from = this.#last?.id ?? null;
    if (writer === null) {
      this.#vigil.falls(nowMs);
      if (!this.#stands) return null;
      this.#stands = false;
      return { from, to: null, withoutMs: 0 };
    }
    const isSame = this.#stands && this.#last?.key === writer.node.key;
    const withoutMs = this.#vigil.stands(writer.node.sighting?.askedAtMs ?? 0, nowMs);
    this.#stands = true;
    this.#last = { key: writer.node.key, id: writer.id };
    return isSame ? null : { from, to: writer.id, withoutMs };
  }

  /** Seeds stay seeds: a cluster's own address leads to its new writer. */
  #renewNodes(): void {
    const wanted = new Map<string, Address>();
    for (const seed of this.#setting.seeds) wanted.set(keyOf(seed), seed);
    for (const id of this.#roster?.ids ?? []) {
      const address = this.#roster?.addressOf(id) ?? null;
      if (address !== null) wanted.set(keyOf(address), address);
    }
    for (const key of this.#nodes.keys()) if (!wanted.has(key)) this.#nodes.delete(key);
    for (const [key, address] of wanted)
      if (!this.#nodes.has(key)) this.#nodes.set(key, new Node(address));
  }
}
