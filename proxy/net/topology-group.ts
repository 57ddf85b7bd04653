import type { FaultName } from "../base/faults.ts";
import type { TargetReason, TargetRole, TargetState } from "../observe/events.ts";
import { BackendState, type PoolTarget } from "../pool/backend.ts";
import { NO_ROLE, Role } from "../pool/role.ts";
import type { EndpointRole, ProxySpec, TargetSpec } from "../spec/proxy-spec.ts";
import { AURORA_READER } from "../target/aurora.ts";
import { GroupWatch, type WatchSetting, type WriterMove } from "../target/group-watch.ts";
import type { Member } from "../target/judgement.ts";
import type { Node } from "../target/node.ts";
import { READ_ONLY_READER } from "../target/read-only.ts";
import type { Sighting, TopologyReader } from "../target/sighting.ts";
import { PANIC_MS } from "../target/vigil.ts";
import type { Backend } from "./backend.ts";
import type { ClientSession } from "./client-session.ts";
import { type FindInstances, InstanceFinder } from "./instance-finder.ts";
import { Phase } from "./phase.ts";
import { Prober, type ProberOwner } from "./prober.ts";
import { outliveRefusal, signIn, wantsWriter } from "./refusal.ts";
import type { Service } from "./service.ts";
import type { MonitorLogins } from "./target-monitor.ts";
import { countedAs, TopologyMember } from "./topology-member.ts";
import type { TroubleWatch } from "./trouble.ts";

/** A cluster that was never seen with a writer for this long has none: it is the secondary of another one. */
const WRITERLESS_MS = 10_000;
const NEVER = Number.POSITIVE_INFINITY;

/** The servers of a proxy whose roles are found out by asking them, and may change at any time. */
export class TopologyGroup implements ProberOwner, TroubleWatch {
  /** By the target's id. */
  readonly monitors = new Map<string, TopologyMember>();
  readonly #service: Service;
  readonly #logins: MonitorLogins;
  readonly #finder: InstanceFinder | null;
  readonly #probers = new Map<Node, Prober>();
  #reader: TopologyReader = READ_ONLY_READER;
  #watch: GroupWatch | null = null;
  #hadWriter = false;
  #hadReaders = false;
  /** Since when there is a writer, and a reader; infinity while there is none. */
  #writerSinceMs = NEVER;
  #readersSinceMs = NEVER;
  #seenAtMs: number | null = null;
  #isHurried = false;
  /** Why seeds did not answer, told once. */
  readonly #seedFailures = new Map<string, TargetReason | null>();
  #panicTimer: NodeJS.Timeout | null = null;
  #stopped = false;
  /** Targets and roles whose numbers are dropped with their last backend. */
  readonly #leaving = new Set<{ target: PoolTarget; role: EndpointRole }>();

  constructor(service: Service, logins: MonitorLogins, find: FindInstances | null) {
    this.#service = service;
    this.#logins = logins;
    this.#finder = find === null ? null : new InstanceFinder(service, find);
    service.trouble = this;
  }

  set({ target }: ProxySpec): void {
    const setting = settingOf(target);
    if (this.#watch === null) {
      this.#reader = setting.topology === "aurora" ? AURORA_READER : READ_ONLY_READER;
      this.#watch = new GroupWatch(setting, this.#service.monotonicMs());
    } else this.#watch.configure(setting);
    this.#renewProbers();
  }

  tick(now: number): void {
    const intervalMs = this.#watch?.intervalMs(now) ?? 0;
    for (const prober of [...this.#probers.values()]) prober.tick(now, intervalMs);
    if (this.#stopped) return;
    if (this.#watch?.isPanic === true) this.#tickSoon();
    if (this.#watch?.hasUnlocated === true) this.#locate(now);
  }

  #locate(now: number): void {
    this.#finder?.want(now, (addresses) => {
      if (this.#stopped) return;
      const then = this.#service.monotonicMs();
      this.#follow(this.#watch?.locate(addresses, then) ?? null, then);
    });
  }

  /** The process's own tick is too slow for whoever waits for a writer. */
  #tickSoon(): void {
    this.#panicTimer ??= setTimeout(() => {
      this.#panicTimer = null;
      this.#tickNow();
    }, PANIC_MS);
  }

  #tickNow(): void {
    try {
      this.tick(this.#service.monotonicMs());
    } catch (error) {
      this.#service.bug("probing", error, null);
    }
  }

  /** Is everything as it should be? Less often than `tick`. */
  sweep(now: number): void {
    this.#measure(now);
    const { backends, counters, addresses } = this.#service;
    for (const backend of [...backends]) if (backend.state === BackendState.LENT) recall(backend);
    for (const left of this.#leaving) {
      const { target, role } = left;
      const isUsed = [...backends].some(
        (backend) =>
          backend.target === target && backend.counters === counters.target(target.id, role),
      );
      if (isUsed) continue;
      this.#leaving.delete(left);
      if (target.removed) addresses.delete(target);
      const present = this.monitors.get(target.id);
      if (present?.counted !== role) counters.dropTarget(target.id, role);
    }
  }

  /** Connections of the proxy's own are made anew. */
  renew(): void {
    for (const prober of this.#probers.values()) prober.renew();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#panicTimer !== null) clearTimeout(this.#panicTimer);
    for (const prober of this.#probers.values()) prober.stop();
  }

  // --- what probers tell

  answered(node: Node, sighting: Sighting): void {
    const now = this.#service.monotonicMs();
    this.#seenAtMs ??= now;
    const { facts } = this.#probers.get(node) as Prober;
    if (!this.#service.seen && facts !== null) this.#service.learn(facts);
    this.#follow(this.#watch?.sighted(node.key, sighting, now) ?? null, now);
  }

  failed(node: Node): void {
    const now = this.#service.monotonicMs();
    this.#follow(this.#watch?.missed(node.key, now) ?? null, now);
    if (this.monitors.size === 0) this.#tellSeed(node);
  }

  /** A seed that has not led to any target is none itself: nothing else would tell of it. */
  #tellSeed(node: Node): void {
    const { reason = null, detail = null } = this.#probers.get(node) ?? {};
    if (this.#seedFailures.get(node.key) === reason) return;
    this.#seedFailures.set(node.key, reason);
    this.#service.events.emit({
      kind: "target-changed",
      at: this.#service.epochMs(),
      target: node.key,
      before: { state: "REGISTERING", role: "UNKNOWN" },
      after: { state: "UNAVAILABLE", role: "UNKNOWN" },
      reason,
      detail: detail ?? "",
    });
  }

  // --- what sessions and backends tell

  suspect(): void {
    if (this.#watch?.alarm(this.#service.monotonicMs()) === true) this.#hurry();
  }

  isRefusal(backend: Backend, bytes: Uint8Array, end: number): boolean {
    const session = backend.user as ClientSession;
    if (!wantsWriter(session)) return false;
    const sign = signIn(backend.walker.errorCode, bytes, end);
    if (sign === "none") return false;
    const { target } = backend;
    this.suspect();
    if (sign === "doubt") return false;
    const member = this.monitors.get(target.id);
    const now = this.#service.monotonicMs();
    if (member?.target === target)
      this.#follow(this.#watch?.refused(member.node.key, now) ?? null, now);
    outliveRefusal(session, backend, bytes, end);
    return true;
  }

  faultOf(role: Role): FaultName | null {
    if (this.#seenAtMs === null) return null;
    if (role === Role.READ_WRITE) {
      const isLong = this.#service.monotonicMs() - this.#seenAtMs > WRITERLESS_MS;
      return isLong && !this.#hadWriter && this.monitors.size > 0 ? "noReadWriteInstance" : null;
    }
    if (!this.#hadWriter) return null;
    for (const { role: present } of this.monitors.values())
      if (present !== "READ_WRITE") return null;
    return "noReadOnlyInstance";
  }

  servedSinceMs(role: Role): number {
    return role === Role.READ_WRITE ? this.#writerSinceMs : this.#readersSinceMs;
  }

  // --- what follows

  /** All servers are asked as soon as whoever gave the sign has done with it. */
  #hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    for (const prober of this.#probers.values()) prober.hurry();
    process.nextTick(() => {
      this.#isHurried = false;
      this.#tickNow();
    });
  }

  /** Brings the pool in line with what was found out: first what may no longer be used, then what may. */
  #follow(move: WriterMove | null, now: number): void {
    const watch = this.#watch as GroupWatch;
    this.#renewProbers();
    const { members, writer } = watch.judgement;
    const hasReaders = members.some(({ role, accepting }) => accepting && role === Role.READ_ONLY);
    if (writer === null) this.#writerSinceMs = NEVER;
    else if (move !== null) this.#writerSinceMs = now;
    this.#readersSinceMs = hasReaders ? Math.min(this.#readersSinceMs, now) : NEVER;
    const wanted = new Map(members.map((member) => [member.id, member]));
    for (const [id, present] of this.monitors)
      if (wanted.get(id)?.node !== present.node) this.#remove(id, present, now);
    for (const member of members) if (member !== writer) this.#apply(member, now);
    if (move !== null) this.#moved(move);
    if (writer !== null) this.#apply(writer, now);
    this.#measure(now);
    if (move?.to === null) this.#hurry();
  }

  #moved({ from, to, withoutMs }: WriterMove): void {
    const service = this.#service;
    const at = service.epochMs();
    service.events.emit({
      kind: "writer-changed",
      at,
      from,
      to,
      withoutMs: Math.round(withoutMs),
    });
    if (to === null) return;
    this.#hadWriter = true;
    const writer = this.#watch?.judgement.writer;
    const facts = writer ? this.#probers.get(writer.node)?.facts : null;
    if (facts) service.learn(facts);
    for (const { target, node } of this.monitors.values())
      if (target.id !== to && !node.alive) this.#cut(target);
  }

  /** Another one is the writer: whoever still waits for an answer of a silent server would do so for long. */
  #cut(target: PoolTarget): void {
    const lost = new Error("the server is silent, and another one is the writer");
    for (const backend of [...this.#service.backends]) {
      if (backend.target !== target || backend.state !== BackendState.LENT) continue;
      const session = backend.user as ClientSession | null;
      if (session === null || wantsWriter(session)) backend.onClosed(lost);
    }
  }

  #apply(member: Member, now: number): void {
    const { pool } = this.#service;
    const present = this.monitors.get(member.id) ?? this.#add(member, now);
    const { target, role: oldRole, state: oldState } = present;
    const isChanged = present.learn(member, this.#probers.get(member.node));
    const limit = member.node.sighting?.maxConnections ?? null;
    if (limit !== null) pool.setTargetMaxConnections(target, limit, now);
    if (!member.accepting) pool.setAccepting(target, false, now);
    pool.setRole(target, member.role, now);
    if (member.accepting) pool.setAccepting(target, true, now);
    this.#count(present);
    if (isChanged) this.#tell(present, { state: oldState, role: oldRole });
  }

  #add(member: Member, now: number): TopologyMember {
    const service = this.#service;
    const target = service.pool.addTarget(
      { id: member.id, role: NO_ROLE, maxConnections: null, accepting: false },
      now,
    );
    service.addresses.set(target, member.node.address);
    const added = new TopologyMember(target, member.node);
    this.monitors.set(member.id, added);
    return added;
  }

  #remove(id: string, present: TopologyMember, now: number): void {
    const service = this.#service;
    const { target, role, state } = present;
    this.monitors.delete(id);
    this.#leave(target, present.counted ?? countedAs(role));
    service.pool.removeTarget(target, now);
    service.events.emit({
      kind: "target-changed",
      at: service.epochMs(),
      target: id,
      before: { state, role },
      after: null,
      reason: null,
      detail: "",
    });
  }

  /** Numbers are kept for each role apart; a target without one has none. */
  #count(member: TopologyMember): void {
    const { target, role, counted } = member;
    member.counted = role === "UNKNOWN" ? null : countedAs(role);
    if (counted !== null && counted !== member.counted) this.#leave(target, counted);
    if (member.counted === null) return;
    const { counters } = this.#service;
    counters.target(target.id, member.counted).maxDatabaseConnectionsAllowed = target.capacity;
  }

  #leave(target: PoolTarget, role: EndpointRole): void {
    this.#service.counters.target(target.id, role).maxDatabaseConnectionsAllowed = 0;
    this.#leaving.add({ target, role });
  }

  #tell(
    { target, state, role, reason, description }: TopologyMember,
    before: { state: TargetState; role: TargetRole },
  ): void {
    this.#service.events.emit({
      kind: "target-changed",
      at: this.#service.epochMs(),
      target: target.id,
      before,
      after: { state, role },
      reason,
      detail: description ?? "",
    });
  }

  #measure(now: number): void {
    const { readWrite, readOnly } = this.#service.counters;
    if (this.monitors.size === 0) return;
    const hasWriter = this.#watch?.judgement.writer != null;
    // Until everybody has been asked once, nobody knows.
    if (hasWriter || this.#hadWriter || !this.#isAsking) readWrite.set(hasWriter, now);
    const readers = [...this.monitors.values()].filter(({ role }) => role === "READ_ONLY");
    this.#hadReaders ||= readers.length > 0;
    if (!this.#hadReaders) return;
    readOnly.set(
      readers.some(({ state }) => state === "AVAILABLE"),
      now,
    );
  }

  get #isAsking(): boolean {
    return [...(this.#watch?.nodes ?? [])].some(({ asked }) => !asked);
  }

  #renewProbers(): void {
    const nodes = new Set(this.#watch?.nodes ?? []);
    for (const [node, prober] of this.#probers) {
      if (nodes.has(node)) continue;
      prober.stop();
      this.#probers.delete(node);
    }
    for (const node of nodes) {
      if (this.#probers.has(node)) continue;
      const parts = { reader: this.#reader, logins: this.#logins, owner: this };
      this.#probers.set(node, new Prober(node, this.#service, parts));
    }
  }
}

/** A session at rest that is pinned to a server with another role now has lost what pinned it. */
function recall(backend: Backend): void {
  const session = backend.user as ClientSession | null;
  if (session === null || backend.target.role === session.role) return;
  if (session.phase !== Phase.IDLE || session.ledger.inTransaction) return;
  session.counters.failoverRequestsFailed += 1;
  session.close("target-changed");
}

function settingOf(target: TargetSpec): WatchSetting {
  const { hosts, topology, domainSuffix, monitor } = target;
  return {
    topology: topology === "aurora" ? "aurora" : "readOnly",
    seeds: hosts,
    domainSuffix,
    instances: new Map(Object.entries(target.instances)),
    maxLagMs: monitor.maxLag,
    intervalMs: monitor.interval,
  };
}
