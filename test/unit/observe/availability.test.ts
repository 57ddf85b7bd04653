import { describe, expect, it } from "vitest";
import { Availability } from "../../../proxy/observe/availability.ts";

describe("availability", () => {
  it("is unknown before anything is", () => {
    expect(new Availability().percentage(5)).toBe(null);
  });

  it("is the share of the last minute", () => {
    const availability = new Availability();
    availability.set(true, 0);
    expect(availability.percentage(0)).toBe(100);
    availability.set(false, 30_000);
    expect(availability.percentage(40_000)).toBe(75);
    availability.set(true, 45_000);
    expect(availability.percentage(60_000)).toBe(75);
    // The window has moved: of 60 s to 120 s nothing is missing from 60 s on.
    expect(availability.percentage(120_000)).toBe(100);
  });

  it("counts from the first observation where that is less than a minute ago", () => {
    const availability = new Availability();
    availability.set(false, 1_000);
    availability.set(true, 2_000);
    expect(availability.percentage(3_000)).toBe(50);
  });

  it("stays bounded while a role flaps", () => {
    const availability = new Availability();
    for (let at = 0; at < 10_000; at += 1) availability.set(at % 2 === 0, at);
    expect(availability.percentage(10_000)).toBeGreaterThan(45);
    expect(availability.percentage(10_000)).toBeLessThan(55);
  });
});
