import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { socketOf } from "./dialer.ts";
import type { Link, LinkOwner } from "./link.ts";
import { makeSelfSigned } from "./self-signed.ts";
import { StreamLink } from "./stream-link.ts";

/** What clients are shown, and how their TLS sessions are resumed. */
export interface ServerTls {
  readonly context: SecureContext;
}

export function makeServerTls(cert: string | Buffer, key: string | Buffer): ServerTls {
  return {
    context: createSecureContext({ cert, key, minVersion: "TLSv1.2", sessionIdContext: "sluice" }),
  };
}

/** A certificate of our own for when none is configured: ECDSA P-256, good for a year. */
export function makeOwnTls(name: string, hosts: readonly string[], nowMs: number): ServerTls {
  const { cert, key } = makeSelfSigned({
    commonName: name,
    altNames: hosts,
    days: 365,
    now: new Date(nowMs),
  });
  return makeServerTls(cert, key);
}

/**
 * Server side of a TLS upgrade. `early` are bytes that came behind the SSL request: the beginning of the client's hello, never to be
 * taken for packets.
 */
export function acceptTls(
  link: Link,
  owner: LinkOwner,
  tls: ServerTls,
  early: Buffer,
  done: (error: Error | null, link: Link | null) => void,
): void {
  const plain = socketOf(link);
  if (early.length > 0) plain.unshift(early);
  const socket = new TLSSocket(plain, {
    isServer: true,
    secureContext: tls.context,
    requestCert: false,
    allowHalfOpen: true,
  } as ConstructorParameters<typeof TLSSocket>[1]);
  const fail = (error?: Error): void => {
    forget();
    socket.on("error", () => {});
    socket.destroy();
    done(error ?? new Error("the client closed the connection during the TLS handshake"), null);
  };
  const closed = (): void => fail();
  const forget = (): void => {
    socket.off("error", fail);
    socket.off("close", closed);
    socket.off("secure", secured);
  };
  const secured = (): void => {
    forget();
    done(null, new StreamLink(socket, owner, true));
  };
  socket.once("error", fail);
  socket.once("close", closed);
  socket.once("secure", secured);
}
