import type { PinLog } from "../observe/pin-log.ts";
import type {
  AdminView,
  EndpointView,
  PoolView,
  SessionState,
  SessionView,
  StateView,
  TargetView,
  WaitersView,
} from "../observe/state-view.ts";
import { BackendState } from "../pool/backend.ts";
import { Role } from "../pool/role.ts";
import type { ProxySpec } from "../spec/proxy-spec.ts";
import type { ClientSession } from "./client-session.ts";
import { Phase } from "./phase.ts";
import type { Service } from "./service.ts";
import type { WatchedTarget } from "./watched-target.ts";

export interface ViewSources {
  service(): Service | null;
  readonly pins: PinLog;
  monitors(): Iterable<WatchedTarget>;
  endpoints(): readonly EndpointView[];
  spec(): ProxySpec;
  /** Of Sluice. */
  readonly version: string;
  readonly startedAt: number;
}

/** What the admin API may see of a running proxy. */
export function makeView(sources: ViewSources): AdminView {
  return {
    ready: () => readiness(sources),
    state: (sessionsMax) => stateView(sources, sessionsMax),
    pins: () => sources.pins.list(),
  };
}

/** Ready means that new sessions are taken, not that the database is up. */
function readiness(sources: ViewSources): { ready: boolean; reason: string } {
  const service = sources.service();
  if (service === null) return { ready: false, reason: "not started, or stopped" };
  if (service.draining) return { ready: false, reason: "draining" };
  if (!service.seen) return { ready: false, reason: "no target has answered yet" };
  return { ready: true, reason: "serving" };
}

function stateView(sources: ViewSources, sessionsMax: number): StateView {
  const service = sources.service();
  const spec = sources.spec();
  return {
    proxyName: spec.name,
    version: sources.version,
    pinning: spec.pinning,
    startedAt: sources.startedAt,
    draining: service?.draining ?? false,
    endpoints: sources.endpoints(),
    targets: [...sources.monitors()].map((monitor) => targetView(monitor, service)),
    pools: service === null ? [] : poolViews(service),
    waiters: service === null ? [] : waiterViews(service),
    sessions: service === null ? [] : sessionViews(service, sessionsMax),
    sessionsTotal: service?.sessions.size ?? 0,
  };
}

function targetView(monitor: WatchedTarget, service: Service | null): TargetView {
  const { target } = monitor;
  const address = service?.addresses.get(target);
  return {
    id: target.id,
    host: address?.host ?? "",
    port: address?.port ?? 0,
    role: monitor.role,
    state: monitor.state,
    reason: monitor.reason,
    description: monitor.description,
    serverMaxConnections: target.maxConnections,
    maxConnections: target.capacity,
    lagMs: monitor.lagMs,
  };
}

interface Tally {
  open: number;
  opening: number;
  idle: number;
  lent: number;
  pinned: number;
  inTransaction: number;
}

function poolViews(service: Service): PoolView[] {
  const tallies = new Map<string, Tally & Pick<PoolView, "target" | "role" | "user">>();
  for (const backend of service.backends) {
    const user = backend.key.userKey;
    const name = `${backend.target.id} ${user}`;
    const role = backend.target.role === Role.READ_WRITE ? "READ_WRITE" : "READ_ONLY";
    const tally = tallies.get(name) ?? {
      target: backend.target.id,
      role,
      user,
      open: 0,
      opening: 0,
      idle: 0,
      lent: 0,
      pinned: 0,
      inTransaction: 0,
    };
    tallies.set(name, tally);
    if (backend.state === BackendState.OPENING) tally.opening += 1;
    else tally.open += 1;
    if (backend.state === BackendState.IDLE) tally.idle += 1;
    if (backend.state === BackendState.LENT) tally.lent += 1;
    if (backend.pinned) tally.pinned += 1;
    const session = backend.user as ClientSession | null;
    if (session?.countedTransaction === true) tally.inTransaction += 1;
  }
  return [...tallies.values()];
}

function waiterViews(service: Service): WaitersView[] {
  const now = service.monotonicMs();
  return ([Role.READ_WRITE, Role.READ_ONLY] as const).map((role) => {
    let count = 0;
    let oldestWaitMs = 0;
    for (const key of service.pool.keys) {
      count += service.pool.waitingFor(key, role);
      const oldest = service.pool.oldestWaiter(key, role);
      if (oldest !== null) oldestWaitMs = Math.max(oldestWaitMs, now - oldest.sinceMs);
    }
    return { role: role === Role.READ_WRITE ? "READ_WRITE" : "READ_ONLY", count, oldestWaitMs };
  });
}

function sessionViews(service: Service, max: number): SessionView[] {
  const views: SessionView[] = [];
  const age = service.epochMs() - service.monotonicMs();
  for (const session of service.sessions.values()) {
    if (views.length >= max) break;
    const { backend } = session;
    views.push({
      id: session.id,
      user: session.account?.username ?? null,
      clientAddress: session.clientAddress,
      endpoint: session.endpoint.name,
      tls: session.tls,
      state: sessionState(session),
      schema: session.ledger.state.schema,
      connectedAt: session.connectedAt,
      since: Math.round(age + session.lastActiveMs),
      backend: backend?.id ?? null,
      target: backend?.target.id ?? null,
    });
  }
  return views;
}

function sessionState(session: ClientSession): SessionState {
  if (!session.setUp) return "logging-in";
  if (session.phase === Phase.WAITING) return "waiting";
  if (session.ledger.pinRule !== null) return "pinned";
  if (session.ledger.inTransaction) return "in-transaction";
  return session.phase === Phase.IDLE ? "idle" : "running";
}
