import { makeFault } from "../base/faults.ts";
import type { Account } from "./accounts.ts";
import { failCommand } from "./borrowing.ts";
import type { ClientSession } from "./client-session.ts";
import { killOnServer } from "./killer.ts";
import { Phase } from "./phase.ts";

/**
 * KILL with the id of one of our sessions, as clients know it from their greeting. Returns false if the id is none of ours: the server
 * may know it. The server judges whether the user may kill, since it is asked as that user.
 */
export function killOther(session: ClientSession, id: number, queryOnly: boolean): boolean {
  const { service } = session;
  const victim = service.sessions.get(id);
  if (victim === undefined || victim.account === null) return false;
  const account = session.account as Account;
  const backend = victim.phase === Phase.RUNNING ? victim.backend : null;
  if (backend === null) {
    if (victim.account.username !== account.username) {
      session.sendError(makeFault("notThreadOwner", { id }));
      return true;
    }
    if (victim === session) {
      // As a server answers the one who kills itself.
      session.sendError(makeFault("queryInterrupted"));
      if (!queryOnly) session.closeAfterError("killed");
      return true;
    }
    session.sendOk();
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
    if (error === null) session.sendOk();
    else session.sendError(error);
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
