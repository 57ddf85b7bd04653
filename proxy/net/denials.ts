import type { PoolTarget } from "../pool/backend.ts";
import type { OpeningFailure } from "./opening.ts";

/** The first pause after a refused login, and the longest: retries can lock an account on its server. */
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

interface Denial {
  readonly password: string;
  readonly failure: OpeningFailure;
  readonly pauseMs: number;
  readonly untilMs: number;
}

interface NamedPassword {
  readonly username: string;
  readonly password: string;
}

/** Logins that a server has refused. With the same password it would refuse them again, so it is asked again only now and then. */
export class Denials {
  readonly #byLogin = new Map<string, Denial>();

  note(target: PoolTarget, login: NamedPassword, failure: OpeningFailure, now: number): void {
    const key = keyOf(target, login.username);
    const before = this.#byLogin.get(key);
    const again = before !== undefined && before.password === login.password;
    const pauseMs = again ? Math.min(LONGEST_MS, before.pauseMs * 2) : FIRST_MS;
    const { password } = login;
    this.#byLogin.set(key, { password, failure, pauseMs, untilMs: now + pauseMs });
  }

  /** What the server said to this login not long ago; null: it may be tried. */
  standing(target: PoolTarget, login: NamedPassword, now: number): OpeningFailure | null {
    const denial = this.#byLogin.get(keyOf(target, login.username));
    if (denial === undefined || denial.password !== login.password) return null;
    return now < denial.untilMs ? denial.failure : null;
  }

  forgive(target: PoolTarget, username: string): void {
    this.#byLogin.delete(keyOf(target, username));
  }

  forgiveAll(): void {
    this.#byLogin.clear();
  }
}

function keyOf(target: PoolTarget, username: string): string {
  return `${target.id} ${username}`;
}
