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
const BACKENDS = 3;
const LOADED_LINES = 5_000;

export interface Stage {
  readonly server: TestServer;
  readonly cast: Cast;
  readonly proxies: Readonly<Record<ProxyLogin, TestProxy>>;
  close(): Promise<void>;
}

export async function setStage(server: TestServer): Promise<Stage> {
  const [database, otherDatabase] = [await server.database(), await server.database()];
  const first = await server.user({ database: "*" });
  const second = await server.user({ database: "*", password: first.password });
  const folder = await mkdtemp(join(tmpdir(), "sluice-drivers-"));
  await writeFile(loadFile(folder), loadedText(LOADED_LINES));
  const users = [first, second];
  const native = await proxyFor(server, users, database, "native");
  const sha2 = await proxyFor(server, users, database, "caching_sha2");
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
      await Promise.all([native, sha2].map((proxy) => proxy[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function proxyFor(
  server: TestServer,
  users: readonly ProxyUser[],
  database: string,
  login: ProxyLogin,
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
      pool: { maxConnections: BACKENDS, connectionBorrowTimeout: 60 },
    },
  });
}
