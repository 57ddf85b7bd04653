/** Tasks of a service as processes: the image's program with the template's environment, started again when it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type { Watchdog } from "../watchdog.ts";
import type { LoadBalancer, TargetGroup } from "./balancer.ts";
import type { Image } from "./image.ts";

export interface TaskPlan {
  readonly image: Image;
  readonly command: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Files that stand for others of the image on this machine, by their name. */
  readonly instead: Readonly<Record<string, string>>;
  readonly stopTimeoutMs: number;
  /** Where the load balancer sends connections to. */
  readonly attachments: readonly { readonly group: TargetGroup; readonly port: number }[];
}

export interface ServicePlan {
  readonly name: string;
  readonly task: TaskPlan;
  readonly balancer: LoadBalancer;
  /** Most time that clients have to leave a task by themselves. */
  readonly deregistrationMs: number;
  readonly nextAddress: () => string;
  readonly folder: string;
  readonly watchdog: Watchdog;
  readonly onLine: (task: string, line: string) => void;
}

const RESTART_MS = 1_000;
const POLL_MS = 50;

interface Task {
  readonly name: string;
  readonly address: string;
  child: ChildProcess | null;
  wanted: boolean;
  ended: Promise<void>;
}

export class Service {
  readonly #plan: ServicePlan;
  readonly #tasks: Task[] = [];
  #started = 0;

  constructor(plan: ServicePlan) {
    this.#plan = plan;
  }

  get tasks(): { readonly name: string; readonly address: string; readonly pid: number }[] {
    return this.#tasks
      .filter(({ wanted }) => wanted)
      .map(({ name, address, child }) => ({ name, address, pid: child?.pid ?? 0 }));
  }

  /** Starts or stops tasks until there are so many; the oldest go first. */
  async setDesiredCount(count: number): Promise<void> {
    const running = this.#tasks.filter(({ wanted }) => wanted);
    for (let i = running.length; i < count; i += 1) await this.#start();
    await Promise.all(
      running.slice(0, Math.max(0, running.length - count)).map((task) => this.#retire(task)),
    );
  }

  /** At once: there is nobody left to wait for. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#tasks.map(async (task) => {
        task.wanted = false;
        task.child?.kill("SIGTERM");
        task.child?.kill("SIGTERM");
        const timer = setTimeout(() => task.child?.kill("SIGKILL"), RESTART_MS * 5);
        await task.ended;
        clearTimeout(timer);
      }),
    );
  }

  async #start(): Promise<void> {
    this.#started += 1;
    const name = `${this.#plan.name}-${this.#started}`;
    const address = this.#plan.nextAddress();
    const task: Task = { name, address, child: null, wanted: true, ended: Promise.resolve() };
    this.#tasks.push(task);
    const folder = await this.#unpack(name);
    task.ended = this.#keepRunning(task, folder);
  }

  /** The files of the image, in a folder of the task's own. */
  async #unpack(name: string): Promise<string> {
    const { image, instead } = this.#plan.task;
    const root = join(this.#plan.folder, name);
    for (const [place, file] of image.files) {
      const target = join(root, place);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(instead[basename(place)] ?? file, target);
    }
    return root;
  }

  async #keepRunning(task: Task, root: string): Promise<void> {
    while (task.wanted) {
      const { attachments } = this.#plan.task;
      const code = this.#run(task, root);
      for (const { group, port } of attachments) group.register({ host: task.address, port });
      const how = await code;
      for (const { group, port } of attachments) group.deregister({ host: task.address, port });
      task.child = null;
      if (!task.wanted) return;
      this.#plan.onLine(task.name, `ended with ${how}; it is started again`);
      await pause(RESTART_MS);
    }
  }

  #run(task: Task, root: string): Promise<string> {
    const { image, command, variables } = this.#plan.task;
    const [, ...entry] = image.entrypoint.map((word) =>
      word.startsWith("/") ? join(root, word) : word,
    );
    const child = spawn(process.execPath, [...entry, ...command], {
      cwd: resolve(root, `.${image.workdir}`),
      detached: true,
      env: {
        PATH: process.env["PATH"] ?? "",
        ...image.variables,
        ...variables,
        SLUICE_LISTEN_HOST: task.address,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    task.child = child;
    const { pid } = child;
    if (pid !== undefined) this.#plan.watchdog.guard(pid);
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on("line", (line) => this.#plan.onLine(task.name, line));
    return new Promise((resolve) => {
      const end = (how: string): void => {
        if (pid !== undefined) this.#plan.watchdog.release(pid);
        resolve(how);
      };
      child.once("error", (error) => end(error.message));
      child.once("close", (code, signal) => end(signal ?? `code ${code}`));
    });
  }

  /** In the order of ECS: out of the target groups, wait, SIGTERM, the stop time-out, SIGKILL. */
  async #retire(task: Task): Promise<void> {
    const { balancer, deregistrationMs, task: plan } = this.#plan;
    task.wanted = false;
    for (const { group, port } of plan.attachments) group.deregister({ host: task.address, port });
    const open = () =>
      plan.attachments.reduce(
        (sum, { port }) => sum + balancer.openTo({ host: task.address, port }),
        0,
      );
    const deadline = performance.now() + deregistrationMs;
    while (open() > 0 && performance.now() < deadline) await pause(POLL_MS);
    task.child?.kill("SIGTERM");
    const timer = setTimeout(() => task.child?.kill("SIGKILL"), plan.stopTimeoutMs);
    await task.ended;
    clearTimeout(timer);
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
  }
}
