import { BOUNDS } from "../base/bounds.ts";
import { readBackResult, readBackStatement } from "../session/read-back.ts";
import { CHARSET_VARIABLES } from "../session/session-state.ts";
import { Capability } from "../wire/capabilities.ts";
import { decodeTextRows } from "../wire/text-result.ts";
import type { Backend } from "./backend.ts";
import { charsetAfterLogin } from "./login-state.ts";
import {
  BACKEND_MARIADB_FLAGS,
  type Opened,
  type OpeningFailure,
  openConnection,
} from "./opening.ts";
import { backendCapabilities } from "./server-facts.ts";
import type { Service, TargetAddress } from "./service.ts";

/**
 * Opens a backend: dial, log in, run the initialization query, and look at what a fresh session's variables are. Success goes
 * to the pool, failure to the service.
 */
export function openBackend(service: Service, backend: Backend): void {
  const account = service.accounts.find(backend.key.userKey);
  if (account === null) {
    const failure: OpeningFailure = {
      failure: "access-denied",
      error: null,
      detail: "the user is gone",
    };
    return later(backend, () => service.openingFailed(backend, failure));
  }
  const standing = service.denials.standing(backend.target, account, service.monotonicMs());
  if (standing !== null) return later(backend, () => service.openingDenied(backend, standing));
  backend.counters.databaseConnectionRequests += 1;
  backend.loginCollation = service.charsetOf(backend.key);
  const { host, port } = service.addresses.get(backend.target) as TargetAddress;
  const kind = service.classOf(backend.key);
  const giveUp = openConnection(
    {
      host,
      port,
      username: account.username,
      password: account.password,
      tls: service.spec.target.tls,
      ca: service.targetCa,
      charset: backend.loginCollation,
      capabilities: (greeting) => ({
        flags: backendCapabilities(greeting.capabilities, kind.flags),
        mariadb: greeting.mariadbCapabilities & kind.mariadb & BACKEND_MARIADB_FLAGS,
      }),
    },
    (failure, opened) => {
      if (opened === null) service.openingFailed(backend, failure as OpeningFailure);
      else if (hasAll(opened.flags, kind.flags)) loggedIn(service, backend, opened);
      else {
        opened.link.destroy();
        service.openingFailed(backend, OTHER_SERVER);
      }
    },
  );
  backend.openingWith(service.monotonicMs() + BOUNDS.backendLoginMs, giveUp);
}

/** Not before the pool, which asks for this backend, has it on its books. */
function later(backend: Backend, work: () => void): void {
  process.nextTick(() => {
    if (!backend.dead) work();
  });
}

/** MariaDB's servers leave LONG_PASSWORD out to say who they are; nothing else depends on it. */
function hasAll(flags: number, wanted: number): boolean {
  return (wanted & ~(flags | Capability.LONG_PASSWORD)) === 0;
}

/** Clients were greeted for another kind of server: what they send would be misread. */
const OTHER_SERVER: OpeningFailure = {
  failure: "refused",
  error: null,
  detail: "the server lacks capabilities that clients have been offered",
};

function loggedIn(service: Service, backend: Backend, opened: Opened): void {
  backend.adopt(opened.link, opened.greeting.connectionId, opened.flags);
  backend.challenge = { nonce: opened.greeting.nonce, plugin: opened.greeting.plugin };
  const variables = [...service.facts.tracked, ...CHARSET_VARIABLES];
  const { initStatements } = service.classOf(backend.key);
  const commands = initStatements.map((sql) => backend.query(sql));
  commands.push(backend.query(readBackStatement(variables)));
  backend.run(commands, (failure, answers) => {
    if (failure !== null) {
      const { error } = failure;
      const detail = `${error.errno} ${error.message}`;
      backend.close();
      return service.openingFailed(backend, { failure: "init-query", error, detail });
    }
    const rows = decodeTextRows(answers.at(-1) as Buffer, backend.walker.deprecateEof);
    const read = readBackResult(variables, rows?.[0] ?? []);
    const values = new Map(read.variables);
    const login = charsetAfterLogin(service.facts, backend.loginCollation);
    // The server answers with character sets' names, which is not all that a login brings.
    if (login !== null && initStatements.length === 0)
      for (const [name, value] of login) values.set(name, value);
    ready(service, backend, values);
  });
}

function ready(service: Service, backend: Backend, values: Map<string, string>): void {
  const charset = new Map<string, string>();
  for (const name of CHARSET_VARIABLES) {
    charset.set(name, values.get(name) ?? "NULL");
    values.delete(name);
  }
  const kind = service.classOf(backend.key);
  kind.learnBaseline(values);
  backend.fresh(charset, kind.baselineId);
  service.opened(backend);
}
