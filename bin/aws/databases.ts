import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterOrder, Login, RunningCluster } from "../../control/index.ts";
import {
  type AuroraCluster,
  failOver,
  grantEverything,
  PROMOTION_SECONDS,
  setPassword,
  startAuroraCluster,
} from "../../local/index.ts";

export interface DatabasesOptions {
  /** Data is kept in folders below; without it, it is temporary. */
  readonly dataDir: string | null;
  readonly promotionSeconds?: number;
  readonly say: (line: string) => void;
}

/** Real clusters on this machine, for the control plane. */
export function createDatabases({ dataDir, promotionSeconds, say }: DatabasesOptions) {
  const folderOf = (id: string) => (dataDir === null ? undefined : join(dataDir, id));
  return {
    start: async (order: ClusterOrder): Promise<RunningCluster> => {
      const { id, engine, master, database, instances, maxConnections } = order;
      const aurora = await startAuroraCluster({
        id,
        engine,
        instances,
        dataDir: folderOf(id),
        ...(maxConnections === null ? {} : { settings: { "max-connections": maxConnections } }),
        application: { ...master, database: database ?? "app" },
        say: (line) => say(`${id}: ${line}`),
      });
      try {
        await grantEverything(aurora.cluster, master.user);
      } catch (error) {
        await aurora.stop();
        throw error;
      }
      return runningCluster(aurora, promotionSeconds);
    },
    forget: async (id: string): Promise<void> => {
      const folder = folderOf(id);
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A local cluster as the control plane sees it. */
export function runningCluster(
  aurora: AuroraCluster,
  promotionSeconds = PROMOTION_SECONDS,
): RunningCluster {
  const { cluster } = aurora;
  return {
    engineVersion: cluster.version,
    endpoint: aurora.endpoint,
    readerEndpoint: aurora.readerEndpoint,
    monitor: cluster.accounts.monitor,
    caFile: cluster.caFile,
    instances: () =>
      aurora.instances.map(({ id, role, host, port, pid }) => ({
        id,
        isWriter: role === "writer",
        isRunning: pid !== 0,
        address: { host, port },
      })),
    addInstance: async () => (await aurora.addInstance()).id,
    removeInstance: (id) => aurora.removeInstance(id),
    restart: (id) => aurora.restart(id),
    failOver: async (target) => {
      await failOver(aurora, { target: target ?? undefined, promotionSeconds });
    },
    setMaster: (master: Login) => setPassword(cluster, master.user, master.password),
    stop: () => aurora.stop(),
  };
}
