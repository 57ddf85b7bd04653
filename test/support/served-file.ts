import { EventEmitter } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql, { type Connection, type ConnectionOptions } from "mysql2/promise";
import { serve } from "../../bin/serving.ts";
import { specSource } from "../../bin/spec-source.ts";
import { createProxy } from "../../proxy/index.ts";
import type { StateView } from "../../proxy/observe/state-view.ts";
import type { SpecOverrides } from "./proxy.ts";
import { ShiftedClock } from "./proxy.ts";
import { until } from "./until.ts";

interface Ready {
  readonly endpoints: readonly { readonly name: string; readonly port: number }[];
  readonly adminUrl: string;
}

/** A proxy served from a configuration file, as `serve` does it, in this process. */
export class ServedFile implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly clock = new ShiftedClock();
  readonly signals = new EventEmitter();
  /** The log, and what is said of the file. */
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  #ready: Ready | null = null;
  #said = "";
  readonly #clients: Connection[] = [];

  private constructor(folder: string, drainMs: number) {
    this.folder = folder;
    this.file = join(folder, "proxy.json");
    this.ended = serve({
      source: specSource(this.file, {})!,
      json: true,
      logForm: "text",
      drainMs,
      createProxy,
      signals: this.signals,
      clock: this.clock,
      out: (text) => {
        this.#said += text;
      },
      err: (text) => this.lines.push(text.trimEnd()),
    });
    this.ended.catch(() => {});
  }

  /** Resolves when clients would be served. `files` are put beside the configuration first. */
  static async start(
    config: SpecOverrides,
    files: Readonly<Record<string, string>> = {},
    drainMs = 60_000,
  ): Promise<ServedFile> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-served-"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await writeFile(join(folder, "proxy.json"), JSON.stringify(config, null, 1));
    const served = new ServedFile(folder, drainMs);
    await Promise.race([until(() => served.#said.endsWith("\n")), served.ended]);
    served.#ready = JSON.parse(served.#said) as Ready;
    await until(async () => (await served.get("/readyz")).ok, { what: "a proxy that serves" });
    return served;
  }

  get adminUrl(): string {
    return this.#ready!.adminUrl;
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.adminUrl}${path}`);
  }

  async state(): Promise<StateView> {
    return (await (await this.get("/api/v1/state")).json()) as StateView;
  }

  async port(endpoint = "default"): Promise<number> {
    return (await this.state()).endpoints.find(({ name }) => name === endpoint)!.port;
  }

  async connect(options: ConnectionOptions): Promise<Connection> {
    const port = options.port ?? (await this.port());
    const client = await mysql.createConnection({ host: "127.0.0.1", ...options, port });
    client.on("error", () => {});
    this.#clients.push(client);
    return client;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  /** Changes the file and asks for it to be read; resolves to the log line that says what came of it. */
  async reload(config: SpecOverrides | null = null): Promise<string> {
    if (config !== null) await this.write("proxy.json", JSON.stringify(config, null, 1));
    return this.outcomeOf(() => this.signals.emit("SIGHUP"));
  }

  /** The line about a reload that this brings about. */
  async outcomeOf(act: () => unknown): Promise<string> {
    const from = this.lines.length;
    await act();
    return until(() =>
      this.lines.slice(from).find((line) => /The (?:changed )?configuration/.test(line)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.signals.emit("SIGTERM");
    this.signals.emit("SIGTERM");
    await this.ended.catch(() => {});
    await rm(this.folder, { recursive: true, force: true });
  }
}
