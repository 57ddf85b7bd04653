import type { Ground } from "./ground.ts";
import { Answerer } from "./http/answerer.ts";
import { ApiServer } from "./http/api-server.ts";
import { iamService } from "./iam/iam-service.ts";
import { Identities } from "./iam/identities.ts";
import type { RotationFunctions } from "./secrets/rotation-handlers.ts";
import { secretsService } from "./secrets/secrets-service.ts";
import { Vault } from "./secrets/vault.ts";
import type { Service } from "./service.ts";
import { Store } from "./store.ts";
import { stsService } from "./sts/sts-service.ts";

export interface ControlPlaneOptions {
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
  /** Gets what is a defect of ours. */
  readonly onBug?: (error: unknown) => void;
}

/** The account's own access key, which may do everything. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const DEFAULT_REGION = "us-east-1";
const DEFAULT_ACCOUNT = "123456789012";

/** The AWS APIs of one account in one region, on one HTTP endpoint. */
export class ControlPlane {
  readonly region: string;
  readonly accountId: string;
  readonly identities: Identities;
  readonly vault: Vault;
  readonly services: readonly Service[];
  readonly #store: Store;
  #server!: ApiServer;

  private constructor(ground: Ground, options: ControlPlaneOptions) {
    this.region = ground.region;
    this.accountId = ground.accountId;
    this.#store = ground.store;
    this.identities = new Identities(ground);
    this.vault = new Vault(ground);
    this.services = [
      iamService(this.identities),
      stsService(this.identities),
      secretsService(this.vault, options.functions ?? null),
    ];
  }

  static async start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const { nowMs = Date.now, onBug = () => {} } = options;
    const ground: Ground = {
      accountId: options.accountId ?? DEFAULT_ACCOUNT,
      region: options.region ?? DEFAULT_REGION,
      nowMs,
      store: await Store.open(options.stateFile ?? null),
    };
    const control = new ControlPlane(ground, options);
    const { identities, services } = control;
    const answerer = new Answerer({
      services,
      region: ground.region,
      nowMs,
      keyOf: (id) => identities.keyOf(id),
      authorize: (caller, action, resource) => identities.authorize(caller, action, resource),
      onBug,
    });
    const { host = "127.0.0.1", port = 0 } = options;
    control.#server = await ApiServer.start({ answerer, host, port, onBug });
    return control;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Made at the first start, and kept with the state. */
  get rootKey(): AccessKey {
    const { id, secret } = this.identities.rootKey();
    return { accessKeyId: id, secretAccessKey: secret };
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#store.flush();
  }
}
