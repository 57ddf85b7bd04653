import { runCommandLine } from "./command-line.ts";
import { COMMANDS } from "./command-table.ts";
import { endProcess } from "./end-process.ts";

endProcess(await runCommandLine(process.argv.slice(2), COMMANDS));
