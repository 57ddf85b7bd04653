import { describe, expect, it } from "vitest";
import { EventBus, type ProxyEvent, type SessionPinned } from "../../../proxy/observe/events.ts";
import { PinLog } from "../../../proxy/observe/pin-log.ts";

function pin(session: number, rule = "get-lock"): SessionPinned {
  return {
    kind: "session-pinned",
    at: session * 10,
    endpoint: "default",
    session,
    user: "app",
    clientAddress: "10.0.0.9:5",
    target: "db-1",
    backend: session + 100,
    rule,
    reason: "A lock was taken.",
    digest: "SELECT `GET_LOCK` (...)",
    fix: "Lock rows.",
  };
}

describe("the pin log", () => {
  it("lists live pins first and the latest first", () => {
    const log = new PinLog();
    for (const session of [1, 2, 3]) log.add(pin(session));
    log.end(2, 99);
    expect(log.list().map((each) => [each.session, each.endedAt])).toEqual([
      [3, null],
      [1, null],
      [2, 99],
    ]);
  });

  it("keeps the first pin of a session", () => {
    const log = new PinLog();
    log.add(pin(1));
    log.add(pin(1, "temp-table"));
    expect(log.list().map((each) => each.rule)).toEqual(["get-lock"]);
  });

  it("forgets the oldest ended pins, never live ones", () => {
    const log = new PinLog(2);
    for (const session of [1, 2, 3, 4]) log.add(pin(session));
    for (const session of [1, 2, 3]) log.end(session, 50);
    log.end(77, 50);
    expect(log.list().map((each) => each.session)).toEqual([4, 3, 2]);
  });
});

describe("the event bus", () => {
  it("hands events to everybody who listens, until they stop", () => {
    const bus = new EventBus();
    const seen: string[] = [];
    const stop = bus.subscribe((event: ProxyEvent) => seen.push(`a ${event.at}`));
    bus.subscribe((event) => seen.push(`b ${event.at}`));
    bus.emit(pin(1));
    stop();
    bus.emit(pin(2));
    expect(seen).toEqual(["a 10", "b 10", "b 20"]);
  });
});
