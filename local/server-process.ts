import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Say } from "./apt-fetch.ts";
import { containerPrefix, createDataDir } from "./data-template.ts";
import { type DatabaseLogin, withLogin } from "./database-login.ts";
import { freePort, isPortFree } from "./free-port.ts";
import { runProgram } from "./program.ts";
import type { ServerBinary } from "./server-binary.ts";
import { type ServerSettings, serverArguments } from "./server-options.ts";
import type { TlsFiles } from "./tls-files.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ServerProcessOptions {
  readonly binary: ServerBinary;
  /** Name in messages and file names: `mysql-1`. */
  readonly id: string;
  readonly serverId: number;
  /** Kept by whoever made it; an empty or absent folder is initialised. */
  readonly dataDir: string;
  /** Short path for socket, process id and log. */
  readonly runDir: string;
  readonly cacheDir: string;
  readonly tls: TlsFiles;
  readonly watchdog: Watchdog;
  /** Who may always log in; made at the first start by `initSql`. */
  readonly login: { readonly user: string; readonly password: string };
  /** Statements of the first start, before anybody can connect. */
  readonly initSql: readonly string[];
  readonly settings?: ServerSettings;
  readonly semiSync?: boolean;
  /** Tried first; another one is taken where it is not free. */
  readonly preferredPort?: number;
  readonly say?: Say;
}

const READY_MS = 120_000;
const STOP_MS = 30_000;
const POLL_MS = 50;
const DENIED_MS = 1_000;
const PORT_ATTEMPTS = 8;
const PORT_TAKEN = /address already in use|bind on tcp\/ip port|port: \d+ already in use/i;
const LOG_LINES = 15;
/** In the data folder once the accounts are made. */
const READY_MARKER = "sluice-ready";

export interface StartInstance {
  readonly readOnly?: boolean;
  /** Gives the start up: no server is left when `start` has then failed. */
  readonly signal?: AbortSignal;
}

/** One real server: started, awaited, stopped, killed, started again on the same port. */
export class ServerProcess {
  readonly id: string;
  readonly host = "127.0.0.1";
  readonly socketPath: string;
  readonly logFile: string;
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #port = 0;
  #container: string | null = null;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.id = options.id;
    this.socketPath = join(options.runDir, `${options.id}.sock`);
    this.logFile = join(options.runDir, `${options.id}.log`);
  }

  /** 0 until the first start; the same from then on. */
  get port(): number {
    return this.#port;
  }

  /** Null while the server does not run. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  get login(): DatabaseLogin {
    return { host: this.host, port: this.#port, ...this.#options.login };
  }

  /** Starts the server and waits until a login works. */
  async start(start: StartInstance = {}): Promise<void> {
    if (this.#child !== null) throw new Error(`${this.id} runs already`);
    const { dataDir, binary, cacheDir, runDir, say } = this.#options;
    await mkdir(runDir, { recursive: true });
    if (!existsSync(join(dataDir, "mysql"))) {
      await createDataDir(binary, dataDir, { cacheDir, say: say ?? (() => {}) });
    }
    const marker = join(dataDir, READY_MARKER);
    const fresh = !existsSync(marker);
    const initFile = fresh ? join(runDir, `${this.id}-init.sql`) : null;
    if (initFile !== null)
      await writeFile(initFile, `${this.#options.initSql.join(";\n")};\n`, { mode: 0o600 });
    const moves = this.#port === 0; // A server that had a port keeps it: others know it by that.
    for (let attempt = 1; ; attempt++) {
      if (moves) this.#port = await this.#choosePort(attempt);
      await rm(this.logFile, { force: true });
      start.signal?.throwIfAborted();
      this.#spawn(initFile, start.readOnly ?? false);
      const problem = await this.#untilReady(start.signal);
      if (problem === null) break;
      await this.kill();
      start.signal?.throwIfAborted();
      if (!(moves && attempt < PORT_ATTEMPTS && PORT_TAKEN.test(problem))) throw new Error(problem);
    }
    if (initFile === null) return;
    await rm(initFile, { force: true });
    await writeFile(marker, "");
  }

  /** Shuts the server down in order; kills it when it does not end in time. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM", STOP_MS);
  }

  /** Ends the server at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL", STOP_MS);
  }

  /** Throws the data of a stopped server away: its next start is its first one. */
  async empty(): Promise<void> {
    if (this.running) throw new Error(`${this.id} runs`);
    await rm(this.#options.dataDir, { recursive: true, force: true });
  }

  /** The last lines that the server wrote. */
  async logTail(lines = LOG_LINES): Promise<string> {
    const text = await readFile(this.logFile, "utf8").catch(() => "");
    return text.trim().split("\n").slice(-lines).join("\n");
  }

  async #choosePort(attempt: number): Promise<number> {
    const preferred = this.#options.preferredPort;
    if (attempt === 1 && preferred !== undefined && (await isPortFree(preferred))) return preferred;
    return freePort();
  }

  #spawn(initFile: string | null, readOnly: boolean): void {
    const { binary, dataDir, runDir, tls, serverId, watchdog, settings } = this.#options;
    const place = {
      dataDir,
      socketPath: this.socketPath,
      pidFile: join(runDir, `${this.id}.pid`),
      host: this.host,
      port: this.#port,
    };
    const options = serverArguments({
      binary,
      place,
      serverId,
      tls,
      readOnly,
      semiSync: this.#options.semiSync ?? false,
      settings: settings ?? {},
      initFile,
    });
    const container =
      binary.image === null ? null : `sluice-${process.pid}-${this.id}-${this.#port}`;
    const prefix =
      container === null
        ? []
        : containerPrefix(
            binary.image!,
            [dataDir, runDir],
            ["--name", container, "--network", "host"],
          );
    const [file, ...args] = [...prefix, ...binary.command, ...options];
    const log = openSync(this.logFile, "a");
    try {
      const child = spawn(file!, args, { stdio: ["ignore", log, log], detached: true, cwd: "/" });
      this.#follow(child);
    } finally {
      closeSync(log);
    }
    this.#container = container;
    if (container !== null) watchdog.guardContainer(container);
  }

  #follow(child: ChildProcess): void {
    const { watchdog } = this.#options;
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) watchdog.guard(pid);
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        if (pid !== undefined) watchdog.release(pid);
        if (this.#child === child) this.#child = null;
        resolve();
      };
      child.once("exit", ended);
      child.once("error", ended);
    });
  }

  /** Null when a login works, else what went wrong, with the server's last words. */
  async #untilReady(signal?: AbortSignal): Promise<string | null> {
    const deadline = Date.now() + READY_MS;
    let last = "";
    let denied = 0;
    while (Date.now() < deadline && !signal?.aborted) {
      if (this.#child === null) return `${this.id} ended while starting:\n${await this.logTail()}`;
      try {
        await withLogin(this.login, (connection) => connection.query("SELECT 1"));
        return null;
      } catch (error) {
        last = (error as Error).message;
        // Accounts are made before the server listens, so this is final; or the port is another server's and ours ends now.
        if ((error as { code?: string }).code === "ER_ACCESS_DENIED_ERROR" && denied++ > 0) break;
        if (denied > 0) await pause(DENIED_MS);
      }
      await pause(POLL_MS);
    }
    if (this.#child === null) return `${this.id} ended while starting:\n${await this.logTail()}`;
    return `${this.id} takes no login (${last}):\n${await this.logTail()}`;
  }

  async #end(signal: NodeJS.Signals, patienceMs: number): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    // Killing the client of a container engine would leave the container.
    if (this.#container !== null && signal === "SIGKILL")
      await runProgram(["docker", "rm", "--force", this.#container]);
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    await this.#exited;
    clearTimeout(timer);
  }
}
