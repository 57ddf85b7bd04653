import type { PinRuleId } from "../sql/verdict.ts";
import { Status } from "../wire/status.ts";
import type { SessionState } from "./session-state.ts";

/** What one client session has, wherever it is served next: its state, and what its last statements left behind. */
export class SessionLedger {
  /** What its next backend must be brought to. */
  state: SessionState;
  /** Status flags of the session outside of any command. */
  status: number = Status.AUTOCOMMIT;
  /** An XA transaction is open, which no status flag tells for all of its life. */
  xaOpen = false;
  pinRule: PinRuleId | null = null;
  /** Pins once the command being served has its backend. */
  pendingPin: PinRuleId | null = null;
  /** Variables, or the schema, that may have changed since the backend was borrowed. */
  dirtyVariables: Set<string> | null = null;
  dirtySchema = false;
  /** Counts the changes of LAST_INSERT_ID(); 0: there was none yet. */
  insertIdVersion = 0;
  insertIdLow = 0;
  insertIdHigh = 0;
  /** The OK packet may have named another number than LAST_INSERT_ID() would. */
  insertIdDoubtful = false;
  affectedRows = 0;
  foundRows = 0;
  warnings = 0;
  /** The answer to SHOW WARNINGS, taken before somebody else used the backend. */
  keptDiagnostics: Buffer | null = null;

  constructor(state: SessionState) {
    this.state = state;
  }

  get inTransaction(): boolean {
    return (this.status & Status.IN_TRANS) !== 0 || this.xaOpen;
  }

  /** Starts over in this state, as after a login or a reset. A pin stays. */
  begin(state: SessionState): void {
    this.state = state;
    this.status = Status.AUTOCOMMIT;
    this.xaOpen = false;
    this.dirtyVariables = null;
    this.dirtySchema = false;
    this.insertIdVersion = 0;
    this.insertIdLow = 0;
    this.insertIdHigh = 0;
    this.insertIdDoubtful = false;
    this.affectedRows = 0;
    this.foundRows = 0;
    this.warnings = 0;
    this.keptDiagnostics = null;
  }
}
