import type { PinView, Readiness, StateView } from "../observe/state-view.ts";

/** What the admin server asks of a running proxy. */
export interface AdminView {
  /** Whether new clients would be served now. */
  ready(): Readiness;
  /** At most `sessionsMax` sessions; everything else whole. */
  state(sessionsMax: number): StateView;
  pins(): readonly PinView[];
}
