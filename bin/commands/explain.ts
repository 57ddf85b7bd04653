import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { Command, Option } from "commander";
import { type Explanation, explain } from "../../proxy/sql/explain.ts";
import { CommandFailure } from "../failure.ts";

interface ExplainFlags {
  readonly json?: true;
  readonly engine: "mysql" | "mariadb";
  readonly filter?: string;
  readonly sqlMode?: string;
  readonly file?: string;
}

/** `sluice explain 'SQL'`: would RDS Proxy pin on it, why, and how to avoid it. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("would RDS Proxy pin on this statement, why, by which rule, and how to avoid it")
    .argument("[sql]", "the statement as a client would send it; - reads it from stdin")
    .option("--json", "print one JSON document")
    .addOption(
      new Option("--engine <name>", "whose SQL it is")
        .choices(["mysql", "mariadb"])
        .default("mysql"),
    )
    .addOption(
      new Option("--filter <name>", "session pinning filter").choices(["EXCLUDE_VARIABLE_SETS"]),
    )
    .option("--sql-mode <modes>", "the session's sql_mode, such as ANSI_QUOTES")
    .option("--file <file>", "read the statement from this file; - is stdin")
    .addHelpText(
      "after",
      `
Examples:
  sluice explain "SET SESSION sql_mode = 'ANSI'"
  sluice explain --json 'SELECT GET_LOCK("job", 10)'
  sluice explain --file statement.sql

The rules are in docs/pinning.md. Exits with 0 whether it pins or not.`,
    )
    .action(async (sql: string | undefined, flags: ExplainFlags) => {
      const statement = await readStatement(sql, flags.file);
      const explanation = explain(statement, {
        engine: flags.engine,
        excludeVariableSets: flags.filter !== undefined,
        ...(flags.sqlMode === undefined ? {} : { sqlMode: flags.sqlMode }),
      });
      const output = flags.json ? JSON.stringify(explanation) : describe(explanation, hasColour());
      process.stdout.write(`${output}\n`);
    });
}

async function readStatement(sql: string | undefined, file: string | undefined): Promise<string> {
  if (sql !== undefined && file !== undefined) {
    throw new CommandFailure(2, "sluice explain: give the statement or --file, not both");
  }
  const source = file ?? (sql === "-" ? "-" : undefined);
  if (source === undefined) {
    if (sql === undefined) throw new CommandFailure(2, "sluice explain: no statement given");
    return sql;
  }
  try {
    return source === "-" ? await readAll(process.stdin) : await readFile(source, "utf8");
  } catch (error) {
    throw new CommandFailure(2, `sluice explain: ${(error as Error).message}`);
  }
}

function hasColour(): boolean {
  return process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
}

const RED = 31;
const GREEN = 32;
const YELLOW = 33;
const BOLD = 1;

function describe(explanation: Explanation, colour: boolean): string {
  const paint = (code: number, text: string): string =>
    colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  const line = (label: string, text: string): string => `${paint(BOLD, label.padEnd(9))}${text}`;
  const { pins, rule, reason, fix, tracked, warnings } = explanation;
  const lines = [pins ? paint(RED, `PINS  ${rule}`) : paint(GREEN, "does not pin")];
  if (reason !== null) lines.push(line("reason", reason));
  if (fix !== null) lines.push(line("fix", fix));
  if (tracked.length > 0) lines.push(line("tracked", tracked.join(", ")));
  for (const warning of warnings) lines.push(`${paint(YELLOW, "warning".padEnd(9))}${warning}`);
  return lines.join("\n");
}
