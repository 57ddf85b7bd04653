import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  type ClusterDescription,
  makeRunFolder,
  type ProxySign,
  Watchdog,
} from "../../local/index.ts";
import { builtFile } from "../package-files.ts";
import { ProxyProcess } from "../up/proxy-process.ts";

/** The proxy of a rehearsal, in front of a local cluster, and what it says of itself. */
export interface RehearsalProxy {
  readonly host: string;
  readonly port: number;
  readonly signs: readonly ProxySign[];
  stop(): Promise<void>;
}

const APP_PASSWORD = "SLUICE_APP_PASSWORD";
const MONITOR_PASSWORD = "SLUICE_MONITOR_PASSWORD";

/** Starts our proxy as it would be in front of Aurora: it finds the roles in the cluster's own view. */
export async function startRehearsalProxy(
  cluster: ClusterDescription,
  signal: AbortSignal,
): Promise<RehearsalProxy> {
  const watchdog = new Watchdog();
  const folder = await makeRunFolder();
  watchdog.removeAtEnd(folder);
  const end = new AbortController();
  const tidyUp = async () => {
    end.abort();
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
    const signs: ProxySign[] = [];
    void readSigns(proxy.ready.adminUrl, end.signal, signs);
    const { host, port } = proxy.ready.endpoints[0]!;
    const stop = async () => {
      end.abort();
      await proxy.stop();
      await tidyUp();
    };
    return { host, port, signs, stop };
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

interface ProxyEvent {
  readonly kind: string;
  readonly time: string;
  readonly to?: string | null;
  readonly target?: string;
  readonly after?: { readonly role: string } | null;
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
    return { kind: "routing-changed", at, detail: to };
  }
  if (kind === "target-changed" && after?.role === "READ_WRITE") {
    return { kind: "writer-verified", at, detail: String(target) };
  }
  return null;
}
