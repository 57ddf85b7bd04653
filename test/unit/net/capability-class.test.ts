import { expect, it } from "vitest";
import { CapabilityClass } from "../../../proxy/net/capability-class.ts";
import { Capability } from "../../../proxy/wire/capabilities.ts";

const VALUES = new Map([
  ["sql_mode", "'IGNORE_SPACE'"],
  ["wait_timeout", "100"],
]);

it("does nothing after a reset but the initialization query where no capability sets variables", () => {
  const kind = new CapabilityClass(0, Capability.FOUND_ROWS, 0, ["SET a=1"]);
  kind.learnBaseline(VALUES);
  expect(kind.afterReset).toEqual(["SET a=1"]);
});

it("sets again what the login had set by capabilities, after the initialization query", () => {
  const kind = new CapabilityClass(0, Capability.IGNORE_SPACE | Capability.INTERACTIVE, 0, []);
  kind.learnBaseline(VALUES);
  expect(kind.afterReset).toEqual(["SET sql_mode='IGNORE_SPACE',wait_timeout=100"]);
  kind.initStatements = ["SET a=1"];
  expect(kind.afterReset).toEqual(["SET a=1", "SET sql_mode='IGNORE_SPACE',wait_timeout=100"]);
});

it("counts baselines that differ, and forgets the states of the old one", () => {
  const kind = new CapabilityClass(0, 0, 0, []);
  kind.learnBaseline(VALUES);
  const state = kind.states.state(null, false, new Map());
  kind.learnBaseline(new Map(VALUES));
  expect(kind.baselineId).toBe(1);
  expect(kind.states.state(null, false, new Map())).toBe(state);
  kind.learnBaseline(new Map([["sql_mode", "''"]]));
  expect(kind.baselineId).toBe(2);
  expect(kind.states.state(null, false, new Map())).not.toBe(state);
});
