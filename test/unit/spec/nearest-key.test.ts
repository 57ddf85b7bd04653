import { describe, expect, it } from "vitest";
import { nearestKey } from "../../../proxy/spec/nearest-key.ts";

const KEYS = [
  "auth",
  "tls",
  "pool",
  "requireTLS",
  "maxConnections",
  "maxConnectionsPercent",
  "idleClientTimeout",
];

describe("the nearest key", () => {
  it.each([
    ["auht", "auth"],
    ["Auth", "auth"],
    ["require_tls", "requireTLS"],
    ["MaxConnectionsPercent", "maxConnectionsPercent"],
    ["max-connection-percent", "maxConnectionsPercent"],
    ["idleTimeout", null],
    ["tsl", "tls"],
    ["tl", null],
    ["rules", null],
    ["", null],
    ["x".repeat(100_000), null],
  ])("to %s is %s", (word, key) => {
    expect(nearestKey(word, KEYS)).toBe(key);
  });
});
