import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlPlane } from "../../control/index.ts";
import { makeCa } from "../../proxy/index.ts";
import { createDataPlane } from "./data-plane.ts";
import { createDatabases } from "./databases.ts";

export interface AwsApiOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Where the authority's certificate is left for clients. */
  readonly folder: string;
  /** Keeps what is made through the API; without it, it is forgotten. */
  readonly dataDir?: string | undefined;
  readonly region?: string | undefined;
  readonly accountId?: string | undefined;
  readonly promotionSeconds?: number | undefined;
  readonly say: (line: string) => void;
  /** Takes what proxies log. */
  readonly onLine: (source: string, line: string) => void;
}

export interface AwsApi {
  readonly control: ControlPlane;
  /** Vouches for the certificates of all proxies that the API makes. */
  readonly caFile: string;
}

const CA_DAYS = 3_650;

/** The AWS API with real proxies and real servers behind it. */
export async function startAwsApi(options: AwsApiOptions): Promise<AwsApi> {
  const { folder, dataDir, promotionSeconds, say, onLine } = options;
  const authority = makeCa({ commonName: "Sluice local AWS", days: CA_DAYS, now: Date.now() });
  await mkdir(folder, { recursive: true });
  const caFile = join(folder, "aws-ca.pem");
  await writeFile(caFile, authority.cert);
  const kept = dataDir === undefined ? null : join(dataDir, "aws");
  if (kept !== null) await mkdir(kept, { recursive: true });
  const control = await ControlPlane.start({
    dataPlane: createDataPlane({ authority }),
    databases: createDatabases({
      dataDir: kept === null ? null : join(kept, "clusters"),
      ...(promotionSeconds === undefined ? {} : { promotionSeconds }),
      say,
    }),
    port: options.port,
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.accountId === undefined ? {} : { accountId: options.accountId }),
    stateFile: kept === null ? null : join(kept, "state.json"),
    onLine: (name, line) => onLine(name, line),
    onBug: (error) => say(`AWS API: ${error instanceof Error ? error.message : String(error)}`),
  });
  return { control, caFile };
}
