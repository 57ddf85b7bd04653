import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { encodeSslRequest } from "../../proxy/wire/login.ts";
import { framePacket } from "../../proxy/wire/writer.ts";
import { LOGIN_CAPABILITIES } from "./raw-login.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A TLS handshake as clients of the proxy do it, to look at what they are shown. */
export async function tlsHandshake({ host, port }: Address, early = false): Promise<TLSSocket> {
  const socket = connectSocket({ host, port });
  await once(socket, "data");
  const head = {
    capabilities: (LOGIN_CAPABILITIES | Capability.SSL) >>> 0,
    mariadbCapabilities: 0,
    maxPacketBytes: 0xff_ffff,
    charset: 45,
  };
  // The beginning of the hello may arrive in one piece with the request.
  if (early) socket.cork();
  socket.write(framePacket(encodeSslRequest({ kind: "sslRequest", ...head }), 1));
  const secure = connectTls({ socket, rejectUnauthorized: false, servername: "localhost" });
  if (early) setImmediate(() => socket.uncork());
  await once(secure, "secureConnect");
  return secure;
}
