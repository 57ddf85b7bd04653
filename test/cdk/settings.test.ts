import { describe, expect, it } from "vitest";
import { mostTasks, shareOf } from "../../lib/connection-budget.ts";
import { checkSettings, STAGES, settingsOf } from "../../lib/index.ts";

/** The settings of development with one thing changed. */
function changed(part: "database" | "proxy" | "webhook", change: Record<string, unknown>): unknown {
  const settings = settingsOf("dev");
  return { ...settings, [part]: { ...settings[part], ...change } };
}

describe("the settings", () => {
  it.each(STAGES)("of %s are right", (stage) => {
    expect(checkSettings(settingsOf(stage))).toEqual(settingsOf(stage));
  });

  it("of production keep the data and need two zones and tasks at least", () => {
    const { availabilityZones, database, proxy } = settingsOf("prod");
    expect(database).toMatchObject({ deletionProtection: true, keepData: true });
    expect(Math.min(availabilityZones, proxy.minTasks, database.readers + 1)).toBeGreaterThan(1);
  });

  it.each([
    [changed("database", { minCapacity: 8 }), "database.minCapacity: must be at most maxCapacity"],
    [changed("database", { deletionProtection: true }), "database.keepData"],
    [changed("database", { minCapacity: 0.7 }), "database.minCapacity"],
    [changed("proxy", { minTasks: 3 }), "proxy.minTasks: must be at most maxTasks"],
    [changed("proxy", { cpu: 300 }), "proxy.cpu"],
    [changed("proxy", { memoryMiB: 8_192 }), "proxy.memoryMiB: is no size"],
    [changed("proxy", { maxTasks: 50, maxConnectionsPercent: 60 }), "proxy.maxTasks: leaves each"],
    [changed("webhook", { protection: "none" }), "webhook.protection"],
    [changed("webhook", { colour: "blue" }), "colour"],
  ])("that are wrong are refused with their key: %#", (settings, problem) => {
    expect(() => checkSettings(settings)).toThrow(problem);
  });
});

describe("the connection budget", () => {
  it("is never exceeded by the most tasks that can be, nor wasted where it need not be", () => {
    for (let percent = 1; percent <= 100; percent += 1) {
      for (let tasks = 1; tasks <= 20; tasks += 1) {
        const share = shareOf(percent, tasks);
        expect(share * mostTasks(tasks)).toBeLessThanOrEqual(percent);
        expect((share + 1) * mostTasks(tasks)).toBeGreaterThan(percent);
      }
    }
  });
});
