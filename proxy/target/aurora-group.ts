import { Role } from "../pool/role.ts";
import { listedIn, masterOf, newestIn } from "./aurora.ts";
import { type Judgement, judgeReader, type Member, type Standing } from "./judgement.ts";
import { type Address, keyOf, type Node } from "./node.ts";
import type { Sighting } from "./sighting.ts";

/** How long an instance may be missing in the writer's view before it counts as deleted: after a failover views take a while to fill. */
export const GONE_AFTER_MS = 10_000;

export interface AuroraSetting {
  /** An instance's host is its id and this; empty where that does not lead to it. */
  readonly domainSuffix: string;
  /** Of every instance whose host is made from its id. */
  readonly port: number;
  /** Instances whose addresses do not follow from their ids. */
  readonly instances: ReadonlyMap<string, Address>;
}

/** The instances of an Aurora cluster, by what they say of each other. */
export class AuroraRoster {
  #setting: AuroraSetting;
  /** When each was last listed, by id. */
  readonly #listedAtMs = new Map<string, number>();
  readonly #lagMs = new Map<string, number | null>();
  /** Addresses that somebody else knew. */
  readonly #located = new Map<string, Address>();

  constructor(setting: AuroraSetting) {
    this.#setting = setting;
  }

  /** Where else instances are than their ids tell. */
  configure(instances: AuroraSetting["instances"]): void {
    this.#setting = { ...this.#setting, instances };
  }

  get ids(): string[] {
    return [...this.#listedAtMs.keys()];
  }

  /** Where an instance is, as far as its id tells. */
  addressOf(id: string): Address | null {
    const { instances, domainSuffix, port } = this.#setting;
    const known = instances.get(id) ?? this.#located.get(id);
    if (known !== undefined) return known;
    return domainSuffix === "" ? null : { host: `${id}${domainSuffix}`, port };
  }

  /** Says where instances are whose addresses do not follow from what is known here. */
  locate(addresses: ReadonlyMap<string, Address>): void {
    for (const [id, address] of addresses) this.#located.set(id, address);
  }

  /** Takes up what the best of all views lists, and drops who has been missing in the writer's for long. */
  follow(nodes: readonly Node[], writer: Node | null, nowMs: number): void {
    const view = writer === null ? newestView(nodes) : writer.sighting;
    if (view === null) return;
    for (const { id, lagMs } of listedIn(view.rows ?? [])) {
      this.#listedAtMs.set(id, nowMs);
      this.#lagMs.set(id, lagMs);
    }
    if (writer === null) return;
    for (const [id, listedAtMs] of this.#listedAtMs) {
      if (nowMs - listedAtMs < GONE_AFTER_MS) continue;
      this.#listedAtMs.delete(id);
      this.#lagMs.delete(id);
    }
  }

  judge(nodes: readonly Node[], standing: Standing): Judgement {
    const found = this.ids
      .map((id) => ({ id, node: this.#nodeOf(id, nodes) }))
      .filter((each): each is Instance => each.node !== null);
    const writer = chooseWriter(found, standing.writerKey);
    // Once another one stands, a silent former writer is nobody.
    const last = { ...standing, writerKey: writer === null ? standing.writerKey : null };
    const members = found.map((each): Member => {
      if (each !== writer) return this.#judgeOther(each, last);
      return { ...each, role: Role.READ_WRITE, accepting: true, lagMs: null, problem: null };
    });
    return { writer: members.find(({ node }) => node === writer?.node) ?? null, members };
  }

  #judgeOther(instance: Instance, last: Standing): Member {
    const { id, node } = instance;
    const member = judgeReader(instance, this.#lagMs.get(id) ?? null, last);
    const isOther = node.alive && node.sighting?.serverId !== id;
    return isOther ? { ...member, accepting: false, problem: "other-instance" } : member;
  }

  /** By its own address; without one, whichever seed proved to be it. */
  #nodeOf(id: string, nodes: readonly Node[]): Node | null {
    const address = this.addressOf(id);
    if (address !== null) return nodes.find(({ key }) => key === keyOf(address)) ?? null;
    return nodes.find(({ sighting }) => sighting?.serverId === id) ?? null;
  }
}

interface Instance {
  readonly id: string;
  readonly node: Node;
}

/** It says of itself that it is this instance, that it takes writes, and lists itself as the master. */
function isProven({ id, node }: Instance): boolean {
  const { sighting } = node;
  if (!node.takesWrites || sighting === null || sighting.serverId !== id) return false;
  return masterOf(sighting.rows ?? [])?.id === id;
}

/** Views may be stale, so only an instance's own word counts; of several the one whose view was renewed last. */
function chooseWriter(instances: readonly Instance[], writerKey: string | null): Instance | null {
  let best: Instance | null = null;
  for (const instance of instances) {
    if (!isProven(instance)) continue;
    if (best === null) best = instance;
    else {
      const [one, other] = [masterTime(instance.node), masterTime(best.node)];
      if (one > other || (one === other && instance.node.key === writerKey)) best = instance;
    }
  }
  return best;
}

function masterTime(node: Node): string {
  return masterOf(node.sighting?.rows ?? [])?.updatedAt ?? "";
}

function newestView(nodes: readonly Node[]): Sighting | null {
  let best: Sighting | null = null;
  for (const { alive, sighting } of nodes) {
    if (!alive || sighting === null) continue;
    if (best === null || newestIn(sighting.rows ?? []) > newestIn(best.rows ?? [])) best = sighting;
  }
  return best;
}
