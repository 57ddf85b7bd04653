import { Fact, type Verdict } from "../sql/verdict.ts";

/** Where a session is in the serving of a command. */
export const Phase = {
  LOGIN: 0,
  IDLE: 1,
  /** In the pool's queue. */
  WAITING: 2,
  /** Its backend is being brought into its state. */
  PREPARING: 3,
  /** A command is with the backend. */
  RUNNING: 4,
  /** The response is out; the backend is asked what the command has changed. */
  SETTLING: 5,
  CLOSED: 6,
} as const;

/** What is said of commands that carry no SQL. */
export const NO_VERDICT: Verdict = {
  flags: Fact.TOUCHES_NO_TABLE,
  pin: null,
  assignments: [],
  schema: null,
  kill: null,
  tracked: [],
  warnings: [],
};
