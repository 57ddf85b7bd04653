import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import type { Address } from "../../control/index.ts";

const MYSQL_PORT = 3306;
const TRIES = 16;

/**
 * Where one more endpoint may listen: on a loopback address of its own at MySQL's port, so that a host name alone leads to it; on
 * systems that have one such address only, on any free port there.
 */
export async function reserveAddress(taken: readonly Address[]): Promise<Address> {
  for (let tried = 0; tried < TRIES; tried++) {
    const host = `127.${randomInt(64, 128)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
    if (taken.some((each) => each.host === host)) continue;
    if ((await portAt(host, MYSQL_PORT)) !== null) return { host, port: MYSQL_PORT };
  }
  const host = "127.0.0.1";
  const port = await portAt(host, 0);
  if (port === null) throw new Error("no address is free");
  return { host, port };
}

/** The port that could be listened on; null: none. */
function portAt(host: string, port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, host, () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : null;
      server.close(() => resolve(found));
    });
  });
}
