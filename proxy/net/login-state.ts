import { collatedValue } from "../session/login-charset.ts";
import { toSql } from "../session/read-back.ts";
import type { SessionState } from "../session/session-state.ts";
import { Capability } from "../wire/capabilities.ts";
import type { ClientSession } from "./client-session.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { Service } from "./service.ts";

/** What a login with this collation makes of the character sets, as SQL text; null if the server knows no such collation. */
export function charsetAfterLogin(
  facts: ServerFacts,
  collation: number,
): Map<string, string> | null {
  const known = facts.collations.get(collation);
  if (known === undefined) return null;
  return new Map([
    ["character_set_client", collatedValue(known)],
    ["character_set_results", collatedValue(known)],
    ["collation_connection", toSql(known.name)],
  ]);
}

/** The state that a session is in after a login into this schema. A server takes an unknown collation for its default. */
export function stateAfterLogin(session: ClientSession, schema: string | null): SessionState {
  const { facts } = session.service;
  const multi = (session.capabilities & Capability.MULTI_STATEMENTS) !== 0;
  const variables = charsetAfterLogin(facts, session.loginCharset) ?? new Map(facts.defaultCharset);
  return session.states.state(schema, multi, variables);
}

/**
 * A server has been seen for the first time. Sessions that logged in before have been waiting for it since, in the state that a guessed
 * server would have put them in.
 */
export function correctStates(service: Service): void {
  for (const session of service.sessions.values()) {
    if (session.account === null) continue;
    const { ledger } = session;
    ledger.begin(stateAfterLogin(session, ledger.state.schema), ledger.trace);
  }
}
