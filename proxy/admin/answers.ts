/** What the admin API answers with: the views of a proxy with times as people and programs read them. */
import type { PinView, StateView } from "../observe/state-view.ts";

export function stateAnswer(state: StateView): Record<string, unknown> {
  return {
    ...state,
    startedAt: isoOf(state.startedAt),
    sessions: state.sessions.map((session) => ({
      ...session,
      connectedAt: isoOf(session.connectedAt),
      since: isoOf(session.since),
    })),
  };
}

export function pinsAnswer(pins: readonly PinView[]): Record<string, unknown> {
  return {
    pins: pins.map(({ at, endedAt, ...pin }) => ({
      ...pin,
      time: isoOf(at),
      endedAt: endedAt === null ? null : isoOf(endedAt),
    })),
  };
}

function isoOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
