import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AccessLogEntry,
  type AuroraCluster,
  ClusterControl,
  type Engine,
  FunctionRunner,
  grantDatabase,
  HttpApi,
  keptApplication,
  makeRunFolder,
  makeTlsFiles,
  startAuroraCluster,
  type TlsFiles,
  Watchdog,
} from "../../local/index.ts";
import { builtFile } from "../package-files.ts";
import { type AwsAccess, awsVariables } from "./aws-access.ts";
import type { UpAws } from "./aws-api.ts";
import { Closers } from "./closers.ts";
import { ConsoleRedirect } from "./console-redirect.ts";
import {
  MONITOR_PASSWORD,
  PROXY_NAME,
  proxyConfig,
  READER_ENDPOINT,
  WRITER_ENDPOINT,
} from "./proxy-config.ts";
import { ProxyProcess } from "./proxy-process.ts";

interface Ports {
  readonly aws: number;
  readonly proxy: number;
  readonly reader: number;
  readonly webhook: number;
  readonly console: number;
  readonly admin: number;
}

export interface StackOptions {
  readonly engine: Engine;
  readonly instances: number;
  readonly dataDir?: string | undefined;
  /** Of the AWS API. */
  readonly region?: string | undefined;
  readonly accountId?: string | undefined;
  /** 0: any free port. */
  readonly ports: Ports;
  readonly console: boolean;
  /** Takes what is being done, while starting. */
  readonly say: (line: string) => void;
  /** Takes what the parts print. */
  readonly onLine: (source: string, line: string) => void;
  readonly onAccess: (entry: AccessLogEntry) => void;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

/** The whole system on this machine. */
export interface Stack {
  readonly aurora: AuroraCluster;
  readonly aws: AwsAccess;
  readonly secret: UpAws["secret"];
  readonly proxy: ProxyProcess;
  readonly configFile: string;
  /** The authority that signed the proxy's certificate. */
  readonly caFile: string;
  readonly webhookUrl: string;
  /** null without a console. */
  readonly consoleUrl: string | null;
  /** Ends everything; may be called more than once. */
  stop(): Promise<void>;
}

/** What is there before the first part is started. */
interface Ground {
  readonly watchdog: Watchdog;
  readonly folder: string;
  readonly tls: TlsFiles;
}

const WEBHOOK_DATABASE = "webhook";
/** HTTP APIs give up after 30 s; the function answers before that. */
const WEBHOOK_TIMEOUT_MS = 29_000;
/** Processes of the function at once: each takes some 60 MB, and this is somebody's laptop. More requests wait. */
const WEBHOOK_CONCURRENCY = 16;
const WEBHOOK_WAITERS = 1_000;

/** Starts every part in order, and ends those already started where one fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const closers = new Closers();
  try {
    return await assemble(options, closers);
  } catch (error) {
    await closers.close().catch(() => {}); // The first failure is the one to tell.
    throw error;
  }
}

async function assemble(options: StackOptions, closers: Closers): Promise<Stack> {
  const { say, signal } = options;
  const ground = await prepareGround(closers);
  const aurora = await startDatabase(options, closers);
  signal.throwIfAborted();
  say("starting the AWS API");
  const { access: aws, secret } = await startAws(options, { ground, aurora }, closers);
  say("starting the proxy");
  const configFile = join(ground.folder, "proxy.yaml");
  const { tls } = ground;
  const config = proxyConfig({ aurora, secretArn: secret.arn, tls, ports: options.ports });
  await writeFile(configFile, config, { mode: 0o600 });
  const proxy = await startProxy({ options, ground, aurora, aws, configFile }, closers);
  await letOthersFailOver(aurora, proxy, closers);
  say("starting the webhook");
  const webhookUrl = await startWebhook({ options, ground, aws, secret, proxy }, closers);
  const consoleUrl = await startConsole(options, proxy.ready.adminUrl, closers);
  const stop = () => closers.close();
  return {
    aurora,
    aws,
    secret,
    proxy,
    configFile,
    caFile: tls.caFile,
    webhookUrl,
    consoleUrl,
    stop,
  };
}

async function prepareGround(closers: Closers): Promise<Ground> {
  const watchdog = new Watchdog();
  closers.add(() => watchdog.dismiss());
  const folder = await makeRunFolder();
  closers.add(() => rm(folder, { recursive: true, force: true }));
  watchdog.removeAtEnd(folder);
  return { watchdog, folder, tls: await makeTlsFiles(join(folder, "tls")) };
}

async function startDatabase(options: StackOptions, closers: Closers): Promise<AuroraCluster> {
  const { engine, instances, dataDir, say, signal } = options;
  say(`starting ${instances === 1 ? "a server" : `${instances} servers`} of ${engine}`);
  const kept = dataDir === undefined ? null : await keptApplication(dataDir);
  const application = kept ?? { password: randomBytes(15).toString("base64url") };
  const aurora = await startAuroraCluster({
    engine,
    instances,
    dataDir,
    application,
    say,
    signal,
  });
  closers.add(() => aurora.stop());
  await grantDatabase(aurora.cluster, WEBHOOK_DATABASE);
  return aurora;
}

/** For `sluice failover` in another terminal. */
async function letOthersFailOver(
  aurora: AuroraCluster,
  proxy: ProxyProcess,
  closers: Closers,
): Promise<void> {
  const { adminUrl } = proxy.ready;
  const control = await ClusterControl.start(aurora, {
    ...endpointOf(proxy, WRITER_ENDPOINT),
    adminUrl,
  });
  closers.add(() => control.stop());
}

/** Loaded when it is needed: the SDK's clients, whose schemas it speaks by, are large. */
async function startAws(
  { ports, dataDir, region, accountId, say, onLine }: StackOptions,
  { ground, aurora }: { readonly ground: Ground; readonly aurora: AuroraCluster },
  closers: Closers,
): Promise<UpAws> {
  // Which Node the SDK will want next year is nothing to tell whoever starts this.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const { startUpAws } = await import("./aws-api.ts");
  const { folder } = ground;
  const port = ports.aws;
  return startUpAws({ port, dataDir, region, accountId, folder, aurora, say, onLine }, closers);
}

interface ProxyPlan {
  readonly options: StackOptions;
  readonly ground: Ground;
  readonly aurora: AuroraCluster;
  readonly aws: AwsAccess;
  readonly configFile: string;
}

async function startProxy(plan: ProxyPlan, closers: Closers): Promise<ProxyProcess> {
  const { options, ground, aurora, aws, configFile } = plan;
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_"));
  const proxy = await ProxyProcess.start({
    program: builtFile("sluice-serve.mjs"),
    configFile,
    environment: {
      ...Object.fromEntries(ours),
      ...awsVariables(aws),
      [MONITOR_PASSWORD]: aurora.cluster.accounts.monitor.password,
    },
    watchdog: ground.watchdog,
    onLine: (line) => options.onLine("proxy", line),
    signal: options.signal,
  });
  closers.add(() => proxy.stop());
  return proxy;
}

interface WebhookPlan {
  readonly options: StackOptions;
  readonly ground: Ground;
  readonly aws: AwsAccess;
  readonly secret: UpAws["secret"];
  readonly proxy: ProxyProcess;
}

async function startWebhook(plan: WebhookPlan, closers: Closers): Promise<string> {
  const { options, ground, aws, secret, proxy } = plan;
  const { host, port } = endpointOf(proxy, WRITER_ENDPOINT);
  const runner = new FunctionRunner({
    name: "webhook",
    bootstrap: builtFile("function-child.mjs"),
    file: builtFile("webhook.mjs"),
    variables: {
      ...awsVariables(aws),
      SECRET_ARN: secret.arn,
      PROXY_HOST: host,
      PROXY_PORT: String(port),
      DATABASE_NAME: WEBHOOK_DATABASE,
      DB_CA_FILE: ground.tls.caFile,
    },
    watchdog: ground.watchdog,
    timeoutMs: WEBHOOK_TIMEOUT_MS,
    concurrencyMax: WEBHOOK_CONCURRENCY,
    waitersMax: WEBHOOK_WAITERS,
    onLine: options.onLine,
  });
  closers.add(() => runner.stop());
  const api = await HttpApi.start({
    invoke: (event) => runner.invoke(event),
    port: options.ports.webhook,
    onAccess: options.onAccess,
  });
  closers.add(() => api.stop());
  return api.url;
}

async function startConsole(
  options: StackOptions,
  adminUrl: string,
  closers: Closers,
): Promise<string | null> {
  if (!options.console) return null;
  const redirect = await ConsoleRedirect.start(options.ports.console, `${adminUrl}/`);
  closers.add(() => redirect.stop());
  return redirect.url;
}

/** An endpoint that `proxyConfig` has asked for. */
export function endpointOf(proxy: ProxyProcess, name: string): { host: string; port: number } {
  const endpoint = proxy.ready.endpoints.find((each) => each.name === name);
  if (endpoint === undefined) throw new Error(`the proxy has no endpoint ${name}`);
  return endpoint;
}

/** The contract's document of `up --json`. */
export function describeStack(stack: Stack): Record<string, unknown> {
  const { aurora, aws, secret, proxy, webhookUrl, consoleUrl, configFile, caFile } = stack;
  const { cluster } = aurora;
  const writer = endpointOf(proxy, WRITER_ENDPOINT);
  const reader = endpointOf(proxy, READER_ENDPOINT);
  const { user, password, database } = cluster.accounts.application;
  return {
    awsEndpoint: aws.endpoint,
    webhookUrl,
    consoleUrl,
    proxy: {
      name: PROXY_NAME,
      host: writer.host,
      port: writer.port,
      readerHost: reader.host,
      readerPort: reader.port,
      pid: proxy.ready.pid,
      configFile,
      caFile,
    },
    cluster: {
      id: cluster.id,
      engine: cluster.engine,
      version: cluster.version,
      endpoint: aurora.endpoint,
      readerEndpoint: aurora.readerEndpoint,
      instances: aurora.instances,
    },
    user,
    password,
    database,
    adminUrl: proxy.ready.adminUrl,
    aws: {
      region: aws.region,
      accountId: aws.accountId,
      accessKeyId: aws.accessKeyId,
      secretAccessKey: aws.secretAccessKey,
      secretArn: secret.arn,
      caFile: aws.caFile,
    },
  };
}
