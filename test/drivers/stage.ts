/** Everything that conversations need: accounts, databases, files, and proxies that offer either login. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ProxyUser, startProxy, type TestProxy } from "../support/proxy.ts";
import type { TestServer } from "../support/servers.ts";
import { type Cast, loadedText, loadFile } from "./conversations.ts";

/** What the proxy asks of its clients, whatever the server's accounts ask of the proxy. */
export const LOGINS = ["native", "caching_sha2"] as const;
export type ProxyLogin = (typeof LOGINS)[number];

/** As few as show who waits for whom. */
const SHARED_BACKENDS = 3;
/** More than there are connections in all conversations: server-side prepares pin, as with RDS Proxy. */
const PINNED_BACKENDS = 40;
const LOADED_LINES = 5_000;

export interface ProxyPair {
  readonly shared: TestProxy;
  /** For drivers whose sessions pin. */
  readonly pinned: TestProxy;
}

export interface Stage {
  readonly server: TestServer;
  readonly cast: Cast;
  readonly proxies: Readonly<Record<ProxyLogin, ProxyPair>>;
  close(): Promise<void>;
}

export async function setStage(server: TestServer): Promise<Stage> {
  const [database, otherDatabase] = [await server.database(), await server.database()];
  const first = await server.user({ database: "*" });
  const second = await server.user({ database: "*", password: first.password });
  const folder = await mkdtemp(join(tmpdir(), "sluice-drivers-"));
  await writeFile(loadFile(folder), loadedText(LOADED_LINES));
  const users = [first, second];
  const native = await pairFor(server, users, database, "native");
  const sha2 = await pairFor(server, users, database, "caching_sha2");
  return {
    server,
    cast: {
      ...first,
      other: second.user,
      database,
      otherDatabase,
      folder,
      loadedLines: LOADED_LINES,
    },
    proxies: { native, caching_sha2: sha2 },
    close: async () => {
      const all = [native, sha2].flatMap(({ shared, pinned }) => [shared, pinned]);
      await Promise.all(all.map((proxy) => proxy[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function pairFor(
  server: TestServer,
  users: readonly ProxyUser[],
  database: string,
  login: ProxyLogin,
): Promise<ProxyPair> {
  const proxy = (backends: number): Promise<TestProxy> =>
    proxyFor(server, { users, database, login, backends });
  return { shared: await proxy(SHARED_BACKENDS), pinned: await proxy(PINNED_BACKENDS) };
}

interface Wanted {
  readonly users: readonly ProxyUser[];
  readonly database: string;
  readonly login: ProxyLogin;
  readonly backends: number;
}

function proxyFor(
  server: TestServer,
  { users, database, login, backends }: Wanted,
): Promise<TestProxy> {
  const isNative = login === "native";
  const tlsFolder = dirname(server.caFile);
  return startProxy(server, {
    users,
    database,
    spec: {
      auth: users.map(({ user, password }) => ({
        username: user,
        password: { value: password },
        clientPasswordAuthType: isNative ? "MYSQL_NATIVE_PASSWORD" : "MYSQL_CACHING_SHA2_PASSWORD",
      })),
      // The servers' own certificate: what clients trust directly they trust here.
      tls: {
        certFile: join(tlsFolder, "server-cert.pem"),
        keyFile: join(tlsFolder, "server-key.pem"),
      },
      target: { tls: isNative ? "DISABLED" : "PREFERRED" },
      pool: { maxConnections: backends, connectionBorrowTimeout: 60 },
    },
  });
}
