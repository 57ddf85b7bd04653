import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { socketOf } from "./dialer.ts";
import type { Link, LinkOwner } from "./link.ts";
import { makeSelfSigned } from "./self-signed.ts";
import { StreamLink } from "./stream-link.ts";

/** What clients are shown, and how their TLS sessions are resumed. */
export interface ServerTls {
  readonly context: SecureContext;
  /** Made by ourselves, for want of a configured one. */
  readonly isOwn: boolean;
}

export function makeServerTls(cert: string | Buffer, key: string | Buffer): ServerTls {
  return { context: contextOf(cert, key), isOwn: false };
}

function contextOf(cert: string | Buffer, key: string | Buffer): SecureContext {
  return createSecureContext({ cert, key, minVersion: "TLSv1.2", sessionIdContext: "sluice" });
}

/** A certificate of our own for when none is configured: ECDSA P-256, good for a year. */
export function makeOwnTls(name: string, hosts: readonly string[], nowMs: number): ServerTls {
  const { cert, key } = makeSelfSigned({
    commonName: name,
    altNames: hosts,
    days: 365,
    now: new Date(nowMs),
  });
  return { context: contextOf(cert, key), isOwn: true };
}

/**
 * Server side of a TLS upgrade. `early` are bytes that came behind the SSL request: the beginning of the client's hello, never to be
 * taken for packets. `done` is called once, with null where the handshake failed; the returned function gives it up, after which `done` is
 * not called any more.
 */
export function acceptTls(
  link: Link,
  owner: LinkOwner,
  tls: ServerTls,
  early: Buffer,
  done: (link: Link | null) => void,
): () => void {
  const plain = socketOf(link);
  if (early.length > 0) plain.unshift(early);
  const socket = new TLSSocket(plain, {
    isServer: true,
    secureContext: tls.context,
    requestCert: false,
    allowHalfOpen: true,
  } as ConstructorParameters<typeof TLSSocket>[1]);
  const forget = (): void => {
    socket.off("error", fail).off("end", fail).off("close", fail).off("secure", secured);
  };
  const giveUp = (): void => {
    forget();
    socket.on("error", () => {});
    socket.destroy();
  };
  const fail = (): void => {
    giveUp();
    done(null);
  };
  const secured = (): void => {
    forget();
    done(new StreamLink(socket, owner, true));
  };
  socket.once("error", fail);
  // Half-open: a client that hangs up amid the handshake only ends.
  socket.once("end", fail);
  socket.once("close", fail);
  socket.once("secure", secured);
  return giveUp;
}
