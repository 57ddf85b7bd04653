/** The one program of the container image: `sluice serve`, without the other commands. */
import { createProxy } from "../proxy/index.ts";
import { type CommandEntry, runCommandLine } from "./command-line.ts";
import { serveCommand } from "./commands/serve.ts";
import { endProcess } from "./end-process.ts";

const entry: CommandEntry = {
  name: "serve",
  summary: "run the proxy from a configuration file",
  load: async () => serveCommand(createProxy),
};
endProcess(await runCommandLine(["serve", ...process.argv.slice(2)], [entry]));
