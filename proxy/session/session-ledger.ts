import type { PinRuleId } from "../sql/verdict.ts";
import { Status } from "../wire/status.ts";
import { Area } from "./diagnostics-area.ts";
import type { KeptWarnings } from "./kept-warnings.ts";
import type { SessionState } from "./session-state.ts";

/** What one client session has, wherever it is served next: its state, and what its last statements left behind. */
export class SessionLedger {
  /** What its next backend must be brought to. */
  state: SessionState;
  /** Marks what it leaves on backends as its own. Another one after each new beginning: what was before is nobody's then. */
  trace: number;
  /** Status flags of the session outside of any command. */
  status: number = Status.AUTOCOMMIT;
  /** An XA transaction is open, which no status flag tells for all of its life. */
  xaOpen = false;
  pinRule: PinRuleId | null = null;
  /** Pins once the command being served has its backend. */
  pendingPin: PinRuleId | null = null;
  /** Variables, each with its `Source`, or the schema, that may have changed since the backend was borrowed. */
  dirtyVariables: Map<string, number> | null = null;
  dirtySchema = false;
  /** What LAST_INSERT_ID() is. */
  insertIdLow = 0;
  insertIdHigh = 0;
  /** The OK packet may have named another number than LAST_INSERT_ID() would. */
  insertIdDoubtful = false;
  /** Before that, the backend would have told another session's; and the number that the OK packet named since, if any. */
  insertIdForeign = false;
  insertIdToldLow = 0;
  insertIdToldHigh = 0;
  affectedRows = 0;
  foundRows = 0;
  /** Where its diagnostics area is. */
  area: number = Area.EMPTY;
  /** How many conditions the last statement added to it, as the server said. */
  conditions = 0;
  keptWarnings: KeptWarnings | null = null;
  /** The backend's area was made up for a statement that only counts what is in it. */
  recounted = false;
  /** With autocommit off, a statement since the last end of a transaction may hold something that no status flag tells. */
  hasOpenWork = false;

  constructor(state: SessionState, trace: number) {
    this.state = state;
    this.trace = trace;
  }

  get inTransaction(): boolean {
    return (this.status & Status.IN_TRANS) !== 0 || this.xaOpen;
  }

  /** Starts over in this state, as after a login or a reset. A pin stays. */
  begin(state: SessionState, trace: number): void {
    this.state = state;
    this.trace = trace;
    this.status = Status.AUTOCOMMIT;
    this.xaOpen = false;
    this.dirtyVariables = null;
    this.dirtySchema = false;
    this.insertIdLow = 0;
    this.insertIdHigh = 0;
    this.insertIdDoubtful = false;
    this.affectedRows = 0;
    this.foundRows = 0;
    this.area = Area.EMPTY;
    this.conditions = 0;
    this.keptWarnings = null;
    this.recounted = false;
    this.hasOpenWork = false;
  }
}
