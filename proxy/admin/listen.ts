import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Admin } from "./create-admin.ts";

/** Milliseconds that running requests have to end when the server closes. */
const CLOSE_GRACE_MS = 2_000;
const CLOSE_SWEEP_MS = 20;

export interface ListeningAdmin {
  readonly host: string;
  /** The real one where 0 was asked for. */
  readonly port: number;
  readonly url: string;
  /** Ends streams, lets running answers end, and resolves when the last connection is gone. */
  close(): Promise<void>;
}

/** Resolves once the admin API is reachable; rejects where the address is taken or not ours. */
export async function listenAdmin(
  admin: Admin,
  host: string,
  port: number,
): Promise<ListeningAdmin> {
  const server = createAdaptorServer({ fetch: admin.app.fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const taken = (server.address() as AddressInfo).port;
  return {
    host,
    port: taken,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    close: () => closeServer(server, admin),
  };
}

async function closeServer(server: Server, admin: Admin): Promise<void> {
  admin.close();
  // A connection that becomes idle after `close` is nobody's to end but ours.
  const sweep = setInterval(() => server.closeIdleConnections(), CLOSE_SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
  clearTimeout(cut);
}
