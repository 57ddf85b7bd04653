import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { withLogin } from "../../local/database-login.ts";
import { quoteText } from "../../local/sql-text.ts";
import type { TestServer } from "../support/servers.ts";
import { until } from "../support/until.ts";
import { type Conversation, encodeSteps, SLEEP } from "./conversations.ts";
import { normalForm } from "./normal-form.ts";

/** Where a program connects to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Null: without TLS. */
  readonly caFile: string | null;
}

export interface ProgramRun {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For the steps, and whatever the program writes. */
  readonly stepsFile: string;
  readonly endpoint: Endpoint;
  readonly server: TestServer;
  readonly user: { readonly user: string; readonly password: string };
}

/** What a program printed in each conversation, and how it ended. */
export interface Transcript {
  readonly lines: ReadonlyMap<string, readonly string[]>;
  /** Null where it ran to its end. */
  readonly problem: string | null;
}

/** The most that all conversations of one program may take. */
const RUN_MS = 240_000;

/** Writes the steps where `stepsFile` says. */
export function stepsText(conversations: readonly Conversation[]): string {
  return encodeSteps(conversations);
}

export async function runConversations(run: ProgramRun): Promise<Transcript> {
  const { command, env, endpoint, stepsFile } = run;
  const [file, ...args] = [...command, stepsFile];
  const child = spawn(file!, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      ...env,
      DRIVER_HOST: endpoint.host,
      DRIVER_PORT: String(endpoint.port),
      DRIVER_CA: endpoint.caFile ?? "",
    },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS);
  const lines = new Map<string, string[]>();
  const problems: string[] = [];
  let current: string[] = [];
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (code) => resolve(code));
    child.once("error", (error) => {
      problems.push(error.message);
      resolve(127);
    });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const heard = parsed(line);
    if (typeof heard.case === "string") {
      current = [];
      lines.set(heard.case, current);
    } else if (heard.sleeping === undefined) current.push(normalForm(line));
    else {
      const { sleeping } = heard;
      const wake = async () => {
        if (sleeping === null) child.stdin.write("\n");
        else await kill(run, sleeping);
      };
      whenAsleep(run)
        .then(wake)
        .catch((error: Error) => problems.push(`kill: ${error.message}`));
    }
  }
  const code = await ended;
  clearTimeout(timer);
  if (code !== 0) problems.push(`ended with ${code ?? "a signal"}: ${said.trim()}`);
  return { lines, problem: problems.length === 0 ? null : problems.join("; ") };
}

interface Heard {
  readonly case?: string;
  readonly sleeping?: number | string | null;
}

function parsed(line: string): Heard {
  if (!line.startsWith('{"case"') && !line.startsWith('{"sleeping"')) return {};
  return JSON.parse(line) as Heard;
}

async function whenAsleep({ server, user }: ProgramRun): Promise<void> {
  const asleep = `SELECT COUNT(*) AS n FROM information_schema.processlist
    WHERE user = ${quoteText(user.user)} AND info = ${quoteText(SLEEP)}`;
  await until(async () => Number((await server.sql(asleep))[0]!["n"]) > 0, {
    what: "a sleeping statement",
  });
}

/** Another client of the same endpoint, which knows the id that the driver was told. */
async function kill({ endpoint, user }: ProgramRun, id: number | string): Promise<void> {
  const { host, port } = endpoint;
  await withLogin({ host, port, ...user }, async (connection) => {
    await connection.query(`KILL QUERY ${Number(id)}`);
  });
}
