import type { Conversation } from "./conversations.ts";
import type { DriverSpec } from "./driver-list.ts";
import type { Transcript } from "./program-run.ts";

export type Verdict =
  | { readonly kind: "passed" }
  /** The driver has nothing of the kind. */
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly why: string };

/** Whether a conversation went through the proxy as it went without. */
export function compare(
  conversation: Conversation,
  direct: Transcript,
  proxied: Transcript,
  { limits = [], breaksAt }: Pick<DriverSpec, "limits" | "breaksAt">,
): Verdict {
  const { name } = conversation;
  const expected = whole(direct.lines.get(name), breaksAt);
  const found = whole(proxied.lines.get(name), breaksAt);
  if (expected === undefined) return failed(`direct: never got there: ${direct.problem}`);
  if (found === undefined) return failed(`never got there: ${proxied.problem}`);
  if (!expected.some(isSubstance)) return { kind: "absent" };
  const surprise = unexpected(conversation, expected, limits);
  if (surprise !== null) return failed(`direct: ${surprise}`);
  for (let i = 0; i < Math.max(expected.length, found.length); i++) {
    if (expected[i] === found[i]) continue;
    const step = conversation.steps[i];
    const said =
      step === undefined ? "" : `${step.op} ${step.args.slice(1).join(" ").slice(0, 200)}\n`;
    return failed(`${said}  direct: ${cut(expected[i])}\n  proxy:  ${cut(found[i])}`);
  }
  return { kind: "passed" };
}

/** Up to where the driver breaks. */
function whole(lines: readonly string[] | undefined, breaksAt: RegExp | undefined) {
  if (lines === undefined || breaksAt === undefined) return lines;
  const end = lines.findIndex((line) => breaksAt.test(line));
  return end < 0 ? lines : lines.slice(0, end);
}

function failed(why: string): Verdict {
  return { kind: "failed", why };
}

function isSubstance(line: string): boolean {
  return !line.startsWith('{"unsupported"') && line !== '{"result":"open"}';
}

/** A step that fails without a proxy compares nothing, unless it was to fail or is more than the driver can. */
function unexpected(
  { steps }: Conversation,
  lines: readonly string[],
  limits: readonly RegExp[],
): string | null {
  const mayFail = steps.some(({ fails }) => fails);
  for (const [i, line] of lines.entries()) {
    // Command-line clients say several things in one go.
    if (!mayFail && /^\{"result":.*"code":[^0]/.test(line)) return cut(line);
    const step = steps[i];
    if (step === undefined || step.fails || !line.startsWith('{"error"')) continue;
    if (limits.some((limit) => limit.test(line))) continue;
    return `${step.op} ${step.args.slice(1).join(" ").slice(0, 200)}: ${cut(line)}`;
  }
  return null;
}

function cut(line: string | undefined): string {
  return line === undefined ? "nothing" : line.slice(0, 600);
}
