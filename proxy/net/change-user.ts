import { decodeChangeUser } from "../wire/change-user.ts";
import { MalformedPacket } from "../wire/malformed-packet.ts";
import { ClientLogin } from "./client-login.ts";
import type { ClientSession } from "./client-session.ts";
import { Phase } from "./phase.ts";
import { recycle } from "./settle.ts";

/**
 * COM_CHANGE_USER: the client logs in anew. Its backend belongs to the old user, so that a pin or transaction ends here whatever comes
 * of the login.
 */
export function changeUser(session: ClientSession, payload: Uint8Array): void {
  let request: ReturnType<typeof decodeChangeUser>;
  try {
    request = decodeChangeUser(Buffer.from(payload), session.capabilities);
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
    return session.refuseAndClose("malformedPacket", "malformed-packet");
  }
  if (session.backend !== null) recycle(session.service, session.release());
  session.unpin();
  session.lastBackend = null;
  session.phase = Phase.LOGIN;
  // The time for this login begins now.
  session.lastActiveMs = session.service.monotonicMs();
  session.login = ClientLogin.changeUser(session, request);
}
