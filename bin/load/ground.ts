/** One database with few connections, the webhook's function, and between them the proxy, or nothing. */
import { randomBytes, randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { stringify } from "yaml";
import {
  type Cluster,
  FunctionRunner,
  grantDatabase,
  HttpApi,
  makeRunFolder,
  SecretsEndpoint,
  type StoredSecret,
  startCluster,
  Watchdog,
} from "../../local/index.ts";
import { builtFile } from "../package-files.ts";
import { type AwsAccess, awsVariables } from "../up/aws-access.ts";
import { Closers } from "../up/closers.ts";
import { ProxyProcess } from "../up/proxy-process.ts";
import { type Reading, readProxy } from "./gauges.ts";

const REGION = "us-east-1";
const ACCOUNT_ID = "000000000000";
const DATABASE = "load";
const TIMEOUT_MS = 29_000;
/** Left to the administrators, as on AWS. */
const POOL_PERCENT = 90;

export interface GroundOptions {
  /** max_connections of the database. */
  readonly maxConnections: number;
  /** Execution environments of the function at once. */
  readonly environments: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Function and HTTP API in front of one way to the database. */
export interface Way {
  readonly url: string;
  read(): Promise<Reading>;
  stop(): Promise<void>;
}

export class LoadGround {
  readonly #options: GroundOptions;
  readonly #closers = new Closers();
  readonly #watchdog = new Watchdog();
  #cluster!: Cluster;
  #aws!: AwsAccess;
  #secret!: StoredSecret;
  #folder = "";

  private constructor(options: GroundOptions) {
    this.#options = options;
  }

  static async start(options: GroundOptions): Promise<LoadGround> {
    const ground = new LoadGround(options);
    try {
      await ground.#start();
      return ground;
    } catch (error) {
      await ground.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#closers.close();
  }

  /** The function connects to the proxy. */
  async throughProxy(): Promise<Way> {
    const proxy = await this.#startProxy();
    const { host, port } = proxy.ready.endpoints[0]!;
    const way = await this.#startWay(host, port, () => readProxy(proxy.ready.adminUrl));
    return {
      ...way,
      stop: async () => {
        await way.stop();
        await proxy.stop();
      },
    };
  }

  /** The function connects to the database itself. */
  async direct(): Promise<Way> {
    const { host, port } = this.#cluster.writer;
    const { user, password } = this.#cluster.accounts.admin;
    const watcher = await createConnection({
      host,
      port,
      user,
      password,
      ssl: { rejectUnauthorized: false },
    });
    const way = await this.#startWay(host, port, async () => {
      const [rows] = await watcher.query<RowDataPacket[]>(
        "SHOW GLOBAL STATUS LIKE 'Threads_connected'",
      );
      return { backends: Number(rows[0]?.["Value"]) };
    });
    return {
      ...way,
      stop: async () => {
        watcher.destroy();
        await way.stop();
      },
    };
  }

  async #start(): Promise<void> {
    const { maxConnections, say, signal } = this.#options;
    this.#closers.add(() => this.#watchdog.dismiss());
    this.#folder = await makeRunFolder();
    this.#closers.add(() => rm(this.#folder, { recursive: true, force: true }));
    this.#watchdog.removeAtEnd(this.#folder);
    const settings = { "max-connections": maxConnections };
    this.#cluster = await startCluster({ engine: "mysql", instances: 1, settings, say, signal });
    this.#closers.add(() => this.#cluster.stop());
    await grantDatabase(this.#cluster, DATABASE);
    const { user, password } = this.#cluster.accounts.application;
    this.#secret = {
      name: "load/app",
      arn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT_ID}:secret:load/app-AbCdEf`,
      versionId: randomUUID(),
      createdAt: new Date(),
      text: JSON.stringify({ username: user, password }),
    };
    const accessKeyId = `AKIA${randomBytes(8).toString("hex").toUpperCase()}`;
    const endpoint = await SecretsEndpoint.start({ secrets: [this.#secret], accessKeyId });
    this.#closers.add(() => endpoint.stop());
    this.#aws = {
      endpoint: endpoint.url,
      region: REGION,
      accountId: ACCOUNT_ID,
      accessKeyId,
      secretAccessKey: randomBytes(30).toString("base64"),
      caFile: this.#cluster.caFile,
    };
  }

  async #startProxy(): Promise<ProxyProcess> {
    const { host, port } = this.#cluster.writer;
    const configFile = join(this.#folder, "proxy.yaml");
    const config = {
      name: "load",
      endpoints: [{ name: "default", host: "127.0.0.1", port: 0 }],
      auth: [{ secretArn: this.#secret.arn }],
      target: { hosts: [`${host}:${port}`], tls: "VERIFY_IDENTITY", caFile: this.#cluster.caFile },
      pool: { maxConnectionsPercent: POOL_PERCENT, connectionBorrowTimeout: 30 },
      admin: { port: 0 },
    };
    await writeFile(configFile, stringify(config), { mode: 0o600 });
    return await ProxyProcess.start({
      program: builtFile("sluice-serve.mjs"),
      configFile,
      environment: { PATH: process.env["PATH"], ...awsVariables(this.#aws) },
      watchdog: this.#watchdog,
      onLine: () => {},
      signal: this.#options.signal,
    });
  }

  async #startWay(host: string, port: number, read: () => Promise<Reading>): Promise<Way> {
    const runner = new FunctionRunner({
      name: "webhook",
      bootstrap: builtFile("function-child.mjs"),
      file: builtFile("webhook.mjs"),
      variables: {
        ...awsVariables(this.#aws),
        SECRET_ARN: this.#secret.arn,
        PROXY_HOST: host,
        PROXY_PORT: String(port),
        DATABASE_NAME: DATABASE,
        DB_TLS: "require",
      },
      watchdog: this.#watchdog,
      timeoutMs: TIMEOUT_MS,
      concurrencyMax: this.#options.environments,
      waitersMax: this.#options.environments * 100,
    });
    const api = await HttpApi.start({ invoke: (event) => runner.invoke(event) });
    return {
      url: api.url,
      read: async () => ({ environments: runner.counts.environments, ...(await read()) }),
      stop: async () => {
        await api.stop();
        await runner.stop();
      },
    };
  }
}
