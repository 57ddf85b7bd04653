import { EventEmitter } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serve } from "../../../bin/serving.ts";
import { specSource } from "../../../bin/spec-source.ts";
import { ProxyCounters } from "../../../proxy/observe/counters.ts";
import type { ProxyHandle, ProxyPorts } from "../../../proxy/ports.ts";
import type { ProxySpec } from "../../../proxy/spec/proxy-spec.ts";

const GOOD = [
  "name: app",
  "endpoints: [{ name: default, port: 0 }]",
  "auth: [{ username: app, password: { file: word } }]",
  'target: { hosts: ["127.0.0.1:3306"] }',
  "idleClientTimeout: 60",
  "admin: { port: 0 }",
  "",
].join("\n");

let folder = "";
let file = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-serve-"));
  file = join(folder, "proxy.yaml");
  await writeFile(file, GOOD);
  await writeFile(join(folder, "word"), "s3cret-word\n");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Stands for the data plane: notes what it is told. */
class Plane {
  readonly told: string[] = [];
  readonly applied: ProxySpec[] = [];
  startFault: Error | null = null;
  applyFault: Error | null = null;
  endDrain: () => void = () => {};
  spec: ProxySpec | null = null;
  ports: ProxyPorts | null = null;

  readonly create = (spec: ProxySpec, ports: ProxyPorts): ProxyHandle => {
    this.spec = spec;
    this.ports = ports;
    return {
      start: async () => {
        this.told.push("start");
        if (this.startFault !== null) throw this.startFault;
      },
      apply: async (next) => {
        if (this.applyFault !== null) throw this.applyFault;
        this.applied.push(next);
      },
      drain: (withinMs) => {
        this.told.push(`drain ${withinMs}`);
        return new Promise((resolve) => {
          this.endDrain = resolve;
        });
      },
      stop: async () => {
        this.told.push("stop");
      },
      endpoints: () => [
        {
          name: "default",
          targetRole: "READ_WRITE",
          host: "127.0.0.1",
          port: 4711,
          clientConnections: 0,
        },
      ],
      view: {
        ready: () => ({ ready: true, reason: "" }),
        state: () => {
          throw new Error("not asked here");
        },
        pins: () => [],
      },
      counters: new ProxyCounters(spec.name),
    };
  };
}

interface Run {
  readonly plane: Plane;
  readonly signals: EventEmitter;
  readonly ended: Promise<void>;
  out(): string;
  err(): string;
}

function run(plane = new Plane(), json = true): Run {
  const signals = new EventEmitter();
  const texts = { out: "", err: "" };
  const ended = serve({
    source: specSource(file, {})!,
    json,
    logForm: "text",
    drainMs: 120_000,
    createProxy: plane.create,
    signals: signals as never,
    out: (text) => {
      texts.out += text;
    },
    err: (text) => {
      texts.err += text;
    },
  });
  ended.catch(() => {});
  return { plane, signals, ended, out: () => texts.out, err: () => texts.err };
}

async function started(plane = new Plane(), json = true): Promise<Run> {
  const it = run(plane, json);
  await vi.waitFor(() => expect(it.signals.listenerCount("SIGHUP")).toBe(1), 20_000);
  return it;
}

async function stop({ plane, signals, ended }: Run): Promise<void> {
  signals.emit("SIGTERM");
  await vi.waitFor(() => expect(plane.told).toContain("drain 120000"), 20_000);
  plane.endDrain();
  await ended;
}

describe("serving", () => {
  it("prints one document when ready, and serves the admin API", async () => {
    const it = await started();
    const ready = JSON.parse(it.out());
    expect(ready).toMatchObject({
      name: "app",
      pid: process.pid,
      endpoints: [{ name: "default", targetRole: "READ_WRITE", host: "127.0.0.1", port: 4711 }],
    });
    expect((await fetch(`${ready.adminUrl}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${ready.adminUrl}/metrics`)).text()).toContain(
      "process_cpu_seconds_total",
    );
    await stop(it);
    expect(it.plane.told).toEqual(["start", "drain 120000", "stop"]);
    await expect(fetch(`${ready.adminUrl}/healthz`)).rejects.toThrow();
  });

  it("prints lines for people", async () => {
    const it = await started(new Plane(), false);
    expect(it.out()).toMatch(
      /^Sluice \S+ serves app\nendpoint default \(READ_WRITE\) on 127\.0\.0\.1:4711\nadmin on http:\/\/127\.0\.0\.1:\d+\n$/,
    );
    await stop(it);
  });

  it("stops at once on a second signal", async () => {
    const { plane, signals, ended } = await started();
    signals.emit("SIGINT");
    await vi.waitFor(() => expect(plane.told).toContain("drain 120000"), 20_000);
    signals.emit("SIGTERM");
    await ended;
    expect(plane.told).toEqual(["start", "drain 120000", "stop"]);
    expect(signals.eventNames()).toEqual([]);
  });

  it("reads files beside the configuration", async () => {
    const it = await started();
    expect(it.plane.ports?.passwords.readText("word")).toBe("s3cret-word\n");
    expect((await it.plane.ports?.readFile("word"))?.toString()).toBe("s3cret-word\n");
    expect(it.err() + it.out()).not.toContain("s3cret-word");
    await stop(it);
  });
});

describe("serving does not begin", () => {
  it("with a wrong file: exit code 2, all lines", async () => {
    await writeFile(file, "auth: 7\ntarget: {}\n");
    await expect(run().ended).rejects.toMatchObject({
      exitCode: 2,
      message: [
        `${file}:1:7: auth: must be a list, found a number`,
        `${file}:2:1: target.hosts: is required`,
      ].join("\n"),
    });
  });

  it("without a password that is named: exit code 2, with its line", async () => {
    await rm(join(folder, "word"));
    await expect(run().ended).rejects.toMatchObject({
      exitCode: 2,
      message: `${file}:3:43: auth[0].password.file: The file word cannot be read: ENOENT.`,
    });
  });

  it("where an endpoint cannot listen: exit code 1, and nothing stays open", async () => {
    const plane = new Plane();
    plane.startFault = new Error("listen EADDRINUSE: address already in use 127.0.0.1:6033");
    const { ended, out } = run(plane);
    await expect(ended).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("EADDRINUSE"),
    });
    expect([plane.told, out()]).toEqual([["start", "stop"], ""]);
  });

  it("where the admin server cannot listen: exit code 1", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    await writeFile(file, GOOD.replace("admin: { port: 0 }", `admin: { port: ${port} }`));
    const plane = new Plane();
    await expect(run(plane).ended).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect(plane.told).not.toContain("start");
    taken.close();
  });
});

describe("a changed file", () => {
  it("is taken over when it is noticed", async () => {
    const it = await started();
    await writeFile(file, GOOD.replace("60", "61"));
    await vi.waitFor(
      () => expect(it.plane.applied.map((spec) => spec.idleClientTimeout)).toEqual([61]),
      20_000,
    );
    expect(it.err()).toContain("Changed: idleClientTimeout now");
    await stop(it);
  });

  it("is taken over on SIGHUP, except what needs a restart, which is said", async () => {
    const it = await started();
    await writeFile(file, GOOD.replace("name: app", "name: other").replace("60", "61"));
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(it.err()).toContain("The configuration was read again."), 20_000);
    expect(it.plane.applied[0]).toMatchObject({ name: "app", idleClientTimeout: 61 });
    expect(it.err()).toContain("name not before the next start");
    await stop(it);
  });

  it("is taken over on SIGHUP though it is the same, as certificates may have changed", async () => {
    const it = await started();
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(it.plane.applied).toHaveLength(1), 20_000);
    await vi.waitFor(() => expect(it.err()).toContain("Nothing changed."), 20_000);
    await stop(it);
  });

  it("that is wrong is refused whole, with its lines, and the next right one is taken", async () => {
    const it = await started();
    await writeFile(file, GOOD.replace("60", "0"));
    it.signals.emit("SIGHUP");
    await vi.waitFor(
      () =>
        expect(it.err()).toContain(`${file}:5:20: idleClientTimeout: must be at least 1, found 0`),
      20_000,
    );
    expect(it.plane.applied).toEqual([]);
    await writeFile(file, GOOD.replace("60", "62"));
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(it.plane.applied).toHaveLength(1), 20_000);
    await stop(it);
  });

  it("that the data plane cannot take over is refused", async () => {
    const it = await started();
    it.plane.applyFault = new Error("listen EADDRINUSE");
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(it.err()).toContain("was refused and the old one stays"), 20_000);
    expect(it.err()).toContain("EADDRINUSE");
    await stop(it);
  });

  it("that is gone is refused", async () => {
    const it = await started();
    await rm(file);
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(it.err()).toContain("cannot be read: ENOENT"), 20_000);
    expect(it.plane.applied).toEqual([]);
    await stop(it);
  });

  it("turns debugLogging on and off", async () => {
    const it = await started();
    const events = it.plane.ports!.events;
    const connected = {
      kind: "client-connected",
      at: 0,
      endpoint: "default",
      session: 1,
      clientAddress: "10.0.0.9:5",
    } as const;
    events.emit(connected);
    expect([it.err().includes("A new client connected"), events.wantsStatements]).toEqual([
      false,
      false,
    ]);
    await writeFile(file, `${GOOD}debugLogging: true\n`);
    it.signals.emit("SIGHUP");
    await vi.waitFor(() => expect(events.wantsStatements).toBe(true), 20_000);
    events.emit(connected);
    expect(it.err()).toContain("A new client connected from 10.0.0.9:5.");
    await stop(it);
  });
});
