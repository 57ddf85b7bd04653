/** Milliseconds that what is still open may keep the process after its work is done. */
const LINGER_MS = 1_000;

// Whoever reads our output may stop reading it: that ends no proxy.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

/** Lets the process end by itself, as output may still be on its way; ends it where something stays open. */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
