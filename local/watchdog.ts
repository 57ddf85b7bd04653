import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * What the helper process runs. It reads orders from its input and acts when that input ends, which the kernel sees to
 * when our process ends in whatever way. A shell: it is there on every Unix, starts at once and needs a megabyte.
 */
const SCRIPT = `
newline='
'
while IFS= read -r line; do
  name=\${line#* }
  case $line in
    "guard "*) pids="$pids $name" ;;
    "release "*)
      kept=
      for pid in $pids; do [ "$pid" = "$name" ] || kept="$kept $pid"; done
      pids=$kept ;;
    "container "*) containers="$containers $name" ;;
    "remove "*) folders="$folders$name$newline" ;;
    "done") exit 0 ;;
  esac
done
await_end() {
  tenths=0
  while [ -n "$pids" ] && [ "$tenths" -lt "$1" ]; do
    alive=
    for pid in $pids; do kill -0 "$pid" 2>/dev/null && alive="$alive $pid"; done
    pids=$alive
    [ -n "$pids" ] && sleep 0.1
    tenths=$((tenths + 1))
  done
}
if [ "$SLUICE_GRACE_TENTHS" -gt 0 ]; then
  for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
  await_end "$SLUICE_GRACE_TENTHS"
fi
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
for name in $containers; do docker rm -f "$name" >/dev/null 2>&1; done
await_end 50
printf '%s' "$folders" | while IFS= read -r folder; do [ -n "$folder" ] && rm -rf -- "$folder"; done
`;

/** Ends what we started when we end without doing so ourselves: a crash, a SIGKILL, a closed terminal. */
export class Watchdog {
  readonly #helper: ChildProcess;

  /** `graceMs`: how long a server may shut down in order before it is killed; 0 where its data is thrown away. */
  constructor(graceMs = 0) {
    // A session of its own: the terminal's Ctrl-C is for us to handle, in order.
    this.#helper = spawn("/bin/sh", ["-c", SCRIPT], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      cwd: "/",
      env: {
        PATH: process.env["PATH"] ?? "",
        SLUICE_GRACE_TENTHS: String(Math.round(graceMs / 100)),
      },
    });
    this.#helper.on("error", () => {});
    this.#helper.stdin!.on("error", () => {});
    this.#helper.unref();
    (this.#helper.stdin as unknown as { unref?: () => void }).unref?.();
  }

  /** Stops this process when we are gone. */
  guard(pid: number): void {
    this.#order(`guard ${pid}`);
  }

  /** The process has ended; its number may soon be somebody else's. */
  release(pid: number): void {
    this.#order(`release ${pid}`);
  }

  /** Removes this container when we are gone. */
  guardContainer(name: string): void {
    this.#order(`container ${name}`);
  }

  /** Removes this folder when we are gone, after the processes have ended. */
  removeAtEnd(folder: string): void {
    if (!folder.startsWith("/") || folder.includes("\n"))
      throw new Error(`not a folder to remove: ${folder}`);
    this.#order(`remove ${folder}`);
  }

  /** Everything was stopped in order: the helper ends without doing anything. */
  async dismiss(): Promise<void> {
    if (this.#helper.exitCode !== null || this.#helper.signalCode !== null) return;
    const ended = once(this.#helper, "exit");
    this.#helper.ref();
    this.#order("done");
    await ended;
  }

  #order(line: string): void {
    this.#helper.stdin!.write(`${line}\n`);
  }
}
