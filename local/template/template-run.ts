/** Stands a synthesised template up on this machine: databases, secrets, load balancers, tasks, functions, HTTP APIs. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { type AuroraCluster, startAuroraCluster } from "../aurora-cluster.ts";
import { grantEverything } from "../cluster-application.ts";
import type { Engine } from "../engine.ts";
import type { FunctionRunner } from "../function-runner.ts";
import type { AccessLogEntry, HttpApi } from "../http-api.ts";
import { makeRunFolder } from "../run-folder.ts";
import { type MayCall, SecretsEndpoint, type StoredSecret } from "../secrets-endpoint.ts";
import { Watchdog } from "../watchdog.ts";
import { type Assembly, readAssembly } from "./assembly.ts";
import type { LoadBalancer, TargetGroup } from "./balancer.ts";
import { type EvaluatedResource, Evaluation, TemplateFault } from "./evaluation.ts";
import { AddressPlan, Forwarder, NameTable } from "./network.ts";
import { type Consumer, Parts } from "./parts.ts";
import { isAllowed } from "./permissions.ts";
import { NamedResources } from "./resource-types.ts";
import { startApis } from "./run-api.ts";
import { startBalancers, startServices } from "./run-services.ts";
import { System } from "./system.ts";
import type { Service } from "./task.ts";

export interface TemplateRunOptions {
  /** A `cdk.out`. */
  readonly folder: string;
  readonly engine: Engine;
  /** Built `local/function-child.ts` and `local/local-names.ts`. */
  readonly functionProgram: string;
  readonly namesProgram: string;
  /** Port of the first HTTP API; 0 takes any free one. */
  readonly apiPort?: number;
  /** Environments of a function at most: this is somebody's laptop. */
  readonly environmentsMax?: number;
  /** Milliseconds between two health checks, which take seconds on AWS. */
  readonly healthIntervalMs?: number;
  /** Most milliseconds that clients have to leave a task that goes; the template's own time where absent. */
  readonly deregistrationMaxMs?: number;
  /** Milliseconds that tasks have to get healthy before the run goes on without them. */
  readonly healthyMs?: number;
  readonly say: (line: string) => void;
  readonly onLine: (source: string, line: string) => void;
  readonly onAccess: (entry: AccessLogEntry) => void;
  readonly signal?: AbortSignal;
}

export const ACCOUNT = { account: "000000000000", region: "us-east-1" };
const MYSQL_PORT = 3306;
const HEALTHY_MS = 30_000;
const POLL_MS = 50;

/** A name, the address that it stands for, and who may connect to it. */
export interface Named {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly groups: readonly unknown[];
}

/** What stands while a template runs. Ends in the other order. */
export class TemplateRun {
  readonly options: TemplateRunOptions;
  readonly assembly: Assembly;
  readonly parts: Parts;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly addresses = new AddressPlan();
  readonly watchdog = new Watchdog();
  readonly names: Named[] = [];
  readonly clusters = new Map<string, AuroraCluster>();
  readonly balancers = new Map<string, LoadBalancer>();
  readonly targetGroups = new Map<string, TargetGroup>();
  readonly services = new Map<string, Service>();
  readonly functions = new Map<string, FunctionRunner>();
  readonly apis: HttpApi[] = [];
  folder = "";
  awsUrl = "";
  readonly #secrets: StoredSecret[] = [];
  readonly #callers = new Map<string, MayCall>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(options: TemplateRunOptions, assembly: Assembly) {
    this.options = options;
    this.assembly = assembly;
    const evaluation = new Evaluation(assembly.stacks, new NamedResources(ACCOUNT), ACCOUNT);
    this.parts = new Parts(new System(evaluation.resources()));
    this.outputs = evaluation.outputs();
  }

  static async start(options: TemplateRunOptions): Promise<TemplateRun> {
    const run = new TemplateRun(options, await readAssembly(options.folder));
    try {
      await run.#assemble();
      return run;
    } catch (error) {
      await run.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** Promotes a reader of each cluster. */
  async failOver(): Promise<void> {
    for (const aurora of this.clusters.values()) {
      await aurora.cluster.promote(aurora.successor().id);
      aurora.rolesChanged();
      aurora.repoint();
    }
  }

  /** To be called when the run ends. */
  onStop(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** The environment of something that runs: where the AWS API is, and the credentials of its role. */
  awsVariables(consumer: Consumer): Record<string, string> {
    const accessKeyId = `ASIA${randomBytes(8).toString("hex").toUpperCase()}`;
    this.#callers.set(accessKeyId, (action, arn) => isAllowed(consumer.statements, action, arn));
    const reachable = this.parts.mayCallAws(consumer);
    return {
      AWS_ENDPOINT_URL: reachable ? this.awsUrl : "http://127.255.255.254:443",
      AWS_REGION: ACCOUNT.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: randomBytes(30).toString("base64"),
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    };
  }

  /** The names of everything, as far as the security groups let this one connect. */
  async nameVariables({ groups }: Consumer): Promise<Record<string, string>> {
    const table = new NameTable();
    for (const name of new Set(this.names.map((each) => each.name))) {
      const ports = this.names.filter((each) => each.name === name);
      const open = ports.filter((each) =>
        this.parts.reach.canConnect(groups, each.groups as never, each.port),
      );
      if (open.length === 0) table.add(name, null);
      else if (open.length === ports.length) table.add(name, open[0]!.address);
      else table.add(name, await this.#window(open));
    }
    return { ...table.variables, NODE_OPTIONS: `--import=${this.options.namesProgram}` };
  }

  /** An address on which there are only the ports that somebody may connect to. */
  async #window(open: readonly Named[]): Promise<string> {
    const host = this.addresses.next();
    for (const { address, port } of open) {
      const choose = () => ({ host: address, port });
      const forwarder = await Forwarder.start({ host, port, choose });
      this.onStop(() => forwarder.stop());
    }
    return host;
  }

  async #assemble(): Promise<void> {
    const { say, signal } = this.options;
    this.onStop(() => this.watchdog.dismiss());
    this.folder = await makeRunFolder();
    this.onStop(() => rm(this.folder, { recursive: true, force: true }));
    this.watchdog.removeAtEnd(this.folder);
    for (const cluster of this.parts.clusters()) await this.#startCluster(cluster);
    signal?.throwIfAborted();
    say("starting the AWS API");
    await this.#startAws();
    say("starting load balancers and tasks");
    await startBalancers(this);
    await startServices(this);
    signal?.throwIfAborted();
    say("starting functions and HTTP APIs");
    await startApis(this);
    await this.#untilHealthy();
  }

  /** Tasks that never get healthy are no failure of the run: one may want to look at them. */
  async #untilHealthy(): Promise<void> {
    const deadline = performance.now() + (this.options.healthyMs ?? HEALTHY_MS);
    const groups = [...this.targetGroups.values()];
    while (groups.some(({ healthy }) => healthy === 0) && performance.now() < deadline) {
      this.options.signal?.throwIfAborted();
      await pause(POLL_MS);
    }
    for (const { plan } of groups.filter(({ healthy }) => healthy === 0))
      this.options.say(`no target of ${plan.id} is healthy`);
  }

  async #startCluster(cluster: EvaluatedResource): Promise<void> {
    const { engine, say, signal } = this.options;
    const { properties, ref } = cluster;
    const instances = this.parts.membersOf(cluster).length;
    if (instances === 0) throw new TemplateFault(`${cluster.stack}/${cluster.id} has no instances`);
    const endpoint = this.attributeOf(cluster, "Endpoint.Address");
    const readEndpoint = this.attributeOf(cluster, "ReadEndpoint.Address");
    const domain = endpoint.split(".cluster-")[1]!;
    say(`starting ${String(ref)}: ${instances} servers of ${engine}`);
    const application = {
      user: String(properties["MasterUsername"]),
      password: randomBytes(18).toString("base64url"),
      database: String(properties["DatabaseName"]),
    };
    const aurora = await startAuroraCluster({
      engine,
      instances,
      application,
      names: [endpoint, readEndpoint, `*.${domain}`],
      say,
      ...(signal === undefined ? {} : { signal }),
    });
    this.onStop(() => aurora.stop());
    this.clusters.set(String(ref), aurora);
    await grantEverything(aurora.cluster, application.user);
    await this.#nameCluster(cluster, aurora, { endpoint, readEndpoint, domain });
    this.#keepSecret(this.attributeOf(cluster, "MasterUserSecret.SecretArn"), application);
  }

  async #nameCluster(
    { properties }: EvaluatedResource,
    aurora: AuroraCluster,
    names: { readonly endpoint: string; readonly readEndpoint: string; readonly domain: string },
  ): Promise<void> {
    const port = Number(properties["Port"] ?? MYSQL_PORT);
    const groups = properties["VpcSecurityGroupIds"] as readonly unknown[];
    const front = async (name: string, to: () => { host: string; port: number }): Promise<void> => {
      const address = this.addresses.next();
      const forwarder = await Forwarder.start({ host: address, port, choose: to });
      this.onStop(() => forwarder.stop());
      this.names.push({ name, address, port, groups });
    };
    await front(names.endpoint, () => aurora.endpoint);
    await front(names.readEndpoint, () => aurora.readerEndpoint);
    for (const { id, host, port: own } of aurora.instances)
      await front(`${id}.${names.domain}`, () => ({ host, port: own }));
  }

  /** An attribute as others are given it. */
  attributeOf(resource: EvaluatedResource, name: string): string {
    const { stack, id, type, properties } = resource;
    const values = new NamedResources(ACCOUNT);
    return String(values.attribute({ stack, id, type, properties: () => properties }, name));
  }

  #keepSecret(arn: string, { user, password }: { user: string; password: string }): void {
    this.#secrets.push({
      name: arn.split(":secret:")[1]!,
      arn,
      versionId: "00000000-0000-0000-0000-000000000001",
      createdAt: new Date(),
      text: JSON.stringify({ username: user, password }),
    });
  }

  async #startAws(): Promise<void> {
    const accessKeyId = `AKIA${randomBytes(8).toString("hex").toUpperCase()}`;
    const endpoint = await SecretsEndpoint.start({
      secrets: this.#secrets,
      accessKeyId,
      callers: this.#callers,
    });
    this.onStop(() => endpoint.stop());
    this.awsUrl = endpoint.url;
  }
}
