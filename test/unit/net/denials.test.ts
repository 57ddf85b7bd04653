import { describe, expect, it } from "vitest";
import { Denials } from "../../../proxy/net/denials.ts";
import { PoolTarget } from "../../../proxy/pool/backend.ts";
import { Role } from "../../../proxy/pool/role.ts";

const target = new PoolTarget("db:3306", Role.READ_WRITE, null, true);
const other = new PoolTarget("db:3307", Role.READ_ONLY, null, true);
const login = { username: "app", password: "wrong" };
const failure = { failure: "access-denied", error: null, detail: "1045" } as const;

describe("a login that a server has refused", () => {
  it("stands for longer each time, up to half a minute", () => {
    const denials = new Denials();
    let now = 0;
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      denials.note(target, login, failure, now);
      let pause = 0;
      while (denials.standing(target, login, now + pause) !== null) pause += 500;
      pauses.push(pause);
      now += pause;
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("says nothing of another password, user or server", () => {
    const denials = new Denials();
    denials.note(target, login, failure, 0);
    expect(denials.standing(target, login, 0)).toBe(failure);
    expect(denials.standing(target, { ...login, password: "new" }, 0)).toBe(null);
    expect(denials.standing(target, { ...login, username: "else" }, 0)).toBe(null);
    expect(denials.standing(other, login, 0)).toBe(null);
  });

  it("is forgiven by a success, by a reload, and begins anew with another password", () => {
    const denials = new Denials();
    for (const forgive of [() => denials.forgive(target, "app"), () => denials.forgiveAll()]) {
      denials.note(target, login, failure, 0);
      denials.note(target, login, failure, 0);
      forgive();
      expect(denials.standing(target, login, 0)).toBe(null);
      denials.note(target, login, failure, 0);
      expect(denials.standing(target, login, 1_000)).toBe(null);
      forgive();
    }
    denials.note(target, login, failure, 0);
    denials.note(target, { ...login, password: "new" }, failure, 0);
    expect(denials.standing(target, { ...login, password: "new" }, 1_000)).toBe(null);
  });
});
