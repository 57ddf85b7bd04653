import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { OPENAPI } from "../../../proxy/admin/openapi.ts";

const root = join(import.meta.dirname, "../../..");
/** Nothing listens on port 1: the proxy serves clients although its target is away. */
const SPEC = `
endpoints: [{ name: default, port: 0 }]
auth: [{ username: app, password: { env: APP_PASSWORD } }]
target: { hosts: ["127.0.0.1:1"] }
admin: { port: 0 }
`;

let folder = "";
let child: ChildProcess | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-process-"));
  await writeFile(join(folder, "proxy.yaml"), SPEC);
});

afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function start(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): ChildProcess {
  const node = [
    "--import",
    join(root, "node_modules/tsx/dist/loader.mjs"),
    join(root, program),
    ...args,
  ];
  child = spawn(process.execPath, node, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return child;
}

describe("the process of a proxy", () => {
  it.each([
    ["bin/sluice.ts", ["serve", "proxy.yaml", "--json", "--drain", "5"], {}],
    ["bin/serve.ts", ["--json", "--drain", "5"], { SLUICE_CONFIG: "proxy.yaml" }],
    ["bin/serve.ts", ["--json", "--drain", "5"], { SLUICE_CONFIG_TEXT: SPEC }],
  ])("of %s %j with %j serves, and ends with 0 on SIGTERM", async (program, args, env) => {
    const proxy = start(program, args, { APP_PASSWORD: "s3cret-word", ...env });
    let logged = "";
    proxy.stderr?.on("data", (chunk) => {
      logged += chunk;
    });
    const line = await Promise.race([
      once(createInterface({ input: proxy.stdout! }), "line").then(([first]) => String(first)),
      once(proxy, "close").then(() => expect.fail(`it ended before it was ready: ${logged}`)),
    ]);
    const { adminUrl, endpoints } = JSON.parse(line);
    expect(endpoints).toMatchObject([
      { name: "default", targetRole: "READ_WRITE", host: "127.0.0.1" },
    ]);
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
    const state = await (await fetch(`${adminUrl}/api/v1/state`)).text();
    expect(JSON.parse(state)).toMatchObject({
      endpoints: [{ port: endpoints[0].port }],
      draining: false,
    });
    const { schema } =
      OPENAPI.paths["/api/v1/state"].get.responses[200].content["application/json"];
    expect(z.fromJSONSchema(schema as never).safeParse(JSON.parse(state)).error?.issues).toBe(
      undefined,
    );
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(metrics).toContain("sluice_client_connections{");
    proxy.kill("SIGTERM");
    expect(await once(proxy, "exit")).toEqual([0, null]);
    expect(state + metrics + logged).not.toContain("s3cret-word");
  });

  it("ends with 2 and names file, line and key where a password is missing", async () => {
    const proxy = start("bin/serve.ts", ["proxy.yaml"], {});
    let said = "";
    proxy.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    const [code] = await once(proxy, "close");
    expect([code, said]).toEqual([
      2,
      "proxy.yaml:3:42: auth[0].password.env: The environment variable APP_PASSWORD is not set.\n",
    ]);
  });
});
