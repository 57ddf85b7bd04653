import type { TestProject } from "vitest/node";
import { ENGINES } from "../../local/engine.ts";
import { type ProvidedServers, type TestServer, testServer } from "../support/servers.ts";
import { setup } from "../support/servers-setup.ts";

export interface RealServers {
  readonly servers: readonly TestServer[];
  stop(): Promise<void>;
}

/** The servers of the integration tests, for programs that no test runner starts. */
export async function startRealServers(): Promise<RealServers> {
  let provided: ProvidedServers | null = null;
  const project = {
    provide: (_name: string, value: ProvidedServers) => {
      provided = value;
    },
  } as unknown as TestProject;
  const stop = await setup(project);
  const found = ENGINES.map((engine) => provided![engine]);
  const servers = found.flatMap((each) => ("problem" in each ? [] : [testServer(each)]));
  for (const each of found) {
    if ("problem" in each) process.stdout.write(`no server: ${each.problem}\n`);
  }
  return { servers, stop };
}
