import { answerFailure } from "./answers.ts";
import type { HttpApiEvent, HttpApiResponse, LambdaContext } from "./http-api.ts";
import { receive } from "./receive.ts";
import { secretsManager } from "./secret.ts";
import { parseSettings } from "./settings.ts";
import { SignatureGate } from "./signature.ts";
import { type LogEntry, Webhook } from "./webhook.ts";

/** Once per execution environment: settings, secret and connection outlive the invocation. */
const parsed = parseSettings(process.env);
const webhook = parsed.ok
  ? new Webhook(parsed.settings, { fetchSecret: secretsManager(parsed.settings.secretId), log })
  : null;
const gate =
  parsed.ok && parsed.settings.keyId !== null
    ? new SignatureGate(secretsManager(parsed.settings.keyId))
    : null;

/** The function's entry: an HTTP API event of payload format 2.0 in, its answer out. */
export async function handler(
  event: HttpApiEvent,
  context: LambdaContext,
): Promise<HttpApiResponse> {
  const received = receive(event);
  if (gate !== null && !(await gate.admits(event)))
    return answerFailure(received, 401, "The request is not signed, or not with the right key.");
  if (webhook !== null) return await webhook.answer(event, context);
  const problems = parsed.ok ? [] : parsed.problems;
  log({
    level: "error",
    requestId: received.requestId,
    message: "the function's settings are wrong",
    problems,
  });
  return answerFailure(received, 500, "The webhook is not set up.");
}

function log(entry: LogEntry): void {
  console.error(JSON.stringify(entry));
}
