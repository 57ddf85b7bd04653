import { cloudwatchService } from "./cloudwatch/cloudwatch-service.ts";
import { MetricStore } from "./cloudwatch/metric-store.ts";
import { Sampler } from "./cloudwatch/sampler.ts";
import type { Ground } from "./ground.ts";
import { Answerer } from "./http/answerer.ts";
import { ApiServer } from "./http/api-server.ts";
import { iamService } from "./iam/iam-service.ts";
import { Identities } from "./iam/identities.ts";
import { groupOfProxy, LogStore } from "./logs/log-store.ts";
import { logsService } from "./logs/logs-service.ts";
import type { Databases, DataPlane } from "./ports.ts";
import { Fleet } from "./rds/fleet.ts";
import { rdsService } from "./rds/rds-service.ts";
import { type Adoption, adoptCluster, resumeFleet } from "./rds/resume.ts";
import type { RotationFunctions } from "./secrets/rotation-handlers.ts";
import { secretsService } from "./secrets/secrets-service.ts";
import { Vault } from "./secrets/vault.ts";
import type { Service } from "./service.ts";
import { Store } from "./store.ts";
import { stsService } from "./sts/sts-service.ts";

export interface ControlPlaneOptions {
  readonly dataPlane: DataPlane;
  readonly databases: Databases;
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  readonly region?: string;
  readonly accountId?: string;
  /** Keeps the state between runs; without it, everything is forgotten. */
  readonly stateFile?: string | null;
  /** The machine's clock, except in tests. */
  readonly nowMs?: () => number;
  readonly functions?: RotationFunctions | null;
  /** Milliseconds that a change of a proxy takes at least, as changes on AWS take their time. */
  readonly settleMs?: number;
  /** Gets each line that a proxy logs, beside CloudWatch Logs. */
  readonly onLine?: (proxyName: string, line: string) => void;
  /** Gets what is a defect of ours, or went wrong after the answer. */
  readonly onBug?: (error: unknown) => void;
}

/** The account's own access key, which may do everything. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const DEFAULT_REGION = "us-east-1";
const DEFAULT_ACCOUNT = "123456789012";
const SETTLE_MS = 100;

/** The AWS APIs of one account in one region, on one HTTP endpoint. */
export class ControlPlane {
  readonly region: string;
  readonly accountId: string;
  readonly vault: Vault;
  readonly services: readonly Service[];
  readonly #identities: Identities;
  readonly #fleet: Fleet;
  readonly #sampler: Sampler;
  readonly #store: Store;
  #server!: ApiServer;

  private constructor(ground: Ground, options: ControlPlaneOptions) {
    this.region = ground.region;
    this.accountId = ground.accountId;
    this.#store = ground.store;
    const logs = new LogStore(ground.nowMs);
    const metrics = new MetricStore();
    this.#identities = new Identities(ground);
    this.vault = new Vault(ground);
    this.#fleet = new Fleet(ground, {
      dataPlane: options.dataPlane,
      databases: options.databases,
      identities: this.#identities,
      vault: this.vault,
      awsEndpoint: () => this.url,
      settleMs: options.settleMs ?? SETTLE_MS,
      onBug: options.onBug ?? (() => {}),
      onLine: (proxyName, line) => {
        logs.write(groupOfProxy(proxyName), line);
        options.onLine?.(proxyName, line);
      },
    });
    const { liveProxies } = this.#fleet;
    const points = () =>
      [...liveProxies.values()].map(({ running }) => running?.dataPoints() ?? []);
    this.#sampler = new Sampler(metrics, points, ground.nowMs);
    this.services = [
      rdsService(this.#fleet),
      secretsService(this.vault, options.functions ?? null),
      iamService(this.#identities),
      stsService(this.#identities),
      cloudwatchService(metrics, () => this.#sampler.sample()),
      logsService(logs, ground),
    ];
  }

  /** Resolves when calls are answered; what was there in an earlier run may still be starting. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { nowMs = Date.now, onBug = () => {} } = options;
    const ground: Ground = {
      accountId: options.accountId ?? DEFAULT_ACCOUNT,
      region: options.region ?? DEFAULT_REGION,
      nowMs,
      store: await Store.open(options.stateFile ?? null),
    };
    const control = new ControlPlane(ground, options);
    const identities = control.#identities;
    const answerer = new Answerer({
      services: control.services,
      region: ground.region,
      nowMs,
      keyOf: (id) => identities.keyOf(id),
      authorize: (caller, action, resource) => identities.authorize(caller, action, resource),
      onBug,
    });
    const { host = "127.0.0.1", port = 0 } = options;
    control.#server = await ApiServer.start({ answerer, host, port, onBug });
    void resumeFleet(control.#fleet);
    return control;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Made at the first start, and kept with the state. */
  get rootKey(): AccessKey {
    const { id, secret } = this.#identities.rootKey();
    return { accessKeyId: id, secretAccessKey: secret };
  }

  /** Makes a cluster known that somebody else has started, and will stop. */
  adoptCluster(adoption: Adoption): void {
    adoptCluster(this.#fleet, adoption);
  }

  async stop(): Promise<void> {
    this.#sampler.stop();
    await this.#fleet.stop();
    await this.#server.stop();
    await this.#store.flush();
  }
}
