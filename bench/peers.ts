import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../local/free-port.ts";
import type { TlsFiles } from "../local/tls-files.ts";
import { processTree } from "./cpu.ts";
import { ForegroundProcess, untilReady } from "./process.ts";
import type { Address } from "./raw/transport.ts";
import { type Backend, logInOnce } from "./server.ts";

/** One way from the clients to the database server. */
export interface Peer {
  name: string;
  address: Address;
  /** Of the proxy; null for the way without one, and for a proxy whose process is not known. */
  pid: number | null;
  /** Another process like this one, freshly started; null for what we cannot start. */
  another: (() => Promise<Peer>) | null;
  stop(): Promise<void>;
}

export interface PeerSettings {
  folder: string;
  backend: Backend;
  tls: TlsFiles;
  haproxy: string;
  haproxyThreads: number;
  pool: number;
}

export type Pinning = "rds" | "adaptive";

/** The process of a proxy and all it started. */
export function pidsOf(peer: Peer): number[] {
  return peer.pid === null ? [] : processTree(peer.pid);
}

export function directPeer(backend: Backend): Peer {
  return {
    name: "direct",
    address: backend.address,
    pid: null,
    another: null,
    stop: async () => {},
  };
}

/** A proxy that was started elsewhere. */
export function givenPeer(name: string, address: Address, pid: number | null): Peer {
  return { name, address, pid, another: null, stop: async () => {} };
}

let serial = 0;

async function startProxy(
  name: string,
  settings: PeerSettings,
  command: (base: string, port: number) => [string, ...string[]],
): Promise<Peer> {
  const port = await freePort();
  const base = join(settings.folder, `${name}-${serial++}`);
  const [program, ...args] = command(base, port);
  const server = new ForegroundProcess(program, args, { logFile: `${base}.log` });
  const address = { host: "127.0.0.1", port };
  await untilReady(name, server, () => logInOnce(address));
  return {
    name,
    address,
    pid: server.pid,
    another: () => startProxy(name, settings, command),
    stop: () => server.stop(),
  };
}

export function startHaproxy(settings: PeerSettings): Promise<Peer> {
  return startProxy("haproxy", settings, (base, port) => {
    const file = `${base}.cfg`;
    writeFileSync(file, haproxyConfig(settings, port));
    return [settings.haproxy, "-db", "-f", file];
  });
}

/** `maxconn` follows from the limit of open files. */
function haproxyConfig({ backend, haproxyThreads }: PeerSettings, port: number): string {
  return `global
  nbthread ${haproxyThreads}
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
frontend clients
  bind 127.0.0.1:${port}
  default_backend database
backend database
  server database ${backend.address.host}:${backend.address.port}
`;
}

const SLUICE = fileURLToPath(new URL("../bin/sluice", import.meta.url));

export function startSluice(name: string, pinning: Pinning, settings: PeerSettings): Promise<Peer> {
  return startProxy(name, settings, (base, port) => {
    const file = `${base}.yaml`;
    writeFileSync(file, JSON.stringify(sluiceConfig(settings, port, pinning), null, 2));
    return [SLUICE, "serve", file];
  });
}

/** JSON is YAML. TLS towards the server is off, as it is with the other peers. */
function sluiceConfig(
  { backend, tls, pool }: PeerSettings,
  port: number,
  pinning: Pinning,
): unknown {
  const { user, password } = backend.account;
  const method =
    backend.engine === "mysql" ? "MYSQL_CACHING_SHA2_PASSWORD" : "MYSQL_NATIVE_PASSWORD";
  return {
    name: "bench",
    endpoints: [{ name: "default", targetRole: "READ_WRITE", host: "127.0.0.1", port }],
    tls: { certFile: tls.certFile, keyFile: tls.keyFile },
    auth: [{ username: user, password: { value: password }, clientPasswordAuthType: method }],
    target: {
      hosts: [`${backend.address.host}:${backend.address.port}`],
      topology: "static",
      tls: "DISABLED",
    },
    pool: { maxConnections: pool },
    pinning,
    admin: { host: "127.0.0.1", port: 0 },
  };
}
