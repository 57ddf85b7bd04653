import type {
  Address,
  ClusterOrder,
  Databases,
  DataPlane,
  DataPoint,
  ProxyHooks,
  ProxyPlan,
  RunningCluster,
} from "../../../control/index.ts";

/** A data plane that opens nothing and remembers what it was asked for. */
export class PretendDataPlane implements DataPlane {
  readonly proxies: { plan: ProxyPlan; readonly hooks: ProxyHooks; isOpen: boolean }[] = [];
  /** What `reserve` rejects with. */
  addressless: Error | null = null;
  credentials = true;
  /** What every proxy counts from one reading to the next. */
  points: readonly DataPoint[] = [];
  /** Awaited by whoever opens a proxy. */
  gate: Promise<unknown> = Promise.resolve();
  #next = 1;

  reserve(_taken: readonly Address[]): Promise<Address> {
    if (this.addressless !== null) return Promise.reject(this.addressless);
    return Promise.resolve({ host: `127.99.0.${this.#next++}`, port: 3306 });
  }

  /** What the proxy of this name is now. */
  plan(name: string): ProxyPlan | undefined {
    return this.proxies.find(({ plan, isOpen }) => isOpen && plan.name === name)?.plan;
  }

  async open(plan: ProxyPlan, hooks: ProxyHooks) {
    await this.gate;
    const entry = { plan, hooks, isOpen: true };
    this.proxies.push(entry);
    return {
      apply: async (next: ProxyPlan) => {
        entry.plan = next;
      },
      targets: () =>
        Object.entries(entry.plan.target?.instances ?? {}).map(([id, address], i) => ({
          id,
          address,
          role: i === 0 ? ("READ_WRITE" as const) : ("READ_ONLY" as const),
          state: "AVAILABLE" as const,
          reason: null,
          description: null,
        })),
      hasCredentials: () => this.credentials,
      dataPoints: () => this.points,
      stop: async () => {
        entry.isOpen = false;
      },
    };
  }
}

/** Clusters that are lists of names. */
export class PretendDatabases implements Databases {
  readonly orders: ClusterOrder[] = [];
  readonly forgotten: string[] = [];
  /** Awaited by whoever fails a cluster over. */
  failingOver: Promise<unknown> = Promise.resolve();

  async start(order: ClusterOrder): Promise<RunningCluster> {
    this.orders.push(order);
    return pretendCluster(order.id, order.instances, () => this.failingOver);
  }

  async forget(id: string): Promise<void> {
    this.forgotten.push(id);
  }
}

export function pretendCluster(
  id: string,
  count: number,
  failingOver: () => Promise<unknown> = async () => {},
): RunningCluster {
  let ids = Array.from({ length: count }, (_, i) => `${id}-${i + 1}`);
  let writer = `${id}-1`;
  let next = count + 1;
  const at = (port: number) => ({ host: "127.0.0.1", port });
  return {
    engineVersion: "9.7.0",
    endpoint: at(4000),
    readerEndpoint: at(4001),
    monitor: { user: "monitor", password: "m" },
    caFile: "ca.pem",
    instances: () =>
      ids.map((each, i) => ({
        id: each,
        isWriter: each === writer,
        isRunning: true,
        address: at(4002 + i),
      })),
    addInstance: async () => {
      const added = `${id}-${next++}`;
      ids.push(added);
      return added;
    },
    removeInstance: async (gone) => {
      ids = ids.filter((each) => each !== gone);
    },
    restart: async () => {},
    failOver: async (target) => {
      await failingOver();
      writer = target ?? ids.find((each) => each !== writer)!;
    },
    setMaster: async () => {},
    stop: async () => {},
  };
}
