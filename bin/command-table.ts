import type { CommandEntry } from "./command-line.ts";

/** Each command is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "run the proxy from a configuration file",
    load: async () => {
      const [{ serveCommand }, { createProxy }] = await Promise.all([
        import("./commands/serve.ts"),
        import("../proxy/index.ts"),
      ]);
      return serveCommand(createProxy);
    },
  },
  {
    name: "up",
    summary: "run the whole system on this machine: databases, proxy, webhook",
    load: async () => (await import("./commands/up.ts")).upCommand(),
  },
  {
    name: "cluster",
    summary: "run a local database cluster alone",
    load: async () => (await import("./commands/cluster.ts")).clusterCommand(),
  },
  {
    name: "failover",
    summary: "fail a local cluster over under load and print the timeline",
    load: async () => (await import("./commands/failover.ts")).failoverCommand(),
  },
  {
    name: "load",
    summary: "flood the webhook with requests, with and without the proxy",
    load: async () => (await import("./commands/load.ts")).loadCommand(),
  },
  {
    name: "explain",
    summary: "would RDS Proxy pin on a statement, why, and how to avoid it",
    load: async () => (await import("./commands/explain.ts")).explainCommand(),
  },
  {
    name: "check",
    summary: "validate a configuration file",
    load: async () => (await import("./commands/check.ts")).checkCommand(),
  },
];
