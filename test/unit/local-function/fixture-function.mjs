// A function that does what its event says.
import { setTimeout as pause } from "node:timers/promises";

let invocations = 0;

export async function handler(event, context) {
  invocations += 1;
  switch (event.do) {
    case "tell":
      return {
        pid: process.pid,
        invocations,
        environment: { ...process.env },
        requestId: context.awsRequestId,
        functionName: context.functionName,
        remainingMs: context.getRemainingTimeInMillis(),
      };
    case "wait":
      // Until somebody has written the file that ends the wait.
      for (;;) {
        const { existsSync } = await import("node:fs");
        if (existsSync(event.file)) return { pid: process.pid };
        await pause(10);
      }
    case "print":
      console.log("a line of output\nand another");
      console.error("a line of error");
      return null;
    case "throw":
      throw new TypeError("as the event said");
    case "exit":
      process.exit(3);
      break;
    case "hang":
      return await new Promise(() => setInterval(() => {}, 1_000));
    case "spin":
      for (;;);
    case "child": {
      const { spawn } = await import("node:child_process");
      return { pid: spawn("sleep", ["600"], { stdio: "ignore" }).pid };
    }
    case "large":
      return "x".repeat(event.bytes);
  }
  return undefined;
}
