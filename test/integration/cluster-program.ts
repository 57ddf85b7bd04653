/** `sluice cluster` alone, as a process of its own to be stopped and killed. */
import { runCommandLine } from "../../bin/command-line.ts";
import { clusterCommand } from "../../bin/commands/cluster.ts";
import { endProcess } from "../../bin/end-process.ts";

const commands = [{ name: "cluster", summary: "cluster", load: async () => clusterCommand() }];
endProcess(await runCommandLine(["cluster", ...process.argv.slice(2)], commands));
