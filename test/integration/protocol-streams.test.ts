import { spawn } from "node:child_process";
import { expect, it } from "vitest";

const PARENT = process.env["SLUICE_SOCKETS"];

/** Where Node's internal handles are not to be had everything runs on its documented sockets: the same tests, once more. */
it.skipIf(PARENT === "streams")(
  "the protocol's tests hold on documented sockets too",
  async () => {
    const child = spawn(
      process.execPath,
      [
        "node_modules/vitest/vitest.mjs",
        "run",
        "--project",
        "integration",
        "test/integration/protocol-",
      ],
      { env: { ...process.env, SLUICE_SOCKETS: "streams" }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code, said.slice(-8_000)).toBe(0);
  },
  900_000,
);
