/** Runs two environments, one that rests and one that loops for ever, prints their process ids, and waits to be killed. */
import { FunctionRunner } from "../../../local/function-runner.ts";
import { Watchdog } from "../../../local/watchdog.ts";

const [bootstrap = "", file = "", freeze = ""] = process.argv.slice(2);
const runner = new FunctionRunner({
  name: "orphan",
  bootstrap,
  file,
  variables: {},
  watchdog: new Watchdog(),
  timeoutMs: 600_000,
  freeze: freeze === "freeze",
});
const pids: number[] = [];
const answers = await Promise.all([runner.invoke({ do: "tell" }), runner.invoke({ do: "tell" })]);
for (const answer of answers) {
  if (answer.kind === "returned") pids.push(JSON.parse(answer.payload).pid);
}
void runner.invoke({ do: "spin" });
console.log(JSON.stringify(pids));
