import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { track } from "./process.ts";

/** A load generator answers named requests; each runs in a process of its own. */
export type Requests = Record<string, (input: never) => unknown>;

interface Request {
  id: number;
  name: string;
  input: unknown;
}

interface Reply {
  id: number;
  output?: unknown;
  error?: string;
}

/** Called by a load generator's program: serves requests until the parent goes away. */
export function serveRequests(requests: Requests): void {
  process.on("message", async ({ id, name, input }: Request) => {
    const reply: Reply = { id };
    try {
      reply.output = await requests[name]!(input as never);
    } catch (error) {
      reply.error = error instanceof Error ? error.message : String(error);
    }
    process.send!(reply);
  });
  process.on("disconnect", () => process.exit(0));
  process.send!({ id: 0 } satisfies Reply);
}

/** The parent's side of one load generator. */
export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (v: unknown) => void; reject: (e: Error) => void }
  >();
  #nextId = 1;

  private constructor(child: ChildProcess, program: string) {
    this.#child = child;
    child.on("message", (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply.output);
      else waiting?.reject(new Error(`${program}: ${reply.error}`));
    });
    child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${program} ended (${signal ?? code})`));
      }
      this.#waiting.clear();
    });
  }

  /** Starts `program` (a file of this folder) and waits until it answers. */
  static async start(program: string): Promise<LoadProcess> {
    const file = fileURLToPath(new URL(program, import.meta.url));
    const raiseLimit = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"';
    const child = spawn("sh", ["-c", raiseLimit, process.execPath, "--import", "tsx", file], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    track(child);
    const load = new LoadProcess(child, program);
    await new Promise((resolve, reject) => load.#waiting.set(0, { resolve, reject }));
    return load;
  }

  call<T>(name: string, input: unknown): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (v: unknown) => void, reject });
      this.#child.send({ id, name, input } satisfies Request, (error) => {
        if (error) reject(error);
      });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.disconnect();
    await gone;
  }
}
