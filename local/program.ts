import { spawn } from "node:child_process";

/** What a finished program left behind. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds after which the program is killed; its code is then null. */
  readonly timeoutMs?: number;
}

/** Bytes kept of each output stream: more than any program here prints, and a bound all the same. */
const OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a program to its end. A program that cannot be started at all is a result like any other (code 127), so that
 * callers have one way of failing to handle.
 */
export function runProgram(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(file ?? "", args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
    });
    // Whoever waits for the program is gone with us: so is the program.
    const endWithUs = () => child.kill("SIGKILL");
    process.once("exit", endWithUs);
    child.once("close", () => process.off("exit", endWithUs));
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.stdin.on("error", () => {}); // A program may end without reading its input.
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      process.off("exit", endWithUs);
      resolve({ code: 127, stdout: "", stderr: error.message });
    });
    child.on("close", (code) => resolve({ code, stdout: stdout(), stderr: stderr() }));
  });
}

/** Runs a program that must succeed; its standard output. */
export async function runOrThrow(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await runProgram(command, options);
  if (result.code === 0) return result.stdout;
  const said = `${result.stderr}${result.stdout}`.trim().split("\n").slice(-12).join("\n");
  const ending = result.code === null ? "was killed" : `ended with code ${result.code}`;
  throw new Error(`${command.slice(0, 3).join(" ")} … ${ending}: ${said}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    if (bytes > OUTPUT_BYTES) return;
    chunks.push(chunk);
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
