import { describe, expect, test } from "vitest";
import {
  AFTER_ALARM_MS,
  AFTER_LOSS_MS,
  ALERT_MS,
  IMMINENT_MS,
  PANIC_MS,
  Vigil,
} from "../../../proxy/target/vigil.ts";

function calm(): Vigil {
  const vigil = new Vigil(0);
  vigil.stands(0, 0);
  return vigil;
}

describe("the vigil", () => {
  test("begins in panic, and is fast for a while after the first writer", () => {
    const vigil = new Vigil(0);
    expect(vigil.intervalMs(10, 500)).toBe(PANIC_MS);
    expect(vigil.stands(5, 10)).toBe(10);
    expect(vigil.isPanic).toBe(false);
    expect(vigil.intervalMs(10 + AFTER_LOSS_MS - 1, 500)).toBe(ALERT_MS);
    expect(vigil.intervalMs(10 + AFTER_LOSS_MS, 500)).toBe(500);
  });

  test("a sign of trouble is answered only by a question asked after it", () => {
    const vigil = calm();
    expect(vigil.alarm(50_000)).toBe(true);
    vigil.stands(49_999, 50_001);
    expect(vigil.isPanic).toBe(true);
    vigil.stands(50_000, 50_002);
    expect(vigil.isPanic).toBe(false);
  });

  test("a second sign amid the first is no news", () => {
    const vigil = calm();
    vigil.alarm(50_000);
    expect(vigil.alarm(50_010)).toBe(false);
  });

  test("after an alarm for nothing probing is fast for a short while", () => {
    const vigil = calm();
    vigil.alarm(50_000);
    vigil.stands(50_000, 50_002);
    expect(vigil.intervalMs(50_000 + AFTER_ALARM_MS - 1, 500)).toBe(ALERT_MS);
    expect(vigil.intervalMs(50_000 + AFTER_ALARM_MS, 500)).toBe(500);
  });

  test("the time without a writer counts from the loss", () => {
    const vigil = calm();
    vigil.falls(50_000);
    vigil.falls(50_500);
    expect(vigil.stands(51_000, 51_001)).toBe(1_001);
    expect(vigil.stands(52_000, 52_001)).toBe(0);
  });

  test("a cluster that is gone for long is asked less often", () => {
    const vigil = calm();
    vigil.falls(50_000);
    expect(vigil.intervalMs(50_000 + IMMINENT_MS, 500)).toBe(PANIC_MS);
    expect(vigil.intervalMs(50_001 + IMMINENT_MS, 500)).toBe(ALERT_MS);
  });

  test("an interval shorter than panic's stays what it is", () => {
    expect(new Vigil(0).intervalMs(0, 10)).toBe(10);
  });
});
