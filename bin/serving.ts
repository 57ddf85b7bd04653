/** Runs one proxy from a configuration file until it is told to stop: what `serve` and the container do. */
import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createAdmin } from "../proxy/admin/create-admin.ts";
import { isLoopback } from "../proxy/admin/host-guard.ts";
import { type ListeningAdmin, listenAdmin } from "../proxy/admin/listen.ts";
import { EmbeddedMetrics } from "../proxy/observe/embedded-metrics.ts";
import { EventBus } from "../proxy/observe/events.ts";
import { createRegistry } from "../proxy/observe/exposition.ts";
import { EventLog, type LogForm } from "../proxy/observe/log.ts";
import {
  type CreateProxy,
  type ProxyClock,
  type ProxyHandle,
  type ProxyPorts,
  SettingFault,
} from "../proxy/ports.ts";
import type { ProxySpec } from "../proxy/spec/proxy-spec.ts";
import { checkPasswords } from "../proxy/spec/resolve-password.ts";
import { DebugLogging } from "./debug-logging.ts";
import { CommandFailure } from "./failure.ts";
import { createInstanceFinder } from "./instance-addresses.ts";
import { createSecretFetcher } from "./secrets-manager.ts";
import { besideSpec, passwordSources, problemLine, problemOfSetting } from "./spec-file.ts";
import { SpecReload } from "./spec-reload.ts";
import type { SpecSource } from "./spec-source.ts";
import { tokenKeysFrom } from "./token-keys.ts";
import { VERSION } from "./version.ts";

/** How often the file is looked at. Its folder cannot be watched instead: mounted files change without an event there. */
const FILE_LOOK_MS = 1_000;

export interface ServeOptions {
  readonly source: SpecSource;
  readonly json: boolean;
  readonly logForm: LogForm;
  /** Time that sessions have to end after the first signal. */
  readonly drainMs: number;
  /** How often metrics are printed for CloudWatch; null: never. */
  readonly embeddedMetricsMs?: number | null;
  readonly createProxy: CreateProxy;
  /** Where signals come from: the process, except in tests. */
  readonly signals: SignalSource;
  /** Gets the ready document or the listening lines. */
  readonly out: (text: string) => void;
  /** Gets log lines and complaints. */
  readonly err: (text: string) => void;
  /** The machine's, except in tests. */
  readonly clock?: ProxyClock;
}

const MACHINE_CLOCK: ProxyClock = {
  epochMs: Date.now,
  monotonicMs: performance.now.bind(performance),
};

export interface SignalSource {
  on(signal: "SIGTERM" | "SIGINT" | "SIGHUP", listener: () => void): unknown;
  off(signal: "SIGTERM" | "SIGINT" | "SIGHUP", listener: () => void): unknown;
}

/** Resolves when the proxy has stopped after a signal; rejects with a CommandFailure where it cannot start. */
export async function serve(options: ServeOptions): Promise<void> {
  const { source, err, clock = MACHINE_CLOCK } = options;
  const { file } = source;
  const { spec, text } = await loadSpec(source, err);
  const events = new EventBus();
  const sink = (line: string): void => err(`${line}\n`);
  const log = new EventLog({ form: options.logForm, debug: false, sink });
  events.subscribe(log.write);
  const debug = new DebugLogging(events, log, clock);
  debug.want(spec.debugLogging);
  const ports = portsFor(file, events, clock);
  const handle = options.createProxy(spec, ports);
  const admin = await startAdmin(spec, handle, ports);
  try {
    await handle.start();
  } catch (fault) {
    debug.stop();
    await Promise.allSettled([handle.stop(), admin.close()]);
    throw startFailure(file, text, fault);
  }
  announce(options, spec, handle, admin);
  const stopMetrics = printMetrics(options, handle, clock);
  const onApplied = (next: ProxySpec): void => debug.want(next.debugLogging);
  const reload = new SpecReload({ source, spec, text, handle, events, onApplied });
  await untilStopped(options, handle, reload);
  stopMetrics();
  debug.stop();
  await admin.close();
}

/** Once more at the end, for what happened since the last line. */
function printMetrics(
  { embeddedMetricsMs = null, out }: ServeOptions,
  { counters }: ProxyHandle,
  clock: ProxyClock,
): () => void {
  if (embeddedMetricsMs === null) return () => {};
  const metrics = new EmbeddedMetrics(counters);
  const print = (): void => {
    const now = { epochMs: clock.epochMs(), monotonicMs: clock.monotonicMs() };
    for (const line of metrics.lines(now)) out(`${line}\n`);
  };
  const timer = setInterval(print, embeddedMetricsMs);
  return () => {
    clearInterval(timer);
    print();
  };
}

/** A file that names what cannot be used is a wrong file; an address that is taken is not the file's fault. */
function startFailure(file: string, text: string, fault: unknown): CommandFailure {
  if (!(fault instanceof SettingFault)) return failureOf("the proxy cannot start", fault);
  const line = problemLine(problemOfSetting(file, text, fault));
  return new CommandFailure(fault.path[0] === "endpoints" ? 1 : 2, line, { cause: fault });
}

async function loadSpec(
  source: SpecSource,
  err: (text: string) => void,
): Promise<{ spec: ProxySpec; text: string }> {
  const { text, parsed } = await source.read();
  if (!parsed.ok) throw new CommandFailure(2, parsed.problems.map(problemLine).join("\n"));
  const missing = checkPasswords(parsed.spec, passwordSources(source.file));
  if (missing.length > 0) throw new CommandFailure(2, missing.map(problemLine).join("\n"));
  for (const warning of parsed.warnings) err(`warning: ${problemLine(warning)}\n`);
  return { spec: parsed.spec, text: text ?? "" };
}

function portsFor(file: string, events: EventBus, clock: ProxyClock): ProxyPorts {
  return {
    version: VERSION,
    clock,
    events,
    passwords: passwordSources(file),
    readFile: (path) => readFile(besideSpec(file, path)),
    fetchSecret: createSecretFetcher(process.env),
    findInstances: createInstanceFinder(process.env),
    tokenKeys: tokenKeysFrom(process.env),
  };
}

async function startAdmin(
  spec: ProxySpec,
  handle: ProxyHandle,
  { clock, events }: ProxyPorts,
): Promise<ListeningAdmin> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  createRegistry({ counters: handle.counters, nowMs: () => clock.monotonicMs(), registry });
  const { host, port } = spec.admin;
  const admin = createAdmin({
    view: handle.view,
    registry,
    events,
    localOnly: isLoopback(host),
    onBug: ({ message, stack = null }) =>
      events.emit({
        kind: "bug-found",
        at: clock.epochMs(),
        where: "the admin server",
        detail: message,
        stack,
        session: null,
      }),
  });
  try {
    return await listenAdmin(admin, host, port);
  } catch (fault) {
    throw failureOf(`the admin server cannot listen on ${host}:${port}`, fault);
  }
}

function announce(
  { json, out }: ServeOptions,
  spec: ProxySpec,
  handle: ProxyHandle,
  admin: ListeningAdmin,
): void {
  const endpoints = handle
    .endpoints()
    .map(({ name, targetRole, host, port }) => ({ name, targetRole, host, port }));
  if (json) {
    out(
      `${JSON.stringify({ name: spec.name, version: VERSION, pid: process.pid, endpoints, adminUrl: admin.url })}\n`,
    );
    return;
  }
  const lines = endpoints.map(
    ({ name, targetRole, host, port }) => `endpoint ${name} (${targetRole}) on ${host}:${port}`,
  );
  out([`Sluice ${VERSION} serves ${spec.name}`, ...lines, `admin on ${admin.url}`, ""].join("\n"));
}

/** From ready to stopped: the first SIGTERM or SIGINT drains, the second one stops at once; SIGHUP reloads. */
async function untilStopped(
  options: ServeOptions,
  handle: ProxyHandle,
  reload: SpecReload,
): Promise<void> {
  const { signals, source, drainMs } = options;
  const stops = new StopRequests(signals);
  const onReload = (): void => void reload.requested();
  const onChange = (): void => void reload.noticed();
  signals.on("SIGHUP", onReload);
  if (source.watched)
    watchFile(source.file, { interval: FILE_LOOK_MS, persistent: false }, onChange);
  await stops.first;
  if (source.watched) unwatchFile(source.file, onChange);
  await Promise.race([handle.drain(drainMs), stops.second]);
  await handle.stop();
  signals.off("SIGHUP", onReload);
  stops.forget();
}

/** Turns SIGTERM and SIGINT into two promises. */
class StopRequests {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  readonly #signals: SignalSource;
  readonly #listener: () => void;

  constructor(signals: SignalSource) {
    this.#signals = signals;
    const waiting: (() => void)[] = [];
    this.first = new Promise((resolve) => waiting.push(resolve));
    this.second = new Promise((resolve) => waiting.push(resolve));
    this.#listener = () => waiting.shift()?.();
    signals.on("SIGTERM", this.#listener);
    signals.on("SIGINT", this.#listener);
  }

  forget(): void {
    this.#signals.off("SIGTERM", this.#listener);
    this.#signals.off("SIGINT", this.#listener);
  }
}

function failureOf(what: string, fault: unknown): CommandFailure {
  const why = fault instanceof Error ? fault.message : String(fault);
  return new CommandFailure(1, `${what}: ${why}`, { cause: fault });
}
