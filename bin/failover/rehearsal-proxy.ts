import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  type ClusterDescription,
  type ClusterProxy,
  makeRunFolder,
  Watchdog,
} from "../../local/index.ts";
import { builtFile } from "../package-files.ts";
import { ProxyProcess } from "../up/proxy-process.ts";
import { ProxyWatch } from "./proxy-watch.ts";

/** The proxy of a rehearsal, in front of a local cluster, and what it says of itself. */
export interface RehearsalProxy {
  readonly host: string;
  readonly port: number;
  readonly watch: ProxyWatch;
  stop(): Promise<void>;
}

const APP_PASSWORD = "SLUICE_APP_PASSWORD";
const MONITOR_PASSWORD = "SLUICE_MONITOR_PASSWORD";

/** The proxy that runs in front of the cluster already. */
export async function attachToProxy({
  host,
  port,
  adminUrl,
}: ClusterProxy): Promise<RehearsalProxy> {
  const watch = await ProxyWatch.start(adminUrl);
  return { host, port, watch, stop: async () => watch.stop() };
}

/** Starts our proxy as it would be in front of Aurora: it finds the roles in the cluster's own view. */
export async function startRehearsalProxy(
  cluster: ClusterDescription,
  signal: AbortSignal,
): Promise<RehearsalProxy> {
  const watchdog = new Watchdog();
  const folder = await makeRunFolder();
  watchdog.removeAtEnd(folder);
  const tidyUp = async () => {
    await rm(folder, { recursive: true, force: true });
    await watchdog.dismiss();
  };
  try {
    const configFile = join(folder, "proxy.yaml");
    await writeFile(configFile, configOf(cluster));
    const proxy = await ProxyProcess.start({
      program: builtFile("sluice-serve.mjs"),
      configFile,
      environment: {
        ...process.env,
        [APP_PASSWORD]: cluster.login.password,
        [MONITOR_PASSWORD]: cluster.monitor.password,
      },
      watchdog,
      onLine: () => {},
      signal,
    });
    const watch = await ProxyWatch.start(proxy.ready.adminUrl);
    const { host, port } = proxy.ready.endpoints[0]!;
    const stop = async () => {
      watch.stop();
      await proxy.stop();
      await tidyUp();
    };
    return { host, port, watch, stop };
  } catch (error) {
    await tidyUp();
    throw error;
  }
}

function configOf({ instances, login, monitor }: ClusterDescription): string {
  const addresses = instances.map(({ id, host, port }) => [id, `${host}:${port}`] as const);
  const host = "127.0.0.1";
  return stringify({
    name: "rehearsal",
    endpoints: [{ name: "default", targetRole: "READ_WRITE", host, port: 0 }],
    auth: [{ username: login.user, password: { env: APP_PASSWORD } }],
    target: {
      hosts: addresses.map(([, address]) => address),
      topology: "aurora",
      instances: Object.fromEntries(addresses),
      monitor: { username: monitor.user, password: { env: MONITOR_PASSWORD } },
    },
    admin: { host, port: 0 },
  });
}
