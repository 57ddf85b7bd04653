/**
 * The program inside an execution environment: loads the function's module once, then runs its handler for one
 * message after the other. Its own file in `dist`, so that an environment holds the function's code and nothing of ours.
 */
import { pathToFileURL } from "node:url";
import type { EnvironmentMessage, InvokeMessage } from "./function-messages.ts";

type Handler = (event: unknown, context: unknown) => unknown;

/** Lambda's limit for the answer of a synchronous invocation. */
const PAYLOAD_BYTES = 6 * 1024 * 1024;

const [file = "", handlerName = "handler"] = process.argv.slice(2);

// The runner is gone, however it went: there is nobody left to answer.
process.on("disconnect", () => process.exit(0));

const handler = await loadHandler();
process.on("message", (message) => void invoke(handler, message as InvokeMessage));
tell({ kind: "ready" });

async function loadHandler(): Promise<Handler> {
  const loaded = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const found = loaded[handlerName];
  if (typeof found === "function") return found as Handler;
  throw new Error(`${file} exports no function named ${handlerName}`);
}

async function invoke(run: Handler, message: InvokeMessage): Promise<void> {
  const context = {
    ...message.context,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  };
  try {
    const payload = JSON.stringify((await run(message.event, context)) ?? null);
    if (Buffer.byteLength(payload) > PAYLOAD_BYTES) {
      const errorMessage = `Response payload size exceeded maximum allowed payload size (${PAYLOAD_BYTES} bytes).`;
      tell({ kind: "failed", errorType: "Function.ResponseSizeTooLarge", errorMessage });
    } else tell({ kind: "returned", payload });
  } catch (error) {
    console.error(error);
    const { name, message: errorMessage } =
      error instanceof Error ? error : { name: "Error", message: String(error) };
    tell({ kind: "failed", errorType: name, errorMessage });
  }
}

function tell(message: EnvironmentMessage): void {
  process.send?.(message);
}
