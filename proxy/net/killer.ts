import { BOUNDS } from "../base/bounds.ts";
import { makeFault } from "../base/faults.ts";
import { decodeErr, type ErrFields } from "../wire/err.ts";
import type { Account } from "./accounts.ts";
import { Backend } from "./backend.ts";
import { type OpeningFailure, openConnection, ownCapabilities } from "./opening.ts";
import type { Service, TargetAddress } from "./service.ts";

/** The client has vanished: what its statement does on the server is for nobody. */
export function killStatement(service: Service, backend: Backend): void {
  const account = service.accounts.find(backend.key.userKey);
  if (account !== null) killOnServer(service, backend, account, null);
}

/** Told once: null, or the server's objection. */
export type KillDone = (error: ErrFields | null) => void;

interface Kill {
  readonly threadId: number;
  readonly done: KillDone | null;
}

/** Kills sent together to one server. */
const KILLS_TOGETHER = 64;
const KILLERS = new WeakMap<Service, Map<string, Killer>>();

/** Kills what this backend's thread is running. */
export function killOnServer(
  service: Service,
  backend: Backend,
  account: Account,
  done: KillDone | null,
): void {
  const killers = KILLERS.get(service) ?? new Map<string, Killer>();
  KILLERS.set(service, killers);
  const name = `${backend.target.id}\0${account.username}`;
  let killer = killers.get(name);
  if (killer === undefined) {
    // Nobody waits for a kill that nobody asked for.
    if (done === null && service.killsRunning >= BOUNDS.killsAtOnce) return;
    killer = new Killer(service, backend, account, () => killers.delete(name));
    killers.set(name, killer);
  }
  killer.add({ threadId: backend.threadId, done });
}

/**
 * Sends KILL QUERY for any number of threads over one connection of its own, which is not counted against the pool: many clients vanish
 * at once when a function's caller gives up.
 */
class Killer {
  readonly #service: Service;
  readonly #connection: Backend;
  readonly #ended: () => void;
  #waiting: Kill[] = [];
  #running: Kill[] = [];
  #over = false;

  constructor(service: Service, backend: Backend, account: Account, ended: () => void) {
    this.#service = service;
    this.#ended = ended;
    service.killsRunning += 1;
    this.#connection = new Backend(backend.target, backend.key, {
      id: service.newId(),
      owner: {
        broken: () => this.#end(makeFault("unknownError")),
        bug: (where, error, session) => service.bug(where, error, session),
        monotonicMs: () => service.monotonicMs(),
      },
      counters: backend.counters,
    });
    this.#open(account);
  }

  add(kill: Kill): void {
    this.#waiting.push(kill);
  }

  #open(account: Account): void {
    const service = this.#service;
    const connection = this.#connection;
    const { host, port } = service.addresses.get(connection.target) as TargetAddress;
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
        if (opened === null) return this.#end(failure?.error ?? makeFault("unknownError"));
        connection.adopt(opened.link, opened.greeting.connectionId, opened.flags);
        this.#next();
      },
    );
    connection.openingWith(service.monotonicMs() + BOUNDS.backendLoginMs, giveUp);
    service.watch(connection);
  }

  #next(): void {
    this.#running = this.#waiting.splice(0, KILLS_TOGETHER);
    if (this.#running.length === 0) return this.#end(null);
    const connection = this.#connection;
    const kills = this.#running.map(({ threadId }) => connection.query(`KILL QUERY ${threadId}`));
    connection.run(kills, (_failure, answers) => {
      const told = this.#running;
      this.#running = [];
      told.forEach(({ done }, i) => {
        done?.(errorIn(answers[i] as Buffer));
      });
      this.#next();
    });
  }

  #end(error: ErrFields | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#service.killsRunning -= 1;
    this.#ended();
    this.#connection.close();
    for (const { done } of [...this.#running, ...this.#waiting]) done?.(error);
  }
}

function errorIn(answer: Buffer): ErrFields | null {
  return answer[4] === 0xff ? decodeErr(answer.subarray(4)) : null;
}
