import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { AuroraCluster, AuroraInstance } from "./aurora-cluster.ts";
import type { DatabaseLogin } from "./database-login.ts";
import type { Engine } from "./engine.ts";
import { type FailoverEvent, type FailoverOptions, failOver } from "./failover.ts";
import { isAlive } from "./file-lock.ts";
import { RUN_FOLDER_PREFIX, runFolderParent } from "./run-folder.ts";

/** What a running cluster leaves in its folder, for its owner's other commands to find it. */
export interface ClusterRegistration {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly startedAt: number;
}

export interface ClusterDescription {
  readonly id: string;
  readonly engine: Engine;
  readonly version: string;
  readonly instances: readonly AuroraInstance[];
  readonly login: Required<DatabaseLogin>;
  readonly monitor: { readonly user: string; readonly password: string };
  readonly caFile: string;
  /** A proxy in front of it that runs already; null without one. */
  readonly proxy: ClusterProxy | null;
}

/** Where a proxy takes clients for the writer, and tells of itself. */
export interface ClusterProxy {
  readonly host: string;
  readonly port: number;
  readonly adminUrl: string;
}

const FILE = "control.json";
const BODY_BYTES_MAX = 64 * 1_024;

/** Lets other processes of the same user look at a cluster and fail it over. */
export class ClusterControl {
  readonly #aurora: AuroraCluster;
  readonly #proxy: ClusterProxy | null;
  readonly #server: Server;
  readonly #token = randomBytes(18).toString("base64url");
  #busy = false;

  private constructor(aurora: AuroraCluster, proxy: ClusterProxy | null) {
    this.#aurora = aurora;
    this.#proxy = proxy;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(
    aurora: AuroraCluster,
    proxy: ClusterProxy | null = null,
  ): Promise<ClusterControl> {
    const control = new ClusterControl(aurora, proxy);
    await new Promise<void>((resolve, reject) => {
      control.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const { port } = control.#server.address() as AddressInfo;
    const registration: ClusterRegistration = {
      pid: process.pid,
      url: `http://127.0.0.1:${port}`,
      token: control.#token,
      startedAt: Date.now(),
    };
    await writeFile(join(aurora.cluster.runDir, FILE), JSON.stringify(registration), {
      mode: 0o600,
    });
    return control;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    try {
      if (request.headers.authorization !== `Bearer ${this.#token}`) {
        send(401, { message: "not yours" });
      } else if (request.method === "GET" && request.url === "/cluster") {
        send(200, describeAurora(this.#aurora, this.#proxy));
      } else if (request.method === "POST" && request.url === "/failover") {
        if (this.#busy) return void send(409, { message: "a failover is under way" });
        this.#busy = true;
        try {
          const options = JSON.parse(await bodyOf(request)) as FailoverOptions;
          send(200, await failOver(this.#aurora, options));
        } finally {
          this.#busy = false;
        }
      } else send(404, { message: "no such thing" });
    } catch (error) {
      send(500, { message: (error as Error).message });
    }
  }
}

export function describeAurora(
  aurora: AuroraCluster,
  proxy: ClusterProxy | null = null,
): ClusterDescription {
  const { id, engine, version, accounts, caFile } = aurora.cluster;
  return {
    id,
    engine,
    version,
    instances: aurora.instances,
    login: { ...aurora.endpoint, ...accounts.application },
    monitor: accounts.monitor,
    caFile,
    proxy,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > BODY_BYTES_MAX) throw new Error("too long");
  }
  return text;
}

/** A cluster in another process. */
export class RemoteCluster {
  readonly #registration: ClusterRegistration;

  constructor(registration: ClusterRegistration) {
    this.#registration = registration;
  }

  get pid(): number {
    return this.#registration.pid;
  }

  describe(): Promise<ClusterDescription> {
    return this.#call("GET", "/cluster") as Promise<ClusterDescription>;
  }

  failOver(options: Omit<FailoverOptions, "onEvent">): Promise<FailoverEvent[]> {
    return this.#call("POST", "/failover", options) as Promise<FailoverEvent[]>;
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const { url, token } = this.#registration;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { message?: string };
    if (!response.ok) throw new Error(answer.message ?? `status ${response.status}`);
    return answer;
  }
}

/** The cluster of this user that was started last and still runs; null where there is none. */
export async function findCluster(): Promise<RemoteCluster | null> {
  const parent = runFolderParent();
  const found: ClusterRegistration[] = [];
  for (const name of await readdir(parent).catch(() => [] as string[])) {
    if (!name.startsWith(RUN_FOLDER_PREFIX)) continue;
    const text = await readFile(join(parent, name, FILE), "utf8").catch(() => null);
    if (text === null) continue;
    const registration = JSON.parse(text) as ClusterRegistration;
    if (isAlive(registration.pid)) found.push(registration);
  }
  const [last] = found.sort((a, b) => b.startedAt - a.startedAt);
  return last === undefined ? null : new RemoteCluster(last);
}
