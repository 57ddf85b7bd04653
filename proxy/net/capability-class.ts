import { StateTable, sameValues } from "../session/session-state.ts";
import type { SyncSetting } from "../session/state-sync.ts";
import { Capability } from "../wire/capabilities.ts";

/** Variables that the server sets at login by the client's capabilities, and may forget in a reset. */
const SET_AT_LOGIN: readonly (readonly [number, string])[] = [
  [Capability.IGNORE_SPACE, "sql_mode"],
  [Capability.INTERACTIVE, "wait_timeout"],
];

/**
 * Backends that share a class have these capabilities in common with their clients. Some capabilities change what a fresh session's
 * variables are, so that states are told by class.
 */
export class CapabilityClass implements SyncSetting {
  readonly id: number;
  readonly flags: number;
  readonly mariadb: number;
  readonly states = new StateTable();
  /** Changes whenever fresh backends begin with other values than before. */
  baselineId = 0;
  #initStatements: readonly string[];
  #afterReset: readonly string[];

  constructor(id: number, flags: number, mariadb: number, initStatements: readonly string[]) {
    this.id = id;
    this.flags = flags;
    this.mariadb = mariadb;
    this.#initStatements = initStatements;
    this.#afterReset = initStatements;
  }

  get baseline(): ReadonlyMap<string, string> {
    return this.states.baseline;
  }

  /** What makes a session that was reset like a fresh one. */
  get afterReset(): readonly string[] {
    return this.#afterReset;
  }

  get initStatements(): readonly string[] {
    return this.#initStatements;
  }

  set initStatements(statements: readonly string[]) {
    this.#initStatements = statements;
    this.#afterReset = this.#makeAfterReset();
  }

  /** Values of a fresh session; others than before mean that the server's global variables have changed. */
  learnBaseline(values: ReadonlyMap<string, string>): void {
    if (sameValues(this.states.baseline, values)) return;
    this.states.setBaseline(values);
    this.baselineId += 1;
    this.#afterReset = this.#makeAfterReset();
  }

  #makeAfterReset(): readonly string[] {
    const again: string[] = [];
    for (const [flag, name] of SET_AT_LOGIN) {
      const value = this.baseline.get(name);
      if ((this.flags & flag) !== 0 && value !== undefined) again.push(`${name}=${value}`);
    }
    if (again.length === 0) return this.#initStatements;
    return [...this.#initStatements, `SET ${again.join(",")}`];
  }
}
