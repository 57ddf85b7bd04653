import { makeFault } from "../base/faults.ts";
import type { Account } from "./accounts.ts";
import { failCommand } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { type KillDone, killOnServer } from "./killer.ts";
import { Phase } from "./phase.ts";

/**
 * KILL with the id of one of our sessions, as clients know it from their greeting. Returns false if the id is none of ours: the server
 * may know it. The server judges whether the user may kill, since it is asked as that user.
 */
export function killOther(session: ClientSession, id: number, queryOnly: boolean): boolean {
  return killOurs(session, { id, queryOnly }, (error) => {
    if (error === null) session.sendOk();
    else session.sendError(error);
  });
}

/** A command that begins with a KILL and goes on with other statements. */
export interface KillAndMore {
  readonly id: number;
  readonly queryOnly: boolean;
  readonly bytes: Uint8Array;
  /** Of the command, header included. */
  readonly at: number;
  readonly stop: number;
  /** Positions in `bytes`: the text of the KILL. */
  readonly textStart: number;
  readonly textEnd: number;
}

/**
 * Kills, and has the server answer for all statements: one that does nothing stands in for the KILL. Returns null if the id is none of
 * ours, else what `dispatchCommand` is to return.
 */
export function killAndGoOn(session: ClientSession, command: KillAndMore): boolean | null {
  const { bytes, at, stop, textStart, textEnd } = command;
  let answered = false;
  let parked = false;
  const isOurs = killOurs(session, command, (error) => {
    answered = error !== null;
    if (error === null) return;
    if (parked) session.input.dropCommand();
    session.sendError(error);
  });
  if (!isOurs) return null;
  if (answered || session.isClosed) return true;
  Buffer.from(bytes.buffer, bytes.byteOffset + textStart, textEnd - textStart)
    .fill(" ")
    .write("DO 0");
  if (session.phase === Phase.IDLE) return session.serve(bytes, at, stop, stop - at - 4);
  parked = true;
  session.input.park(bytes, at);
  return false;
}

/** `done` is told at once, or later with the session settling until then. */
function killOurs(
  session: ClientSession,
  { id, queryOnly }: { readonly id: number; readonly queryOnly: boolean },
  done: KillDone,
): boolean {
  const { service } = session;
  const victim = service.sessions.get(id);
  if (victim === undefined || victim.account === null) return false;
  const account = session.account as Account;
  const backend = victim.phase === Phase.RUNNING ? victim.backend : null;
  if (backend === null) {
    if (victim.account.username !== account.username) {
      done(makeFault("notThreadOwner", { id }));
      return true;
    }
    if (victim === session) {
      // As a server answers the one who kills itself.
      done(makeFault("queryInterrupted"));
      if (!queryOnly) session.closeAfterError("killed");
      return true;
    }
    done(null);
    if (queryOnly) interruptWaiting(victim);
    else victim.close("killed");
    return true;
  }
  backend.killsPending += 1;
  session.phase = Phase.SETTLING;
  killOnServer(service, backend, account, (error) => {
    backend.killsPending -= 1;
    backend.tainted = true;
    if (error === null && !queryOnly) victim.close("killed");
    if (session.phase !== Phase.SETTLING) return;
    session.phase = Phase.IDLE;
    done(error);
    session.consumePending();
  });
  return true;
}

/** One that waits for a backend has its statement interrupted like any other. */
function interruptWaiting(victim: ClientSession): void {
  if (victim.phase !== Phase.WAITING || victim.onPrepared !== null) return;
  if (!victim.service.pool.cancel(victim)) return;
  victim.counters.sessionsWaiting -= 1;
  failCommand(victim, makeFault("queryInterrupted"));
}
