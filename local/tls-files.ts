import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeCa } from "../proxy/index.ts";

export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const DAYS = 3_650;

/**
 * A throw-away authority and one certificate of it for servers on this machine, and for what else they may be called. The
 * authority's key is not kept.
 */
export async function makeTlsFiles(dir: string, names: readonly string[] = []): Promise<TlsFiles> {
  const files = {
    caFile: join(dir, "ca.pem"),
    certFile: join(dir, "server-cert.pem"),
    keyFile: join(dir, "server-key.pem"),
  };
  const ca = makeCa({ commonName: "Sluice local authority", days: DAYS, now: new Date() });
  const server = ca.issue({
    commonName: "localhost",
    altNames: ["localhost", "127.0.0.1", "::1", ...names],
    days: DAYS,
    now: new Date(),
  });
  await mkdir(dir, { recursive: true });
  await writeFile(files.caFile, ca.cert);
  await writeFile(files.certFile, server.cert);
  await writeFile(files.keyFile, server.key, { mode: 0o600 });
  return files;
}
