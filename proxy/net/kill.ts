import { BOUNDS } from "../base/bounds.ts";
import { makeFault } from "../base/faults.ts";
import type { ErrFields } from "../wire/err.ts";
import type { Account } from "./accounts.ts";
import { Backend } from "./backend.ts";
import type { ClientSession } from "./client-session.ts";
import { type OpeningFailure, openConnection, ownCapabilities } from "./opening.ts";
import { Phase } from "./phase.ts";
import type { Service, TargetAddress } from "./service.ts";

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
    session.sendOk();
    if (!queryOnly) victim.close("killed");
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

/** The client has vanished: what its statement does on the server is for nobody. */
export function killStatement(service: Service, backend: Backend): void {
  const account = service.accounts.find(backend.key.userKey);
  if (account === null || service.killsRunning >= BOUNDS.killsAtOnce) return;
  killOnServer(service, backend, account, () => {});
}

/** Sends KILL QUERY over a connection of its own, which is not counted against the pool. */
function killOnServer(
  service: Service,
  backend: Backend,
  account: Account,
  done: (error: ErrFields | null) => void,
): void {
  const { host, port } = service.addresses.get(backend.target) as TargetAddress;
  const { threadId } = backend;
  service.killsRunning += 1;
  let over = false;
  const finish = (error: ErrFields | null): void => {
    if (over) return;
    over = true;
    service.killsRunning -= 1;
    done(error);
  };
  const killer = new Backend(backend.target, backend.key, {
    id: service.newId(),
    owner: {
      broken: () => finish(makeFault("unknownError")),
      monotonicMs: () => service.monotonicMs(),
    },
    counters: backend.counters,
  });
  const giveUp = openConnection(
    {
      host,
      port,
      username: account.username,
      password: account.password,
      tls: service.spec.target.tls,
      ca: service.targetCa,
      charset: service.facts.charset,
      capabilities: ownCapabilities,
    },
    (failure: OpeningFailure | null, opened) => {
      if (opened === null) return finish(failure?.error ?? makeFault("unknownError"));
      killer.adopt(opened.link, opened.greeting.connectionId, opened.flags);
      killer.run([killer.query(`KILL QUERY ${threadId}`)], (refused) => {
        killer.close();
        finish(refused === null ? null : refused.error);
      });
    },
  );
  killer.openingWith(service.monotonicMs() + BOUNDS.backendLoginMs, giveUp);
  service.watch(killer);
}
