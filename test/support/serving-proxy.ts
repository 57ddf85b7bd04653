import { EventEmitter } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../bin/serving.ts";
import { createProxy } from "../../proxy/index.ts";
import { until } from "./until.ts";

interface Ready {
  readonly endpoints: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
  }[];
  readonly adminUrl: string;
}

/** A proxy that serves from a configuration, in this process. */
export class ServingProxy {
  readonly ready: Ready;
  readonly #signals: EventEmitter;
  readonly #ended: Promise<void>;

  private constructor(ready: Ready, signals: EventEmitter, ended: Promise<void>) {
    this.ready = ready;
    this.#signals = signals;
    this.#ended = ended;
  }

  /** Resolves when clients would be served. */
  static async start(config: Readonly<Record<string, unknown>>): Promise<ServingProxy> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-proxy-"));
    const file = join(folder, "proxy.json");
    await writeFile(file, JSON.stringify(config));
    const signals = new EventEmitter();
    const lines: string[] = [];
    let said = "";
    const ended = serve({
      file,
      json: true,
      logForm: "text",
      drainMs: 0,
      createProxy,
      signals,
      out: (text) => {
        said += text;
      },
      err: (text) => lines.push(text),
    }).finally(() => rm(folder, { recursive: true, force: true }));
    await Promise.race([
      until(() => said.endsWith("\n"), { what: "the proxy's endpoints" }),
      ended,
    ]);
    const ready = JSON.parse(said) as Ready;
    await until(async () => (await fetch(`${ready.adminUrl}/readyz`)).ok, {
      what: `a proxy that serves: ${lines.join("")}`,
    });
    return new ServingProxy(ready, signals, ended);
  }

  get host(): string {
    return this.ready.endpoints[0]!.host;
  }

  get port(): number {
    return this.ready.endpoints[0]!.port;
  }

  /** One of the admin API's answers. */
  async view(name: "state" | "pins"): Promise<unknown> {
    return await (await fetch(`${this.ready.adminUrl}/api/v1/${name}`)).json();
  }

  async stop(): Promise<void> {
    this.#signals.emit("SIGTERM");
    this.#signals.emit("SIGTERM");
    await this.#ended;
  }
}
