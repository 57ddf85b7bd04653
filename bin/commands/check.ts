import { Command } from "commander";
import type { ParsedSpec, ProxySpec } from "../../proxy/spec/proxy-spec.ts";
import { CommandFailure } from "../failure.ts";
import { problemLine, readSpec } from "../spec-file.ts";

export function checkCommand(): Command {
  return new Command("check")
    .description("validate a configuration file")
    .argument("<file>", "configuration file, YAML or JSON")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExits with 2 where the file is wrong. Says nothing of whether passwords are set.",
    )
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { parsed } = await readSpec(file);
      if (json) process.stdout.write(`${JSON.stringify(documentOf(file, parsed))}\n`);
      if (!parsed.ok) throw new CommandFailure(2, parsed.problems.map(problemLine).join("\n"));
      for (const warning of parsed.warnings)
        process.stderr.write(`warning: ${problemLine(warning)}\n`);
      if (!json) process.stdout.write(`${summaryOf(file, parsed.spec)}\n`);
    });
}

function documentOf(file: string, parsed: ParsedSpec): unknown {
  if (!parsed.ok) return { ok: false, file, problems: parsed.problems, warnings: [] };
  const { name, endpoints, auth, target, pinning } = parsed.spec;
  const summary = {
    name,
    endpoints,
    users: auth.length,
    hosts: target.hosts,
    topology: target.topology,
    pinning,
  };
  return { ok: true, file, problems: [], warnings: parsed.warnings, summary };
}

function summaryOf(file: string, { name, endpoints, auth, target, pinning }: ProxySpec): string {
  const ends = endpoints
    .map((each) => `${each.name} (${each.targetRole}) on ${each.host}:${each.port}`)
    .join(", ");
  const hosts = target.hosts.map(({ host, port }) => `${host}:${port}`).join(", ");
  const users = auth.length === 1 ? "1 user" : `${auth.length} users`;
  return `OK ${file}: ${name}, ${users}, ${ends}; ${target.topology} target ${hosts}; pinning ${pinning}`;
}
